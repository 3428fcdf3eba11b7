// adam.cc: Adam (Kingma and Ba, 2015) and AdamW (Loshchilov and Hutter, 2019)
// by libtorch's fused kernels, one call for all parameters.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/DeviceGuard.h>

#include <cmath>
#include <map>
#include <memory>
#include <vector>

#include "accelerator.h"
#include "guard.h"

using gnn::guard;
using gnn::opened;
using gnn::tensor;

struct gnn_adam {
  std::vector<at::Tensor> parameters, exp_avgs, exp_avg_sqs, steps;
  std::vector<double> weight_decays;  // of each parameter
  double lr, beta1, beta2, eps;
  bool decoupled;
};

namespace {

// The joint L2 norm of the gradients, a scalar on their device.
at::Tensor joint_norm(const std::vector<at::Tensor>& grads) {
  return at::linalg_vector_norm(at::stack(at::_foreach_norm(grads)));
}

// Scales the gradients so that their joint L2 norm is at most max_norm, as
// torch.nn.utils.clip_grad_norm_ does.
void clip(const std::vector<at::Tensor>& grads, const at::Tensor& norm, double max_norm) {
  at::_foreach_mul_(grads, (max_norm / (norm + 1e-6)).clamp_max(1.0));
}

// The fused kernel walks raw memory by the parameter's length, type and layout,
// and compares none of them itself.
void check_alike(size_t i, const at::Tensor& p, const char* name, const at::Tensor& other) {
  TORCH_CHECK(other.sizes() == p.sizes() && other.strides() == p.strides() &&
                  other.scalar_type() == p.scalar_type() && other.device() == p.device(),
              "Adam step: parameter ", i, " has shape ", p.sizes(), ", strides ", p.strides(),
              ", type ", p.scalar_type(), " on ", p.device(), ", and its ", name, " shape ",
              other.sizes(), ", strides ", other.strides(), ", type ", other.scalar_type(), " on ",
              other.device());
}

// What tells whether the step may be taken. Both are read at once, since each
// reading waits for the device.
void read_scalars(const at::Tensor& loss, const at::Tensor& norm, double* loss_out,
                  double* norm_out) {
  const auto both = at::stack({loss.detach().reshape({}).to(at::kDouble), norm.to(at::kDouble)});
  const auto host = both.to(at::kCPU);
  *loss_out = host.const_data_ptr<double>()[0];
  *norm_out = host.const_data_ptr<double>()[1];
}

// The update on a CUDA device: three kernels, and nothing is read back. result is
// a double tensor whose last axis is {loss, norm}, place the row to write, or NULL.
void queue_update(const gnn_adam& adam, const at::Tensor& loss, double max_norm,
                  const at::Tensor& result, const at::Tensor& place, const at::Tensor& step) {
  std::vector<gnn_parameter> updates;
  at::Device device = result.device();
  for (size_t i = 0; i < adam.parameters.size(); i++) {
    const auto& p = adam.parameters[i];
    const auto& grad = p.grad();
    if (!grad.defined()) continue;  // not part of this step's graph
    TORCH_CHECK(p.scalar_type() == at::kFloat && p.device() == device, "Adam step: parameter ", i,
                " of type ", p.scalar_type(), " is on ", p.device(), ", not float32 on ", device);
    check_alike(i, p, "gradient", grad);
    check_alike(i, p, "moments", adam.exp_avgs[i]);
    updates.push_back({p.mutable_data_ptr<float>(), grad.const_data_ptr<float>(),
                       adam.exp_avgs[i].mutable_data_ptr<float>(),
                       adam.exp_avg_sqs[i].mutable_data_ptr<float>(),
                       adam.steps[i].mutable_data_ptr<float>(), p.numel(), adam.weight_decays[i]});
  }
  const c10::DeviceGuard on(device);
  if (updates.empty()) {  // nothing was learned from
    TORCH_CHECK(!place.defined(), "a queued step has no gradient");
    result.zero_();
    if (loss.defined()) result[0].copy_(loss.detach().reshape({}));
    return;
  }
  const auto loss32 = loss.defined() ? loss.detach().reshape({}).to(at::kFloat) : loss;
  auto partial = at::empty({GNN_PARTIALS}, result.options());
  gnn::launched(
      "Adam step",
      gnn::kernels().adam(
          updates.data(), static_cast<int64_t>(updates.size()),
          {adam.lr, adam.beta1, adam.beta2, adam.eps, max_norm, adam.decoupled ? 1 : 0},
          loss32.defined() ? loss32.const_data_ptr<float>() : nullptr,
          partial.mutable_data_ptr<double>(), result.mutable_data_ptr<double>(),
          place.defined() ? place.mutable_data_ptr<int64_t>() : nullptr,
          step.defined() ? step.mutable_data_ptr<int64_t>() : nullptr, gnn::stream_of(result)));
  for (const auto& p : adam.parameters) p.mutable_grad().reset();
}

// What libtorch's fused kernel takes of some parameters.
struct Lists {
  std::vector<at::Tensor> parameters, grads, exp_avgs, exp_avg_sqs, steps;

