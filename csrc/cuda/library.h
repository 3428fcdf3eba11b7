// library.h: what libgnn.so takes from libgnn_cuda.so, which it opens at run time
// beside libtorch's CUDA half. Its functions throw, and libgnn.so's guards catch.
#pragma once

#include <stdint.h>

#include "kernels.h"

namespace gnn {

// Work of a stream that was recorded once and is replayed as a whole.
class Capture {
 public:
  virtual ~Capture() = default;
  virtual void end() = 0;
  virtual void replay() = 0;
};

struct CudaLibrary {
  const gnn_kernels* kernels;
  // Has the calling thread queue all its work on a stream that can be captured.
  void (*use_own_stream)(int device);
  void* (*current_stream)(int device);
  // Records what the calling thread queues from now until end. The caller owns it.
  Capture* (*begin_capture)(int device);
};

}  // namespace gnn

extern "C" const gnn::CudaLibrary* gnn_cuda_library(void);
