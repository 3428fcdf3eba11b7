// shape.cc: other views of a tensor's values.
#include <ATen/ATen.h>

#include "guard.h"

using gnn::guard;
using gnn::own;
using gnn::tensor;

gnn_status gnn_reshape(gnn_tensor x, const int64_t* shape, int64_t dims, gnn_tensor* out) {
  return guard([&] { *out = own(tensor(x).reshape(at::IntArrayRef(shape, dims))); });
}

gnn_status gnn_narrow(gnn_tensor x, int64_t axis, int64_t start, int64_t length, gnn_tensor* out) {
  return guard([&] { *out = own(tensor(x).narrow(axis, start, length)); });
}

gnn_status gnn_transpose(gnn_tensor x, gnn_tensor* out) {
  return guard([&] { *out = own(tensor(x).transpose(-2, -1)); });
}
