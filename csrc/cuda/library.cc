// library.cc: streams, and steps that are captured in a CUDA graph: a step of a
// small model is some thirty kernels of a microsecond or two, and launching them
// one by one takes longer than they do.
#include "library.h"

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

extern "C" const gnn_kernels* gnn_cuda_kernels(void);

namespace {

c10::DeviceIndex index_of(int device) { return static_cast<c10::DeviceIndex>(device); }

// A moment in a stream.
class Mark {
 public:
  Mark() { C10_CUDA_CHECK(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming)); }
  ~Mark() { cudaEventDestroy(event_); }
  Mark(const Mark&) = delete;
  Mark& operator=(const Mark&) = delete;

  void record(cudaStream_t stream) { C10_CUDA_CHECK(cudaEventRecord(event_, stream)); }
  // At once where it was never recorded.
  void wait() { C10_CUDA_CHECK(cudaEventSynchronize(event_)); }

 private:
  cudaEvent_t event_{};
};

class GraphCapture : public gnn::Capture {
 public:
  explicit GraphCapture(int device) : device_(index_of(device)) {
    const c10::cuda::CUDAGuard guard(device_);
    // Of this thread alone: another one may be asking for the device's memory.
    graph_.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
  }

  void end() override {
    const c10::cuda::CUDAGuard guard(device_);
    graph_.capture_end();
  }

  // The device is kept at most two dozens of replays behind, so that a stop does not
  // wait for all that was queued.
  void replay() override {
    const c10::cuda::CUDAGuard guard(device_);
    graph_.replay();
    if (++replays_ % ahead != 0) return;
    marks_[replays_ / ahead % 2].record(c10::cuda::getCurrentCUDAStream(device_).stream());
    marks_[(replays_ / ahead + 1) % 2].wait();
  }

 private:
  static constexpr int64_t ahead = 12;

  c10::DeviceIndex device_;
  at::cuda::CUDAGraph graph_;
  Mark marks_[2];
  int64_t replays_ = 0;
};

void use_own_stream(int device) {
  c10::cuda::setCurrentCUDAStream(c10::cuda::getStreamFromPool(false, index_of(device)));
}

void* current_stream(int device) {
  return c10::cuda::getCurrentCUDAStream(index_of(device)).stream();
}

gnn::Capture* begin_capture(int device) { return new GraphCapture(device); }

}  // namespace

const gnn::CudaLibrary* gnn_cuda_library(void) {
  static const gnn::CudaLibrary library = {gnn_cuda_kernels(), use_own_stream, current_stream,
                                           begin_capture};
  return &library;
}
