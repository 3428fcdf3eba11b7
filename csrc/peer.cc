// peer.cc: a layer of peers' residuals as one autograd function,
//
//	y = x + W_out GELU(W_self v + (I - B) W_peers v),  v = LayerNorm(x).
//
// Bars exchange nothing, so on the CPU some bars of one graph are a piece of work that stays in a
// processor's cache. Elsewhere it is composed of libtorch's operations.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <vector>

#include "adjacency.h"
#include "clones.h"
#include "guard.h"
#include "layer.h"
#include "small.h"

using gnn::Csr;
using gnn::guard;
using gnn::Matrix;
using gnn::own;
using gnn::Shards;
using gnn::tensor;

namespace {

// Values of a piece's tensor: a few of them lie in a second cache side by side.
constexpr int64_t piece_values = 16384;

// out += a x, of n values.
GNN_CLONES void add_scaled(float a, const float* x, int64_t n, float* out) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; i++) out[i] += a * x[i];
}

// out = factor out
GNN_CLONES void multiply_by(const float* factor, int64_t n, float* out) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; i++) out[i] *= factor[i];
}

// W_self, W_peers, W_out: [out, in] each, or [in, out], one after another.
struct Weights {
  const float *self, *peers, *out;
};

struct Layer {
  int64_t bars, channels;
  const std::vector<int64_t>& offsets;  // of the graphs' first nodes, and their end
  const Matrix& matrix;
  const float *x, *norm_weight, *norm_bias;
  int64_t together = 1;   // bars of a piece
  int64_t per_graph = 1;  // pieces

  int64_t pieces() const { return (static_cast<int64_t>(offsets.size()) - 1) * per_graph; }
};

// Some bars of one graph.
struct Piece {
  Piece(const Layer& l, int64_t number)
      : first(l.offsets[number / l.per_graph]),
        nodes(l.offsets[number / l.per_graph + 1] - first),
        bar(number % l.per_graph * l.together),
        bars(std::min(l.together, l.bars - bar)),
        row(bars * l.channels),
        stride(l.bars * l.channels),
        begin((first * l.bars + bar) * l.channels) {}

  int64_t rows() const { return nodes * bars; }
  int64_t values() const { return nodes * row; }

  // From a tensor over all bars, or to it.
  void take(const float* from, float* to) const {
    for (int64_t i = 0; i < nodes; i++) std::copy_n(from + begin + i * stride, row, to + i * row);
  }
  void put(const float* from, float* to) const {
    for (int64_t i = 0; i < nodes; i++) std::copy_n(from + i * row, row, to + begin + i * stride);
  }

  // out -= A x, over the piece's nodes.
  void subtract_product(const Csr& a, const float* x, float* out) const {
    for (int64_t i = 0; i < nodes; i++) {
      for (auto k = a.ptr[first + i]; k < a.ptr[first + i + 1]; k++) {
        add_scaled(-a.value[k], x + (a.col[k] - first) * row, row, out + i * row);
      }
    }
  }

  int64_t first, nodes;  // of the graph
  int64_t bar, bars;     // of the run
  int64_t row;           // values of a node
  int64_t stride;        // from one node to the next, in a tensor over all bars
  int64_t begin;
};

// What a thread computes with.
struct Scratch {
  explicit Scratch(const Layer& l) {
    int64_t most = 0;
    for (size_t g = 0; g + 1 < l.offsets.size(); g++) {
      most = std::max(most, l.offsets[g + 1] - l.offsets[g]);
    }
    const auto values = static_cast<size_t>(most * l.together * l.channels);
    for (auto* v : {&x, &normed, &own, &hidden, &activated, &grad}) v->resize(values);
    moments.resize(static_cast<size_t>(most * l.together));
  }

  std::vector<float> x, normed, own, hidden, activated, grad;
  std::vector<gnn::Moments> moments;
};

