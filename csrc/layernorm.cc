// layernorm.cc: layer norm over many rows as one autograd function on the CPU, the gradients of
// whose weights do not depend on how many threads there are.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <vector>

#include "guard.h"
#include "layer.h"
#include "small.h"

using gnn::guard;
using gnn::own;
using gnn::Shards;
using gnn::tensor;

namespace {

constexpr int64_t piece_rows = 256;

struct LayerNorm : torch::autograd::Function<LayerNorm> {
  template <typename Piece>
  static void each(int64_t rows, const Piece& piece) {
    const Shards shards((rows + piece_rows - 1) / piece_rows);
    at::parallel_for(0, shards.count, 1, [&](int64_t begin, int64_t end) {
      std::vector<gnn::Moments> moments(piece_rows);
      std::vector<float> room;
      for (auto shard = begin; shard < end; shard++) {
        for (auto k = shards.begin(shard); k < shards.end(shard); k++) {
          const auto first = k * piece_rows;
          piece(shard, first, std::min(piece_rows, rows - first), moments.data(), room);
        }
      }
    });
  }

  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight, const at::Tensor& bias) {
    const auto c = x.size(-1);
    auto y = at::empty_like(x);
    const auto *from = x.const_data_ptr<float>(), *w = weight.const_data_ptr<float>(),
               *b = bias.const_data_ptr<float>();
    auto* to = y.mutable_data_ptr<float>();
    each(x.numel() / c, [&](int64_t, int64_t first, int64_t n, gnn::Moments* moments, auto&) {
      gnn::layer_norm(from + first * c, n, c, w, b, to + first * c, moments);
    });
    context->save_for_backward({x, weight, bias});
    return y;
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               const torch::autograd::tensor_list& grads) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "our layer norm has no second derivative");
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &weight = saved[1], &bias = saved[2];
    const auto grad = grads[0].contiguous();
    const auto c = x.size(-1);
    auto grad_x = at::zeros_like(x);
    const auto partial = at::zeros({Shards::most, 2 * c}, x.options());
    const auto *from = x.const_data_ptr<float>(), *w = weight.const_data_ptr<float>(),
               *b = bias.const_data_ptr<float>(), *g = grad.const_data_ptr<float>();
    auto *to = grad_x.mutable_data_ptr<float>(), *sums = partial.mutable_data_ptr<float>();
    each(x.numel() / c, [&](int64_t shard, int64_t first, int64_t n, gnn::Moments* moments,
                            std::vector<float>& room) {
      room.resize(piece_rows * c);
      gnn::layer_norm(from + first * c, n, c, w, b, room.data(), moments);
      auto* into = sums + shard * 2 * c;
      gnn::layer_norm_backward(from + first * c, moments, g + first * c, n, c, w, to + first * c,
                               into, into + c);
    });
    const auto all = at::zeros({2 * c}, x.options());
    gnn::add_rows(sums, Shards::most, 2 * c, all.mutable_data_ptr<float>());
    return {grad_x, all.narrow(0, 0, c), all.narrow(0, c, c)};
  }
};

}  // namespace

gnn_status gnn_layer_norm(gnn_tensor x, gnn_tensor weight, gnn_tensor bias, gnn_tensor* out) {
  return guard([&] {
    const auto &in = tensor(x), &w = tensor(weight), &b = tensor(bias);
    if (gnn::is_floats(in) && gnn::is_floats(w) && gnn::is_floats(b) && in.numel() > 0 &&
        w.dim() == 1 && b.sizes() == w.sizes() && in.size(-1) == w.size(0) &&
        gnn::fits_lanes(w.size(0))) {
      *out = own(LayerNorm::apply(in, w, b));
      return;
    }
    *out = own(at::layer_norm(in, w.sizes(), w, b, 1e-5));
  });
}
