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

// ReLU and dropout with probability p, in 2^-16ths; without dropout step may be NULL.
Activation activation_of(double p, uint64_t seed, gnn_tensor step, uint32_t layer);

// All of it as an autograd function; dropout.cc.
at::Tensor relu_dropout(const at::Tensor& x, const Activation& activation);

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
