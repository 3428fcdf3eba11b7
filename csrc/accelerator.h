// accelerator.h: our CUDA kernels, for those who launch them.
#pragma once

#include <ATen/core/Tensor.h>

#include "cuda/library.h"

namespace gnn {

// What libgnn_cuda.so has; throws before gnn_cuda_load has succeeded.
const CudaLibrary& cuda_library();

inline const gnn_kernels& kernels() { return *cuda_library().kernels; }

// The stream that this thread queues its work on, on the tensor's device.
inline void* stream_of(const at::Tensor& t) {
  return cuda_library().current_stream(t.device().index());
}

// Throws what CUDA said of a launch.
void launched(const char* what, int code);

}  // namespace gnn
