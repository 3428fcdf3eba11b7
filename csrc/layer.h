// layer.h: what layer.cc, dropout.cc and adjacency.cc offer each other.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "adjacency.h"
#include "cuda/kernels.h"

namespace gnn {

// What follows a layer's sums, and what its dropout draws from (philox.h).
struct Activation {
  bool relu = false;
  uint32_t threshold = 0, layer = 0;
  float scale = 1;
  uint64_t seed = 0;
  at::Tensor step;  // int64 scalar
};

// What the values are multiplied by that dropout keeps, of a probability in 2^-16ths.
inline float scale_of(int64_t threshold) {
  return static_cast<float>(65536.0 / static_cast<double>(65536 - threshold));
}

// ReLU and dropout with probability p, in 2^-16ths; without dropout step may be NULL.
Activation activation_of(double p, uint64_t seed, gnn_tensor step, uint32_t layer);

// All of it as an autograd function; dropout.cc.
at::Tensor relu_dropout(const at::Tensor& x, const Activation& activation);
// Dropout alone; x itself without any.
at::Tensor keyed_dropout(const at::Tensor& x, const Activation& activation);

// Dropout of a tensor on the CPU, a stretch at a time.
struct Draw {
  uint64_t seed = 0, step = 0;
  uint32_t layer = 0, threshold = 0;
  float scale = 1;
};
Draw draw_of(const Activation& activation);
// Throws where so many values like x's cannot be drawn for.
void check_draws(const Activation& activation, const at::Tensor& x, int64_t values);
// bits of the values first to first + n decide: one is kept where it has threshold or more. first
// is a multiple of 8, and bits have room for n up to the next multiple of 64.
void draw_bits(const Draw& d, int64_t first, int64_t n, uint16_t* bits);

// Whether a loop of ours can read it: float32 on the CPU, in order.
inline bool is_floats(const at::Tensor& t) {
  return t.is_cpu() && t.scalar_type() == at::kFloat && t.is_contiguous();
}

// x W^T + bias, which may be undefined; nothing where BLAS or a device does it. linear.cc.
std::optional<at::Tensor> few_channels(const at::Tensor& x, const at::Tensor& weight,
                                       const at::Tensor& bias);

// torch.nn.functional.conv1d over bars as an autograd function; temporal.cc.
at::Tensor causal_conv(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                       int64_t dilation);

// A x as an autograd function, after checks; adjacency.cc.
at::Tensor multiply(const c10::intrusive_ptr<Matrix>& matrix, const at::Tensor& x);
// A^T x on a CUDA device, without one.
at::Tensor multiply_transposed(const Matrix& m, const at::Tensor& x);
gnn_blocks blocks_of(const Matrix& m, const DeviceCsr& a);

// The layer in one pass; nothing where it does not fit or does not pay.
std::optional<at::Tensor> fused_layer(const c10::intrusive_ptr<Matrix>& matrix, const at::Tensor& x,
                                      const at::Tensor& w, const at::Tensor& bias,
                                      const Activation& activation);

}  // namespace gnn
