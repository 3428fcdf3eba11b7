// guard.h: what every function of the C ABI is wrapped in.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <atomic>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "gnn.h"

namespace gnn {

// Handles that C owns and Go has not freed.
extern std::atomic<int64_t> live_handles;

// The status of the exception that is being handled.
gnn_status current_exception_status() noexcept;

// Runs body and turns whatever it throws into a status.
template <typename Body>
gnn_status guard(Body&& body) noexcept {
  try {
    std::forward<Body>(body)();
    return {GNN_OK, nullptr};
  } catch (...) {
    return current_exception_status();
  }
}

// Thrown where there is no CUDA to use; code is GNN_NO_CUDA or GNN_CUDA_UNUSABLE.
struct CudaError : std::runtime_error {
  CudaError(int32_t code, const std::string& what) : std::runtime_error(what), code(code) {}
  int32_t code;
};

inline const at::Tensor& tensor(gnn_tensor handle) {
  TORCH_CHECK(handle != nullptr, "a tensor handle is NULL");
  return *static_cast<const at::Tensor*>(handle);
}

inline std::vector<at::Tensor> tensors(const gnn_tensor* handles, int64_t n) {
  std::vector<at::Tensor> all;
  all.reserve(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; i++) all.push_back(tensor(handles[i]));
  return all;
}

// What a handle points to. Go's Close sets its handle to NULL.
template <typename Handle>
Handle& opened(Handle* handle, const char* what) {
  TORCH_CHECK(handle != nullptr, "the ", what, " is closed");
  return *handle;
}

// A new handle of the caller's.
inline gnn_tensor own(at::Tensor t) {
  auto* handle = new at::Tensor(std::move(t));
  live_handles.fetch_add(1, std::memory_order_relaxed);
  return handle;
}

// -1 is the CPU, n >= 0 is CUDA device n.
inline at::Device device(int32_t index) {
  TORCH_CHECK(index >= -1 && index <= std::numeric_limits<c10::DeviceIndex>::max(), "device ",
              index, " is neither -1, the CPU, nor the number of a CUDA device");
  return index < 0 ? at::Device(at::kCPU)
                   : at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(index));
}

}  // namespace gnn
