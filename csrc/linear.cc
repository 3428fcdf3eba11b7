// linear.cc: a linear map of few channels over many rows, as one autograd function on the CPU. Rows
// are cut into pieces by their number alone, so that no sum depends on how many threads there are;
// BLAS pays where a weight no longer fits in a cache.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "layer.h"
#include "small.h"

using gnn::Shards;

namespace {

// Rows of a piece of work, and channels above which BLAS does it.
constexpr int64_t piece_rows = 96, most_channels = 256;

int64_t pieces(int64_t rows) { return (rows + piece_rows - 1) / piece_rows; }

// A matrix with zeros to the right, up to whole lanes.
at::Tensor padded(const at::Tensor& m) {
  const auto missing = gnn::whole_lanes(m.size(-1)) - m.size(-1);
  return missing == 0 ? m.contiguous() : at::constant_pad_nd(m, {0, missing});
}

// Rows of one width, from or to rows of another; what lies past either is left.
void copy_rows(const float* from, int64_t from_width, float* to, int64_t to_width, int64_t rows) {
  for (int64_t i = 0; i < rows; i++) {
    std::copy_n(from + i * from_width, std::min(from_width, to_width), to + i * to_width);
  }
}

// out [rows, width] = x [rows, in] m [in, wide] + bias, which begins as nullptr or [wide]; room has
// piece_rows rows of wide where width is another.
void multiply(const float* x, int64_t rows, int64_t in, const float* m, int64_t wide,
              const float* bias, float* out, int64_t width, float* room) {
  auto* to = width == wide ? out : room;
  if (bias == nullptr) {
    std::fill_n(to, rows * wide, 0.0F);
  } else {
    for (int64_t i = 0; i < rows; i++) std::copy_n(bias, wide, to + i * wide);
  }
  gnn::multiply_add(rows, wide, in, {x, in}, {m, wide}, to, wide);
  if (width != wide) copy_rows(room, wide, out, width, rows);
}

struct Linear : torch::autograd::Function<Linear> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
    const auto rows = x.size(0), in = x.size(1), out = weight.size(0);
    const auto m = padded(weight.t());
    const auto wide = m.size(1);
    const auto b = bias ? padded(*bias) : at::Tensor();
    auto y = at::empty({rows, out}, x.options());
    const auto *from = x.const_data_ptr<float>(), *factors = m.const_data_ptr<float>(),
               *biases = bias ? b.const_data_ptr<float>() : nullptr;
    auto* to = y.mutable_data_ptr<float>();
    at::parallel_for(0, pieces(rows), 1, [&](int64_t begin, int64_t end) {
      std::vector<float> room(wide == out ? 0 : piece_rows * wide);
      for (auto first = begin * piece_rows; first < std::min(end * piece_rows, rows);
           first += piece_rows) {
        const auto n = std::min(piece_rows, rows - first);
        multiply(from + first * in, n, in, factors, wide, biases, to + first * out, out,
                 room.data());
      }
    });
    context->save_for_backward({x, weight});
    context->saved_data["bias"] = bias.has_value();
    return y;
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               const torch::autograd::tensor_list& grads) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "our linear map has no second derivative");
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &weight = saved[1];
    const auto grad = grads[0].contiguous();
    const auto rows = x.size(0), in = x.size(1), out = weight.size(0);
    const auto wide = gnn::whole_lanes(out);
    at::Tensor grad_x, m;
    if (context->needs_input_grad(0)) {
      grad_x = at::empty_like(x);
      m = padded(weight);
    }
    const auto *from = x.const_data_ptr<float>(), *g = grad.const_data_ptr<float>(),
               *factors = m.defined() ? m.const_data_ptr<float>() : nullptr;
    auto* to = grad_x.defined() ? grad_x.mutable_data_ptr<float>() : nullptr;
    const Shards shards(pieces(rows));
    const auto size = (in + 1) * wide;  // [in, wide] of the weight, [wide] of the bias
    const auto partial = at::zeros({shards.count, size}, x.options());
    auto* sums = partial.mutable_data_ptr<float>();
    at::parallel_for(0, shards.count, 1, [&](int64_t begin, int64_t end) {
      std::vector<float> wider(wide == out ? 0 : piece_rows * wide),
          room(piece_rows * gnn::whole_lanes(in));
      for (auto shard = begin; shard < end; shard++) {
        auto* into = sums + shard * size;
        for (auto k = shards.begin(shard); k < shards.end(shard); k++) {
          const auto first = k * piece_rows, n = std::min(piece_rows, rows - first);
          const auto* of = g + first * out;
          if (wide != out) {
            copy_rows(of, out, wider.data(), wide, n);
            of = wider.data();
          }
          gnn::multiply_add(in, wide, n, {from + first * in, 1, in}, {of, wide}, into, wide);
          gnn::add_rows(of, n, wide, into + in * wide);
          if (to != nullptr) {
            multiply(g + first * out, n, out, factors, gnn::whole_lanes(in), nullptr,
                     to + first * in, in, room.data());
          }
        }
      }
    });
    const auto all = at::zeros({in + 1, wide}, x.options());
    gnn::add_rows(sums, shards.count, size, all.mutable_data_ptr<float>());
    const auto meant = all.narrow(1, 0, out);
    // Cloned: contiguous() leaves the strides of an axis of one value as they are, and an
    // optimiser would not take that gradient.
    return {grad_x, meant.narrow(0, 0, in).t().clone(at::MemoryFormat::Contiguous),
            context->saved_data["bias"].toBool() ? meant[in].clone(at::MemoryFormat::Contiguous)
                                                 : at::Tensor()};
  }
};

}  // namespace

std::optional<at::Tensor> gnn::few_channels(const at::Tensor& x, const at::Tensor& weight,
                                            const at::Tensor& bias) {
  if (!is_floats(x) || !is_floats(weight) || x.dim() < 2 || x.numel() == 0 || weight.dim() != 2 ||
      weight.size(1) != x.size(-1) || weight.numel() == 0 ||
      std::max(weight.size(0), weight.size(1)) > most_channels ||
      (bias.defined() && (!is_floats(bias) || bias.dim() != 1 || bias.size(0) != weight.size(0)))) {
    return std::nullopt;
  }
  auto sizes = x.sizes().vec();
  sizes.back() = weight.size(0);
  return Linear::apply(x.view({-1, x.size(-1)}), weight,
                       bias.defined() ? std::optional<at::Tensor>(bias) : std::nullopt)
      .view(sizes);
}