// out [rows, channels] = x W^T + bias, of weights [in, out].
void linear(const float* x, int64_t rows, int64_t channels, const float* weight, const float* bias,
            float* out) {
  for (int64_t i = 0; i < rows; i++) std::copy_n(bias, channels, out + i * channels);
  gnn::multiply_add(rows, channels, channels, {x, channels}, {weight, channels}, out, channels);
}

// v = LayerNorm(x), of which s keeps both.
void normalise(const Layer& l, const Piece& p, Scratch& s) {
  p.take(l.x, s.x.data());
  gnn::layer_norm(s.x.data(), p.rows(), l.channels, l.norm_weight, l.norm_bias, s.normed.data(),
                  s.moments.data());
}

// hidden and y are over all bars; weights are [in, out].
void forward_piece(const Layer& l, const Piece& p, const Weights& w, const Weights& bias,
                   Scratch& s, float* hidden, float* y) {
  const auto c = l.channels, rows = p.rows();
  normalise(l, p, s);
  linear(s.normed.data(), rows, c, w.peers, bias.peers, s.own.data());
  linear(s.normed.data(), rows, c, w.self, bias.self, s.hidden.data());
  add_scaled(1, s.own.data(), p.values(), s.hidden.data());
  p.subtract_product(l.matrix.forward, s.own.data(), s.hidden.data());
  p.put(s.hidden.data(), hidden);
  gnn::gelu(s.hidden.data(), p.values(), s.activated.data());
  linear(s.activated.data(), rows, c, w.out, bias.out, s.own.data());
  add_scaled(1, s.own.data(), p.values(), s.x.data());
  p.put(s.x.data(), y);
}

// Gradients of what is learned: three of [out, in], and five of [channels].
struct Sums {
  float *self, *peers, *out, *self_bias, *peers_bias, *out_bias, *norm_weight, *norm_bias;

  static int64_t size(int64_t c) { return 3 * c * c + 5 * c; }
  Sums(int64_t c, float* at)
      : self(at),
        peers(at + c * c),
        out(at + 2 * c * c),
        self_bias(at + 3 * c * c),
        peers_bias(self_bias + c),
        out_bias(peers_bias + c),
        norm_weight(out_bias + c),
        norm_bias(norm_weight + c) {}
};

// hidden, grad and grad_x are over all bars; weights are [out, in].
void backward_piece(const Layer& l, const Piece& p, const Weights& w, const float* hidden,
                    const float* grad, Scratch& s, const Sums& sums, float* grad_x) {
  const auto c = l.channels, rows = p.rows(), values = p.values();
  normalise(l, p, s);
  p.take(hidden, s.hidden.data());
  p.take(grad, s.grad.data());
  gnn::gelu_and_slope(s.hidden.data(), values, s.activated.data());
  const auto gradients = [&](const float* of, const float* x, float* weight, float* bias) {
    gnn::multiply_add(c, c, rows, {of, 1, c}, {x, c}, weight, c);
    gnn::add_rows(of, rows, c, bias);
  };
  gradients(s.grad.data(), s.activated.data(), sums.out, sums.out_bias);
  auto* to_hidden = s.activated.data();
  std::fill_n(to_hidden, values, 0.0F);
  gnn::multiply_add(rows, c, c, {s.grad.data(), c}, {w.out, c}, to_hidden, c);
  multiply_by(s.hidden.data(), values, to_hidden);
  auto* to_own = s.own.data();
  std::copy_n(to_hidden, values, to_own);
  p.subtract_product(l.matrix.transposed, to_hidden, to_own);
  gradients(to_hidden, s.normed.data(), sums.self, sums.self_bias);
  gradients(to_own, s.normed.data(), sums.peers, sums.peers_bias);
  auto* to_normed = s.hidden.data();
  std::fill_n(to_normed, values, 0.0F);
  gnn::multiply_add(rows, c, c, {to_hidden, c}, {w.self, c}, to_normed, c);
  gnn::multiply_add(rows, c, c, {to_own, c}, {w.peers, c}, to_normed, c);
  gnn::layer_norm_backward(s.x.data(), s.moments.data(), to_normed, rows, c, l.norm_weight,
                           s.grad.data(), sums.norm_weight, sums.norm_bias);
  p.put(s.grad.data(), grad_x);
}