  void add(const gnn_adam& adam, size_t i) {
    parameters.push_back(adam.parameters[i]);
    grads.push_back(adam.parameters[i].grad());
    exp_avgs.push_back(adam.exp_avgs[i]);
    exp_avg_sqs.push_back(adam.exp_avg_sqs[i]);
    steps.push_back(adam.steps[i]);
  }
};

bool on_cuda(const gnn_adam& adam) {
  return !adam.parameters.empty() && adam.parameters[0].is_cuda();
}

}  // namespace

gnn_status gnn_adam_new(const gnn_tensor* parameters, int64_t n, double lr, double beta1,
                        double beta2, double eps, double weight_decay, int32_t decoupled,
                        gnn_adam** out) {
  return guard([&] {
    auto adam = std::make_unique<gnn_adam>();
    adam->lr = lr;
    adam->beta1 = beta1;
    adam->beta2 = beta2;
    adam->eps = eps;
    adam->decoupled = decoupled != 0;
    for (int64_t i = 0; i < n; i++) {
      const auto& p = tensor(parameters[i]);
      TORCH_CHECK(p.is_floating_point() && p.is_non_overlapping_and_dense(), "parameter ", i,
                  " of type ", p.scalar_type(), ", shape ", p.sizes(), " and strides ", p.strides(),
                  ": it must be of a floating type, each value in a place of its own");
      adam->parameters.push_back(p);
      adam->weight_decays.push_back(weight_decay);
      adam->exp_avgs.push_back(at::zeros_like(p));
      adam->exp_avg_sqs.push_back(at::zeros_like(p));
      adam->steps.push_back(at::zeros({}, p.options().requires_grad(false).dtype(at::kFloat)));
    }
    *out = adam.release();
    gnn::live_handles.fetch_add(1, std::memory_order_relaxed);
  });
}

gnn_status gnn_adam_set_weight_decay(gnn_adam* handle, int64_t i, double weight_decay) {
  return guard([&] {
    opened(handle, "optimiser");
    auto& decays = handle->weight_decays;
    TORCH_CHECK(i >= 0 && i < static_cast<int64_t>(decays.size()),
                "Adam's weight decay: parameter ", i, " of ", decays.size());
    decays[i] = weight_decay;
  });
}

