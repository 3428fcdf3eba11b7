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

// The same on a CUDA device, of graphs of as many nodes each: a column is counted
// within its graph, so that any of them make a batch without a copy.
struct DeviceCsr {
  at::Tensor ptr;    // [graphs * nodes + 1] int64
  at::Tensor col;    // [entries] int32
  at::Tensor value;  // [entries] float32
};

// Shared by the handle and by every autograd node that will need it backwards.
struct Matrix : torch::CustomClassHolder {
  int64_t n = 0;
  Csr forward, transposed;
  // Set where libtorch multiplies, when asked for.
  at::Tensor sparse_forward, sparse_transposed;
  // Set on a CUDA device, where forward and transposed are empty.
  DeviceCsr device_forward, device_transposed;
  int64_t nodes = 0;  // of one graph
  at::Tensor index;   // [graphs] int64 those that are meant; undefined: all

  bool on_device() const { return device_forward.ptr.defined(); }
};

}  // namespace gnn

struct gnn_adjacency {
  c10::intrusive_ptr<gnn::Matrix> matrix;
};