using Parameters = std::vector<at::Tensor>;  // norm, self, peers, out: a weight and a bias each

Weights floats(const Parameters& p, size_t of) {
  return {p[2 + of].const_data_ptr<float>(), p[4 + of].const_data_ptr<float>(),
          p[6 + of].const_data_ptr<float>()};
}

struct PeerLayer : torch::autograd::Function<PeerLayer> {
  static Layer of(const at::Tensor& x, const Parameters& p, const Matrix& matrix,
                  const std::vector<int64_t>& offsets) {
    Layer l = {x.dim() == 3 ? x.size(1) : 1,
               x.size(-1),
               offsets,
               matrix,
               x.const_data_ptr<float>(),
               p[0].const_data_ptr<float>(),
               p[1].const_data_ptr<float>()};
    const auto graphs = static_cast<int64_t>(offsets.size()) - 1;
    const auto nodes = std::max<int64_t>(1, matrix.n / graphs);
    l.together = std::clamp<int64_t>(piece_values / (nodes * l.channels), 1, l.bars);
    l.per_graph = (l.bars + l.together - 1) / l.together;
    return l;
  }

  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& norm_weight, const at::Tensor& norm_bias,
                            const at::Tensor& self, const at::Tensor& self_bias,
                            const at::Tensor& peers, const at::Tensor& peers_bias,
                            const at::Tensor& out, const at::Tensor& out_bias,
                            const c10::intrusive_ptr<Matrix>& matrix,
                            const std::vector<int64_t>& offsets) {
    const Parameters p = {norm_weight, norm_bias,  self, self_bias,
                          peers,       peers_bias, out,  out_bias};
    const auto l = of(x, p, *matrix, offsets);
    const Parameters in_out = {self.t().contiguous(), peers.t().contiguous(), out.t().contiguous()};
    const Weights weights = {in_out[0].const_data_ptr<float>(), in_out[1].const_data_ptr<float>(),
                             in_out[2].const_data_ptr<float>()};
    const auto biases = floats(p, 1);
    const auto hidden = at::empty_like(x);
    auto y = at::empty_like(x);
    auto *kept = hidden.mutable_data_ptr<float>(), *to = y.mutable_data_ptr<float>();
    at::parallel_for(0, l.pieces(), 1, [&](int64_t begin, int64_t end) {
      Scratch s(l);
      for (auto k = begin; k < end; k++)
        forward_piece(l, Piece(l, k), weights, biases, s, kept, to);
    });
    context->save_for_backward(
        {x, hidden, norm_weight, norm_bias, self, self_bias, peers, peers_bias, out, out_bias});
    context->saved_data["matrix"] = c10::IValue::make_capsule(matrix);
    context->saved_data["offsets"] = offsets;
    return y;
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               const torch::autograd::tensor_list& grads) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "our layer of peers has no second derivative");
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &hidden = saved[1];
    const Parameters p(saved.begin() + 2, saved.end());
    const auto matrix =
        c10::static_intrusive_pointer_cast<Matrix>(context->saved_data["matrix"].toCapsule());
    const auto offsets = context->saved_data["offsets"].toIntVector();
    const auto l = of(x, p, *matrix, offsets);
    const auto weights = floats(p, 0);
    const auto grad = grads[0].contiguous();
    auto grad_x = at::empty_like(x);
    const auto *before = hidden.const_data_ptr<float>(), *g = grad.const_data_ptr<float>();
    auto* to = grad_x.mutable_data_ptr<float>();
    const Shards shards(l.pieces());
    const auto size = Sums::size(l.channels), c = l.channels;
    const auto partial = at::zeros({shards.count, size}, x.options());
    auto* sums = partial.mutable_data_ptr<float>();
    at::parallel_for(0, shards.count, 1, [&](int64_t begin, int64_t end) {
      Scratch s(l);
      for (int64_t shard = begin; shard < end; shard++) {
        const Sums into(c, sums + shard * size);
        for (auto k = shards.begin(shard); k < shards.end(shard); k++) {
          backward_piece(l, Piece(l, k), weights, before, g, s, into, to);
        }
      }
    });
    const auto all = at::zeros({size}, x.options());
    gnn::add_rows(sums, shards.count, size, all.mutable_data_ptr<float>());
    const auto matrix_of = [&](int64_t k) { return all.narrow(0, k * c * c, c * c).view({c, c}); };
    const auto vector_of = [&](int64_t k) { return all.narrow(0, 3 * c * c + k * c, c); };
    return {grad_x,       vector_of(3), vector_of(4), matrix_of(0), vector_of(0), matrix_of(1),
            vector_of(1), matrix_of(2), vector_of(2), at::Tensor(), at::Tensor()};
  }
};