gnn_status gnn_adam_step(gnn_adam* handle, gnn_tensor loss_or_null, double max_norm,
                         double* loss_out, double* norm_out) {
  return guard([&] {
    const auto& adam = opened(handle, "optimiser");
    const at::NoGradGuard no_grad;
    if (on_cuda(adam)) {
      auto result = at::empty({2}, adam.parameters[0].options().dtype(at::kDouble));
      queue_update(adam, loss_or_null == nullptr ? at::Tensor() : tensor(loss_or_null), max_norm,
                   result, at::Tensor(), at::Tensor());
      const auto host = result.to(at::kCPU);
      *loss_out = host.const_data_ptr<double>()[0];
      *norm_out = host.const_data_ptr<double>()[1];
      return;
    }
    std::vector<at::Tensor> grads;
    std::map<double, Lists> by_decay;  // the kernel takes one weight decay
    for (size_t i = 0; i < adam.parameters.size(); i++) {
      const auto& p = adam.parameters[i];
      const auto& grad = p.grad();
      if (!grad.defined()) continue;  // not part of this step's graph
      check_alike(i, p, "gradient", grad);
      check_alike(i, p, "moments", adam.exp_avgs[i]);
      grads.push_back(grad);
      by_decay[adam.weight_decays[i]].add(adam, i);
    }
    const auto norm = grads.empty() ? at::zeros({}) : joint_norm(grads);
    const auto loss = loss_or_null == nullptr ? at::zeros_like(norm) : tensor(loss_or_null);
    TORCH_CHECK(loss.numel() == 1, "the loss has ", loss.numel(), " values, not one");
    read_scalars(grads.empty() ? loss.to(at::kCPU) : loss, norm, loss_out, norm_out);
    if (!grads.empty() && std::isfinite(*loss_out) && std::isfinite(*norm_out)) {
      if (max_norm > 0) clip(grads, norm, max_norm);
      const auto update =
          adam.decoupled ? at::_ops::_fused_adamw_::call : at::_ops::_fused_adam_::call;
      for (auto& [decay, of] : by_decay) {
        at::_foreach_add_(of.steps, 1);
        update(of.parameters, of.grads, of.exp_avgs, of.exp_avg_sqs, {}, of.steps, adam.lr,
               adam.beta1, adam.beta2, decay, adam.eps, /*amsgrad=*/false, /*maximize=*/false, {},
               {});
      }
    }
    for (const auto& p : adam.parameters) p.mutable_grad().reset();
  });
}

gnn_status gnn_adam_queue(gnn_adam* handle, gnn_tensor loss, double max_norm, gnn_tensor results,
                          gnn_tensor place, gnn_tensor step) {
  return guard([&] {
    const auto& adam = opened(handle, "optimiser");
    const at::NoGradGuard no_grad;
    TORCH_CHECK(on_cuda(adam), "only a step on a CUDA device can be queued");
    const auto &r = tensor(results), &at = tensor(place), &number = tensor(step);
    TORCH_CHECK(
        r.scalar_type() == at::kDouble && r.is_contiguous() && r.dim() == 2 && r.size(1) == 2,
        "the results of queued steps are a ", r.scalar_type(), " tensor of shape ", r.sizes());
    for (const auto* t : {&at, &number}) {
      TORCH_CHECK(t->scalar_type() == at::kLong && t->numel() == 1 && t->device() == r.device(),
                  "the place of a step and its number are one int64 each on ", r.device(), ", not ",
                  t->scalar_type(), " of shape ", t->sizes(), " on ", t->device());
    }
    queue_update(adam, tensor(loss), max_norm, r, at, number);
  });
}

gnn_status gnn_adam_set_rate(gnn_adam* handle, double lr) {
  return guard([&] { opened(handle, "optimiser").lr = lr; });
}

gnn_status gnn_adam_clear(gnn_adam* handle) {
  return guard([&] {
    for (const auto& p : opened(handle, "optimiser").parameters) p.mutable_grad().reset();
  });
}

gnn_status gnn_adam_state(const gnn_adam* handle, int64_t i, gnn_tensor* exp_avg_out,
                          gnn_tensor* exp_avg_sq_out, gnn_tensor* step_out) {
  return guard([&] {
    const auto& adam = opened(handle, "optimiser");
    TORCH_CHECK(i >= 0 && i < static_cast<int64_t>(adam.steps.size()), "Adam state: parameter ", i,
                " of ", adam.steps.size());
    // All three or none: a failure in between would leave a handle without an owner.
    auto exp_avg = std::make_unique<at::Tensor>(adam.exp_avgs[i]);
    auto exp_avg_sq = std::make_unique<at::Tensor>(adam.exp_avg_sqs[i]);
    auto step = std::make_unique<at::Tensor>(adam.steps[i]);
    *exp_avg_out = exp_avg.release();
    *exp_avg_sq_out = exp_avg_sq.release();
    *step_out = step.release();
    gnn::live_handles.fetch_add(3, std::memory_order_relaxed);
  });
}

void gnn_adam_free(gnn_adam* adam) {
  if (adam == nullptr) return;
  delete adam;
  gnn::live_handles.fetch_sub(1, std::memory_order_relaxed);
}
