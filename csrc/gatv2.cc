// gatv2.cc: GATv2's attention as one autograd function. On the CPU a block of
// the batch and a head of it are one piece of work, which walks the rows of the
// adjacency and keeps a coefficient of each edge. Elsewhere, or where libtorch's
// own product is asked for, it is composed of libtorch's operations, of which
// only those are used that sum in a fixed order on CUDA too.
#include "gatv2.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "adjacency.h"
#include "guard.h"

using gnn::Csr;
using gnn::guard;
using gnn::Matrix;
using gnn::own;
using gnn::tensor;

namespace {

// PyG's softmax adds it to the sum.
constexpr float softmax_epsilon = 1e-16F;

// What a forward or backward pass reads, and where pieces of it lie.
struct Work {
  const Csr& csr;
  const std::vector<int64_t>& offsets;
  int64_t heads, channels;
  float slope;
  const float *source, *target, *att, *edge;
  const float* kept;  // [entries, heads] factor of each coefficient: 0 or 1 / (1 - p); nullptr: 1

  int64_t parts() const { return static_cast<int64_t>(offsets.size()) - 1; }
  int64_t width() const { return heads * channels; }

  // One piece is a block and a head.
  template <typename Piece>
  void each(const Piece& piece) const {
    at::parallel_for(0, parts() * heads, 1, [&](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; k++) piece(k / heads, k % heads);
    });
  }
};

// The sum over channels in eight lanes, in one order whatever the compiler does.
// s = xs + xt + value * edge before the leaky ReLU.
inline float score_of(const float* xs, const float* xt, float value, const float* edge,
                      const float* att, float slope, int64_t channels) {
  float lane[8] = {};
  int64_t c = 0;
  for (; c + 8 <= channels; c += 8) {
    for (int64_t l = 0; l < 8; l++) {
      const float s = xs[c + l] + xt[c + l] + value * edge[c + l];
      lane[l] += att[c + l] * (s > 0 ? s : slope * s);
    }
  }
  for (; c < channels; c++) {
    const float s = xs[c] + xt[c] + value * edge[c];
    lane[c % 8] += att[c] * (s > 0 ? s : slope * s);
  }
  return ((lane[0] + lane[4]) + (lane[1] + lane[5])) + ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}

inline float dot(const float* a, const float* b, int64_t channels) {
  float lane[8] = {};
  int64_t c = 0;
  for (; c + 8 <= channels; c += 8) {
    for (int64_t l = 0; l < 8; l++) lane[l] += a[c + l] * b[c + l];
  }
  for (; c < channels; c++) lane[c % 8] += a[c] * b[c];
  return ((lane[0] + lane[4]) + (lane[1] + lane[5])) + ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}

// Fills out [n, width] and alpha [entries, heads], before dropout.
void attend(const Work& w, float* alpha, float* out) {
  w.each([&](int64_t part, int64_t h) {
    const float *att = w.att + h * w.channels, *edge = w.edge + h * w.channels;
    for (int64_t i = w.offsets[part]; i < w.offsets[part + 1]; i++) {
      const auto at = [&](const float* x, int64_t node) {
        return x + node * w.width() + h * w.channels;
      };
      const auto begin = w.csr.ptr[i], end = w.csr.ptr[i + 1];
      float most = -std::numeric_limits<float>::infinity();
      for (auto k = begin; k < end; k++) {
        const float score = score_of(at(w.source, w.csr.col[k]), at(w.target, i), w.csr.value[k],
                                     edge, att, w.slope, w.channels);
        alpha[k * w.heads + h] = score;
        most = std::max(most, score);
      }
      float sum = 0;
      for (auto k = begin; k < end; k++) {
        auto& a = alpha[k * w.heads + h];
        a = std::exp(a - most);
        sum += a;
      }
      float* to = out + i * w.width() + h * w.channels;
      for (int64_t c = 0; c < w.channels; c++) to[c] = 0;
      for (auto k = begin; k < end; k++) {
        auto& a = alpha[k * w.heads + h];
        a /= sum + softmax_epsilon;
        const float weight = w.kept == nullptr ? a : a * w.kept[k * w.heads + h];
        const float* from = at(w.source, w.csr.col[k]);
        for (int64_t c = 0; c < w.channels; c++) to[c] += weight * from[c];
      }
    }
  });
}

