// tensor.cc: handles of tensors, and what moves between them and host memory.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cstring>

#include "guard.h"

using gnn::guard;
using gnn::own;
using gnn::tensor;

void gnn_tensor_adopt(gnn_tensor) { gnn::live_handles.fetch_add(1, std::memory_order_relaxed); }

void gnn_tensors_free(const gnn_tensor* tensors, int64_t n) {
  // A tensor's destructor frees memory and does not throw.
  for (int64_t i = 0; i < n; i++) delete static_cast<at::Tensor*>(tensors[i]);
  gnn::live_handles.fetch_sub(n, std::memory_order_relaxed);
}

gnn_status gnn_tensor_to(gnn_tensor t, int32_t device, gnn_tensor* out) {
  return guard([&] { *out = own(tensor(t).to(gnn::device(device))); });
}

gnn_status gnn_tensor_clone(gnn_tensor t, gnn_tensor* out) {
  return guard([&] { *out = own(tensor(t).detach().clone()); });
}

gnn_status gnn_tensor_copy_(gnn_tensor dst, gnn_tensor src) {
  return guard([&] {
    const at::NoGradGuard no_grad;
    TORCH_CHECK(tensor(dst).sizes() == tensor(src).sizes(), "copying a tensor of shape ",
                tensor(src).sizes(), " into one of shape ", tensor(dst).sizes());
    tensor(dst).copy_(tensor(src));
  });
}

gnn_status gnn_tensor_fill_(gnn_tensor dst, double value) {
  return guard([&] {
    const at::NoGradGuard no_grad;
    tensor(dst).fill_(value);
  });
}

gnn_status gnn_tensor_set_data(gnn_tensor dst, gnn_tensor src) {
  return guard([&] { tensor(dst).set_data(tensor(src)); });
}

gnn_status gnn_tensor_requires_grad_(gnn_tensor t) {
  return guard([&] { tensor(t).set_requires_grad(true); });
}

gnn_status gnn_tensor_grad(gnn_tensor t, gnn_tensor* out) {
  return guard([&] {
    const auto& grad = tensor(t).grad();
    TORCH_CHECK(grad.defined(), "the tensor has no gradient: no backward pass has reached it");
    *out = own(grad);
  });
}

gnn_status gnn_tensor_read(gnn_tensor t, void* dst, int64_t bytes) {
  return guard([&] {
    const auto host = tensor(t).detach().to(at::kCPU).contiguous();
    TORCH_CHECK(static_cast<int64_t>(host.nbytes()) == bytes, "reading a tensor of ", host.nbytes(),
                " bytes into memory of ", bytes);
    if (bytes > 0) std::memcpy(dst, host.const_data_ptr(), host.nbytes());
  });
}

gnn_status gnn_tensor_item(gnn_tensor t, double* value) {
  return guard([&] { *value = tensor(t).item<double>(); });
}

gnn_status gnn_tensor_uniform(const int64_t* shape, int64_t dims, double low, double high,
                              gnn_tensor* out) {
  return guard(
      [&] { *out = own(at::empty(at::IntArrayRef(shape, dims), at::kFloat).uniform_(low, high)); });
}

gnn_status gnn_tensor_normal(const int64_t* shape, int64_t dims, gnn_tensor* out) {
  return guard([&] { *out = own(at::empty(at::IntArrayRef(shape, dims), at::kFloat).normal_()); });
}
