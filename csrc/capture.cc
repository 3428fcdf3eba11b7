// capture.cc: steps that are recorded once and replayed on a CUDA device.
#include <ATen/core/Tensor.h>
#include <c10/core/DeviceGuard.h>

#include <memory>

#include "accelerator.h"
#include "guard.h"

using gnn::guard;
using gnn::opened;
using gnn::tensor;

struct gnn_capture {
  std::unique_ptr<gnn::Capture> recorded;
};

namespace {

int64_t* numbers(gnn_tensor handle, const char* what, int64_t least) {
  const auto& t = tensor(handle);
  TORCH_CHECK(
      t.scalar_type() == at::kLong && t.is_cuda() && t.is_contiguous() && t.numel() >= least, what,
      " is a ", t.scalar_type(), " tensor of shape ", t.sizes(), " on ", t.device());
  return t.mutable_data_ptr<int64_t>();
}

}  // namespace

gnn_status gnn_capture_begin(int32_t device, gnn_capture** out) {
  return guard([&] {
    auto capture = std::make_unique<gnn_capture>();
    capture->recorded.reset(gnn::cuda_library().begin_capture(device));
    *out = capture.release();
    gnn::live_handles.fetch_add(1, std::memory_order_relaxed);
  });
}

gnn_status gnn_capture_end(gnn_capture* capture) {
  return guard([&] { opened(capture, "capture").recorded->end(); });
}

gnn_status gnn_capture_replay(gnn_capture* capture) {
  return guard([&] { opened(capture, "capture").recorded->replay(); });
}

void gnn_capture_free(gnn_capture* capture) {
  if (capture == nullptr) return;
  delete capture;
  gnn::live_handles.fetch_sub(1, std::memory_order_relaxed);
}

gnn_status gnn_next_batch(gnn_tensor order, gnn_tensor place, int64_t batch, gnn_tensor index) {
  return guard([&] {
    const c10::DeviceGuard on(tensor(index).device());
    gnn::launched("taking the next batch",
                  gnn::kernels().next_batch(
                      numbers(order, "the order of snapshots", 1),
                      numbers(place, "the place of a batch", 1), batch, tensor(index).numel(),
                      numbers(index, "the index of a batch", 1), gnn::stream_of(tensor(index))));
  });
}

gnn_status gnn_advance(gnn_tensor place, gnn_tensor step) {
  return guard([&] {
    const c10::DeviceGuard on(tensor(place).device());
    gnn::launched("counting a batch",
                  gnn::kernels().advance(numbers(place, "the place of a batch", 1),
                                         numbers(step, "the number of a step", 1),
                                         gnn::stream_of(tensor(place))));
  });
}