// Adds to grad_source and grad_target [n, width], which hold zeros, and gives
// the blocks' own sums for att and edge, [parts, width] of zeros each.
void attend_backward(const Work& w, const float* alpha, const float* grad, float* grad_source,
                     float* grad_target, float* grad_att, float* grad_edge) {
  w.each([&](int64_t part, int64_t h) {
    const auto head = h * w.channels;
    const float *att = w.att + head, *edge = w.edge + head;
    float *to_att = grad_att + part * w.width() + head,
          *to_edge = grad_edge + part * w.width() + head;
    std::vector<float> grad_alpha;
    for (int64_t i = w.offsets[part]; i < w.offsets[part + 1]; i++) {
      const auto begin = w.csr.ptr[i], end = w.csr.ptr[i + 1];
      const float* g = grad + i * w.width() + head;
      const float* xt = w.target + i * w.width() + head;
      float* to_target = grad_target + i * w.width() + head;
      grad_alpha.resize(end - begin);
      float mean = 0;  // of grad_alpha, weighted by alpha
      for (auto k = begin; k < end; k++) {
        const auto from = w.csr.col[k] * w.width() + head;
        const float a = alpha[k * w.heads + h];
        const float factor = w.kept == nullptr ? 1 : w.kept[k * w.heads + h];
        const float d = factor * dot(g, w.source + from, w.channels);
        grad_alpha[k - begin] = d;
        mean += a * d;
        const float weight = a * factor;
        for (int64_t c = 0; c < w.channels; c++) grad_source[from + c] += weight * g[c];
      }
      for (auto k = begin; k < end; k++) {
        const auto from = w.csr.col[k] * w.width() + head;
        const float* xs = w.source + from;
        const float value = w.csr.value[k];
        const float d = alpha[k * w.heads + h] * (grad_alpha[k - begin] - mean);  // of the score
        float* to_source = grad_source + from;
        for (int64_t c = 0; c < w.channels; c++) {
          const float s = xs[c] + xt[c] + value * edge[c];
          const float factor = s > 0 ? 1 : w.slope;
          const float ds = d * att[c] * factor;
          to_att[c] += d * factor * s;
          to_edge[c] += ds * value;
          to_target[c] += ds;
          to_source[c] += ds;
        }
      }
    }
  });
}

struct Attention : torch::autograd::Function<Attention> {
  static Work work(const Matrix& m, const std::vector<int64_t>& offsets, double slope,
                   const at::Tensor& source, const at::Tensor& target, const at::Tensor& att,
                   const at::Tensor& edge, const at::Tensor& kept) {
    return {m.forward,
            offsets,
            att.size(0),
            att.size(1),
            static_cast<float>(slope),
            source.const_data_ptr<float>(),
            target.const_data_ptr<float>(),
            att.const_data_ptr<float>(),
            edge.const_data_ptr<float>(),
            kept.numel() > 0 ? kept.const_data_ptr<float>() : nullptr};
  }

  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x_source,
                            const at::Tensor& x_target, const at::Tensor& att,
                            const at::Tensor& edge, const at::Tensor& kept,
                            const c10::intrusive_ptr<Matrix>& matrix,
                            const std::vector<int64_t>& offsets, double slope) {
    const auto source = x_source.contiguous(), target = x_target.contiguous();
    const auto a = att.contiguous(), e = edge.contiguous();
    const auto w = work(*matrix, offsets, slope, source, target, a, e, kept);
    auto out = at::empty_like(source);
    const auto entries = static_cast<int64_t>(matrix->forward.col.size());
    auto alpha = at::empty({entries, w.heads}, source.options());
    attend(w, alpha.data_ptr<float>(), out.data_ptr<float>());
    context->save_for_backward({source, target, a, e, kept, alpha});
    context->saved_data["matrix"] = c10::IValue::make_capsule(matrix);
    context->saved_data["offsets"] = offsets;
    context->saved_data["slope"] = slope;
    return out;
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               const torch::autograd::tensor_list& grads) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "GATv2's attention has no second derivative");
    const auto saved = context->get_saved_variables();
    const auto matrix =
        c10::static_intrusive_pointer_cast<Matrix>(context->saved_data["matrix"].toCapsule());
    const auto offsets = context->saved_data["offsets"].toIntVector();
    const auto w = work(*matrix, offsets, context->saved_data["slope"].toDouble(), saved[0],
                        saved[1], saved[2], saved[3], saved[4]);
    const auto grad = grads[0].contiguous();
    auto source = at::zeros_like(saved[0]), target = at::zeros_like(saved[1]);
    auto att = at::zeros({w.parts(), w.width()}, grad.options()), edge = at::zeros_like(att);
    attend_backward(w, saved[5].const_data_ptr<float>(), grad.const_data_ptr<float>(),
                    source.data_ptr<float>(), target.data_ptr<float>(), att.data_ptr<float>(),
                    edge.data_ptr<float>());
    return {source,
            target,
            att.sum(0).view_as(saved[2]),
            edge.sum(0).view_as(saved[3]),
            at::Tensor(),
            at::Tensor(),
            at::Tensor(),
            at::Tensor()};
  }
};

struct Entries {
  at::Tensor source, target;  // [entries] nodes of the batch
  at::Tensor value;           // [entries]
};

Entries entries_of(const Matrix& m) {
  const auto rows =
      m.on_device() ? m.device_forward.ptr : m.sparse_forward.crow_indices().to(at::kLong);
  const auto columns =
      (m.on_device() ? m.device_forward.col : m.sparse_forward.col_indices()).to(at::kLong);
  const auto target =
      at::repeat_interleave(at::arange(m.n, rows.options()), rows.diff(), 0, columns.size(0));
  if (!m.on_device()) return {columns, target, m.sparse_forward.values()};
  // There a column is counted within its graph.
  const auto first = at::floor_divide(target, m.nodes) * m.nodes;
  return {columns + first, target, m.device_forward.value};
}

