// adjacency.h: the matrix behind a gnn_adjacency, for what computes on it.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/custom_class.h>

#include <cstdint>
#include <vector>

#include "gnn.h"

namespace gnn {

// Compressed sparse rows. Entries of one row keep the order of the edges, so
// the order of every sum, and with it every bit, is fixed.
struct Csr {
  std::vector<int32_t> ptr;  // [n + 1]
  std::vector<int32_t> col;  // [entries]
  std::vector<float> value;  // [entries]
};

// Shared by the handle and by every autograd node that will need it backwards.
struct Matrix : torch::CustomClassHolder {
  int64_t n = 0;
  Csr forward, transposed;
  // Set where libtorch multiplies: on CUDA, or when asked for.
  at::Tensor sparse_forward, sparse_transposed;
};

}  // namespace gnn

struct gnn_adjacency {
  c10::intrusive_ptr<gnn::Matrix> matrix;
};
