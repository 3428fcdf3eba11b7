// layer.cc: a layer as one autograd function on a CUDA device: selection of
// neighbours, weights, bias, ReLU and dropout forward in one kernel; backward one
// for the weights and two for the features.
#include "layer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/DeviceGuard.h>
#include <torch/csrc/autograd/custom_function.h>

#include "accelerator.h"
#include "adjacency.h"
#include "guard.h"

using gnn::guard;
using gnn::Matrix;
using gnn::own;
using gnn::tensor;

namespace {

// Multiplications above which cuBLAS pays more than fusion does.
constexpr int64_t most_work = int64_t{16} * 1024 * 1024;

struct Layer : torch::autograd::Function<Layer> {
  static gnn_layer of(const Matrix* m, const at::Tensor& x, const at::Tensor& w,
                      const gnn::Activation& f) {
    gnn_layer l = {};
    if (m != nullptr) l.a = gnn::blocks_of(*m, m->device_forward);
    l.n = x.size(0);
    l.in = static_cast<int32_t>(w.size(1));
    l.out = static_cast<int32_t>(w.size(0));
    l.x = x.const_data_ptr<float>();
    l.w = w.const_data_ptr<float>();
    l.activate = f.relu ? 1 : 0;
    l.threshold = f.threshold;
    l.scale = f.scale;
    l.seed = f.seed;
    l.step = f.step.defined() ? f.step.const_data_ptr<int64_t>() : nullptr;
    l.layer = f.layer;
    return l;
  }

  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x_any,
                            const at::Tensor& w, const std::optional<at::Tensor>& bias,
                            const c10::intrusive_ptr<Matrix>& matrix,
                            const gnn::Activation& activation) {
    const c10::DeviceGuard on(x_any.device());
    const auto x = x_any.contiguous();
    auto l = of(matrix.get(), x, w, activation);
    l.bias = bias ? bias->const_data_ptr<float>() : nullptr;
    auto y = at::empty({l.n, l.out}, x.options());
    auto sx = matrix ? at::empty_like(x) : x;
    gnn::launched("a layer", gnn::kernels().layer(l, y.mutable_data_ptr<float>(),
                                                  matrix ? sx.mutable_data_ptr<float>() : nullptr,
                                                  gnn::stream_of(x)));
    context->save_for_backward({sx, w, y});
    context->saved_data["bias"] = bias.has_value();
    context->saved_data["scale"] = static_cast<double>(activation.scale);
    context->saved_data["relu"] = activation.relu;
    if (matrix) context->saved_data["matrix"] = c10::IValue::make_capsule(matrix);
    return y;
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               const torch::autograd::tensor_list& grads) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "our layer has no second derivative");
    const auto saved = context->get_saved_variables();
    const auto &sx = saved[0], &w = saved[1], &y = saved[2];
    const c10::DeviceGuard on(sx.device());
    c10::intrusive_ptr<Matrix> matrix;
    if (const auto found = context->saved_data.find("matrix"); found != context->saved_data.end()) {
      matrix = c10::static_intrusive_pointer_cast<Matrix>(found->second.toCapsule());
    }
    gnn::Activation activation;
    activation.relu = context->saved_data["relu"].toBool();
    activation.scale = static_cast<float>(context->saved_data["scale"].toDouble());
    const auto l = of(nullptr, sx, w, activation);
    const auto grad = grads[0].contiguous();
    const auto *g = grad.const_data_ptr<float>(), *out = y.const_data_ptr<float>();
    auto* stream = gnn::stream_of(sx);
    at::Tensor grad_x;
    if (context->needs_input_grad(0)) {
      grad_x = at::empty_like(sx);
      gnn::launched(
          "the gradient of a layer's features",
          gnn::kernels().layer_grad_x(l, out, g, grad_x.mutable_data_ptr<float>(), stream));
      if (matrix) grad_x = gnn::multiply_transposed(*matrix, grad_x);
    }
    auto grad_w = at::empty_like(w);
    at::Tensor grad_bias;
    if (context->saved_data["bias"].toBool()) grad_bias = at::empty({l.out}, w.options());
    auto partial = at::empty({gnn::kernels().layer_partial(l)}, w.options());
    gnn::launched("the gradient of a layer's weights",
                  gnn::kernels().layer_grad_w(
                      l, sx.const_data_ptr<float>(), out, g, partial.mutable_data_ptr<float>(),
                      grad_w.mutable_data_ptr<float>(),
                      grad_bias.defined() ? grad_bias.mutable_data_ptr<float>() : nullptr, stream));
    return {grad_x, grad_w, grad_bias, at::Tensor(), at::Tensor()};
  }
};

bool fits(const at::Tensor& x, const at::Tensor& w) {
  return x.is_cuda() && at::GradMode::is_enabled() && x.scalar_type() == at::kFloat &&
         w.scalar_type() == at::kFloat && x.dim() == 2 && w.dim() == 2 && w.is_contiguous() &&
         w.device() == x.device() && x.size(1) == w.size(1) && x.size(0) > 0 &&
         w.size(0) <= GNN_LAYER_WIDTH && w.size(1) <= GNN_LAYER_WIDTH &&
         x.size(0) * w.numel() <= most_work;
}

}  // namespace

std::optional<at::Tensor> gnn::fused_layer(const c10::intrusive_ptr<Matrix>& matrix,
                                           const at::Tensor& x, const at::Tensor& w,
                                           const at::Tensor& bias, const Activation& activation) {
  if (!fits(x, w)) return std::nullopt;
  if (bias.defined() && !(bias.is_contiguous() && bias.dim() == 1 && bias.size(0) == w.size(0) &&
                          bias.scalar_type() == at::kFloat && bias.device() == x.device())) {
    return std::nullopt;
  }
  if (matrix && !(matrix->on_device() && matrix->n == x.size(0))) return std::nullopt;
  return Layer::apply(x, w, bias.defined() ? std::optional<at::Tensor>(bias) : std::nullopt, matrix,
                      activation);
}

gnn_status gnn_layer_forward(const gnn_adjacency* a, gnn_tensor x, gnn_tensor weight,
                             gnn_tensor bias, double p, uint64_t seed, gnn_tensor step,
                             uint32_t layer, gnn_tensor* out) {
  return guard([&] {
    const auto matrix = a == nullptr ? c10::intrusive_ptr<Matrix>() : a->matrix;
    const auto b = bias == nullptr ? at::Tensor() : tensor(bias);
    const auto activation = gnn::activation_of(p, seed, step, layer);
    if (const auto y = gnn::fused_layer(matrix, tensor(x), tensor(weight), b, activation)) {
      *out = own(*y);
      return;
    }
    const auto sx = matrix ? gnn::multiply(matrix, tensor(x)) : tensor(x);
    const auto linear = gnn::few_channels(sx, tensor(weight), b);
    *out = own(gnn::relu_dropout(linear ? *linear : at::linear(sx, tensor(weight), b), activation));
  });
}