// The same of libtorch's operations. Gathering is by index and summing by
// index_put with accumulate: each is the other's gradient, and both have one
// order on CUDA, where index_add has none.
at::Tensor composed(const Matrix& m, const at::Tensor& x_source, const at::Tensor& x_target,
                    const at::Tensor& att, const at::Tensor& edge, double slope, double dropout) {
  const auto heads = att.size(0), channels = att.size(1);
  const auto e = entries_of(m);
  const auto &source = e.source, &target = e.target;
  const auto value = e.value.view({-1, 1, 1});
  using Index = c10::List<std::optional<at::Tensor>>;
  const auto gather = [](const at::Tensor& x, const at::Tensor& index) {
    return at::index(x, Index({std::optional<at::Tensor>(index)}));
  };
  const auto sum = [&](const at::Tensor& x) {
    auto shape = x.sizes().vec();
    shape[0] = m.n;
    return at::zeros(shape, x.options())
        .index_put(Index({std::optional<at::Tensor>(target)}), x, /*accumulate=*/true);
  };
  const auto messages = gather(x_source.view({-1, heads, channels}), source);
  const auto s = messages + gather(x_target.view({-1, heads, channels}), target) +
                 value * edge.view({1, heads, channels});
  const auto score = (at::leaky_relu(s, slope) * att.unsqueeze(0)).sum(-1);
  const auto most = at::zeros({m.n, heads}, score.options())
                        .scatter_reduce(0, target.unsqueeze(1).expand_as(score), score.detach(),
                                        "amax", /*include_self=*/false);
  const auto exponent = (score - gather(most, target)).exp();
  const auto alpha = exponent / gather(sum(exponent) + softmax_epsilon, target);
  const auto kept = at::dropout(alpha, dropout, dropout > 0);
  return sum(messages * kept.unsqueeze(-1)).view({m.n, heads * channels});
}

}  // namespace

gnn_status gnn_gatv2(const gnn_adjacency* a, const int64_t* offsets, int64_t parts,
                     gnn_tensor x_source, gnn_tensor x_target, gnn_tensor att, gnn_tensor edge,
                     double negative_slope, double dropout, gnn_tensor* out) {
  return guard([&] {
    const auto& m = *gnn::opened(a, "adjacency").matrix;
    const auto &xs = tensor(x_source), &xt = tensor(x_target), &at_ = tensor(att);
    const auto& e = tensor(edge);
    TORCH_CHECK(at_.dim() == 2 && xs.dim() == 2 && xs.size(0) == m.n && xs.size(1) == at_.numel() &&
                    xt.sizes() == xs.sizes() && e.numel() == at_.numel(),
                "GATv2 over ", m.n, " nodes: features of shapes ", xs.sizes(), " and ", xt.sizes(),
                ", att of ", at_.sizes(), " and edge weights of ", e.sizes(), " do not fit");
    for (const auto* t : {&xs, &xt, &at_, &e}) {
      TORCH_CHECK(t->scalar_type() == at::kFloat && t->device() == xs.device(),
                  "GATv2 needs float32 tensors of one device, not ", t->scalar_type(), " on ",
                  t->device());
    }
    TORCH_CHECK(dropout >= 0 && dropout < 1, "GATv2: a dropout of ", dropout);
    if (m.sparse_forward.defined() || m.on_device()) {
      const auto where = m.on_device() ? m.device_forward.ptr.device() : at::Device(at::kCPU);
      TORCH_CHECK(where == xs.device(), "GATv2: the adjacency is on ", where,
                  " and the features are on ", xs.device());
      TORCH_CHECK(!m.index.defined(), "GATv2 needs a batch of graphs, not a selection of them");
      *out = own(composed(m, xs, xt, at_, e, negative_slope, dropout));
      return;
    }
    TORCH_CHECK(xs.is_cpu(), "GATv2: the adjacency is in host memory and the features are on ",
                xs.device());
    const std::vector<int64_t> blocks(offsets, offsets + parts + 1);
    TORCH_CHECK(parts >= 1 && blocks.front() == 0 && blocks.back() == m.n &&
                    std::is_sorted(blocks.begin(), blocks.end()),
                "GATv2: the blocks of a batch do not make up its ", m.n, " nodes");
    auto kept = at::empty({0}, xs.options());  // none is dropped
    if (dropout > 0) {
      const at::NoGradGuard no_grad;
      const auto entries = static_cast<int64_t>(m.forward.col.size());
      kept = at::dropout(at::ones({entries, at_.size(0)}, xs.options()), dropout, true);
    }
    *out = own(Attention::apply(xs, xt, at_, e, kept, a->matrix, blocks, negative_slope));
  });
}
