// ops.cc: the operations of a training step that gotorch lacks or leaves
// unguarded.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/DeviceGuard.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <optional>
#include <unordered_map>

#include "accelerator.h"
#include "guard.h"
#include "layer.h"

using gnn::guard;
using gnn::own;
using gnn::tensor;

namespace {

std::optional<at::Tensor> optional_tensor(gnn_tensor handle) {
  if (handle == nullptr) return std::nullopt;
  return tensor(handle);
}

// The gradient of a loss by itself, kept, so that no step has to make it. It is
// never freed: when the process ends, CUDA may have ended before.
const at::Tensor& one_on(at::Device device) {
  static auto* ones = new std::unordered_map<int, at::Tensor>();
  auto& one = (*ones)[device.index()];
  if (!one.defined()) one = at::ones({}, at::TensorOptions(device).dtype(at::kFloat));
  return one;
}

// The mean over the labelled rows by our kernel: libtorch's own adds a batch's rows
// up in one block of 32 threads.
struct CrossEntropy : torch::autograd::Function<CrossEntropy> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& y) {
    const c10::DeviceGuard on(x.device());
    const auto logits = x.contiguous(), target = y.contiguous();
    auto sums = at::empty({int64_t{2} * GNN_PARTIALS}, logits.options());
    auto loss = at::empty({}, logits.options()), grad = at::empty_like(logits);
    gnn::launched("cross-entropy",
                  gnn::kernels().cross_entropy(
                      logits.const_data_ptr<float>(), target.const_data_ptr<int64_t>(),
                      logits.size(0), static_cast<int32_t>(logits.size(1)),
                      sums.mutable_data_ptr<float>(), loss.mutable_data_ptr<float>(),
                      grad.mutable_data_ptr<float>(), gnn::stream_of(logits)));
    context->save_for_backward({grad});
    return loss;
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               const torch::autograd::tensor_list& grads) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "our cross-entropy has no second derivative");
    const auto grad = context->get_saved_variables()[0];
    const bool whole = grads[0].const_data_ptr() == one_on(grad.device()).const_data_ptr();
    return {whole ? grad : grad * grads[0], at::Tensor()};
  }
};

}  // namespace

gnn_status gnn_linear(gnn_tensor x, gnn_tensor weight, gnn_tensor bias, gnn_tensor* out) {
  return guard([&] {
    const auto b = bias == nullptr ? at::Tensor() : tensor(bias);
    auto y = gnn::fused_layer({}, tensor(x), tensor(weight), b, {});
    if (!y) y = gnn::few_channels(tensor(x), tensor(weight), b);
    *out = own(y ? *y : at::linear(tensor(x), tensor(weight), optional_tensor(bias)));
  });
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

gnn_status gnn_take_at(gnn_tensor x, gnn_tensor index, gnn_tensor* out) {
  return guard([&] {
    const auto& source = tensor(x);
    TORCH_CHECK(source.dim() >= 2, "taking rows needs two axes or more, not ", source.dim());
    *out = own(source.index_select(0, tensor(index)).flatten(0, 1));
  });
}

gnn_status gnn_cross_entropy(gnn_tensor logits, gnn_tensor target, gnn_tensor class_weight,
                             double smoothing, gnn_tensor* out) {
  return guard([&] {
    const auto& l = tensor(logits);
    const auto& y = tensor(target);
    if (l.is_cuda() && l.scalar_type() == at::kFloat && l.dim() == 2 && l.size(0) > 0 &&
        y.device() == l.device() && y.scalar_type() == at::kLong && y.dim() == 1 &&
        y.size(0) == l.size(0) && class_weight == nullptr && smoothing == 0) {
      *out = own(CrossEntropy::apply(l, y));
      return;
    }
    *out = own(at::cross_entropy_loss(tensor(logits), tensor(target), optional_tensor(class_weight),
                                      at::Reduction::Mean, /*ignore_index=*/-100, smoothing));
  });
}

gnn_status gnn_mean_of(const gnn_tensor* tensors, int64_t n, int64_t classes, gnn_tensor* out) {
  return guard([&] {
    TORCH_CHECK(n > 0, "the mean of no tensors");
    const auto all = at::stack(gnn::tensors(tensors, n));
    if (classes == 0) {
      *out = own(all.mean(0));
      return;
    }
    const auto logs = at::log_softmax(all.view({n, -1, classes}), -1);
    const auto mean = at::logsumexp(logs, 0) - std::log(static_cast<double>(n));
    *out = own(mean.view(all.sizes().slice(1)));
  });
}

gnn_status gnn_lerp_(const gnn_tensor* averages, const gnn_tensor* values, int64_t n,
                     double weight) {
  return guard([&] {
    const at::NoGradGuard no_grad;
    at::_foreach_lerp_(gnn::tensors(averages, n), gnn::tensors(values, n), weight);
  });
}

gnn_status gnn_backward(gnn_tensor loss, gnn_tensor gradient) {
  return guard([&] {
    const auto& l = tensor(loss);
    if (gradient != nullptr) {
      l.backward(tensor(gradient));
    } else if (l.is_cuda() && l.dim() == 0 && l.scalar_type() == at::kFloat) {
      l.backward(one_on(l.device()));
    } else {
      l.backward();
    }
  });
}