// Whether no edge leaves its graph.
bool within(const Csr& a, const std::vector<int64_t>& offsets) {
  for (size_t g = 0; g + 1 < offsets.size(); g++) {
    for (auto k = a.ptr[offsets[g]]; k < a.ptr[offsets[g + 1]]; k++) {
      if (a.col[k] < offsets[g] || a.col[k] >= offsets[g + 1]) return false;
    }
  }
  return true;
}

bool fits(const at::Tensor& x, const Parameters& p, const Matrix& m) {
  return gnn::fits_lanes(x.size(-1)) && x.numel() > 0 && gnn::is_floats(x) &&
         std::all_of(p.begin(), p.end(), gnn::is_floats) && !m.on_device() &&
         !m.sparse_forward.defined();
}

at::Tensor composed(const at::Tensor& x, const Parameters& p,
                    const c10::intrusive_ptr<Matrix>& matrix) {
  const auto normed = at::layer_norm(x, p[0].sizes(), p[0], p[1], 1e-5);
  const auto own_part = at::linear(normed, p[4], p[5]);
  const auto explained =
      gnn::multiply(matrix, own_part.reshape({x.size(0), -1})).view(own_part.sizes());
  const auto hidden = at::linear(normed, p[2], p[3]) + (own_part - explained);
  return x + at::linear(at::gelu(hidden), p[6], p[7]);
}

}  // namespace

gnn_status gnn_peer_layer(const gnn_adjacency* a, const int64_t* offsets, int64_t graphs,
                          gnn_tensor x, const gnn_tensor* parameters, gnn_tensor* out) {
  return guard([&] {
    const auto& in = tensor(x);
    TORCH_CHECK(a != nullptr, "the adjacency is closed");
    const auto& matrix = a->matrix;
    const auto p = gnn::tensors(parameters, 8);
    TORCH_CHECK((in.dim() == 2 || in.dim() == 3) && in.size(0) == matrix->n,
                "a layer of peers over ", in.sizes(), " beside a graph of ", matrix->n, " nodes");
    const auto c = in.size(-1);
    for (size_t k = 0; k < p.size(); k++) {
      const bool vector = k < 2 || k % 2 == 1;
      TORCH_CHECK(p[k].numel() == (vector ? c : c * c) && p[k].size(0) == c, "a layer of peers of ",
                  c, " channels has parameters of ", p[k].sizes());
    }
    if (!fits(in, p, *matrix)) {
      *out = own(composed(in, p, matrix));
      return;
    }
    const std::vector<int64_t> ends(offsets, offsets + graphs + 1);
    TORCH_CHECK(graphs > 0 && ends.front() == 0 && ends.back() == matrix->n &&
                    std::is_sorted(ends.begin(), ends.end()) && within(matrix->forward, ends),
                "the graphs' nodes are not those of the adjacency");
    *out = own(PeerLayer::apply(in, p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], matrix, ends));
  });
}
