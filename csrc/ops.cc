// ops.cc: the operations of a training step that gotorch lacks or leaves
// unguarded.
#include <ATen/ATen.h>

#include <optional>

#include "guard.h"

using gnn::guard;
using gnn::own;
using gnn::tensor;

namespace {

std::optional<at::Tensor> optional_tensor(gnn_tensor handle) {
  if (handle == nullptr) return std::nullopt;
  return tensor(handle);
}

}  // namespace

gnn_status gnn_linear(gnn_tensor x, gnn_tensor weight, gnn_tensor bias, gnn_tensor* out) {
  return guard([&] { *out = own(at::linear(tensor(x), tensor(weight), optional_tensor(bias))); });
}

gnn_status gnn_dropout(gnn_tensor x, double p, int32_t training, gnn_tensor* out) {
  return guard([&] { *out = own(at::dropout(tensor(x), p, training != 0)); });
}

gnn_status gnn_softmax(gnn_tensor x, gnn_tensor* out) {
  return guard([&] { *out = own(at::softmax(tensor(x), -1)); });
}

gnn_status gnn_take(gnn_tensor x, const int64_t* index, int64_t n, gnn_tensor* out) {
  return guard([&] {
    const auto& source = tensor(x);
    TORCH_CHECK(source.dim() >= 2, "taking rows needs two axes or more, not ", source.dim());
    // On a device a row that is not there would end the CUDA context.
    for (int64_t i = 0; i < n; i++) {
      TORCH_CHECK(index[i] >= 0 && index[i] < source.size(0), "taking row ", index[i], " of ",
                  source.size(0));
    }
    const auto host = at::from_blob(const_cast<int64_t*>(index), {n}, at::kLong);
    // from_blob borrows Go's memory: index_select on the CPU is done with it
    // before returning, and a copy to a device is synchronous from pageable memory.
    *out = own(source.index_select(0, host.to(source.device())).flatten(0, 1));
  });
}

gnn_status gnn_cross_entropy(gnn_tensor logits, gnn_tensor target, gnn_tensor class_weight,
                             gnn_tensor* out) {
  return guard([&] {
    *out = own(at::cross_entropy_loss(tensor(logits), tensor(target), optional_tensor(class_weight),
                                      at::Reduction::Mean, /*ignore_index=*/-100));
  });
}

gnn_status gnn_backward(gnn_tensor loss, gnn_tensor gradient) {
  return guard(
      [&] { tensor(loss).backward(gradient == nullptr ? at::Tensor() : tensor(gradient)); });
}
