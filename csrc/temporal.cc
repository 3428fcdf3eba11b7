// temporal.cc: operations over runs of consecutive bars, [runs, bars, channels]. A
// convolution is computed once a bar, however many windows the bar lies in.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "guard.h"
#include "layer.h"

using gnn::guard;
using gnn::own;
using gnn::tensor;

namespace {

// y[r, t] = bias + sum_k W[:, :, k] x[r, t + k dilation], at each t where all taps
// are inside. All taps are one product of matrices.
struct CausalConv : torch::autograd::Function<CausalConv> {
  // W [out, in, taps] as [in, taps * out].
  static at::Tensor side_by_side(const at::Tensor& weight) {
    return weight.permute({1, 2, 0}).reshape({weight.size(1), -1});
  }

  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x_any,
                            const at::Tensor& weight, const at::Tensor& bias, int64_t dilation) {
    const auto x = x_any.contiguous();
    const auto runs = x.size(0), bars = x.size(1);
    const auto out = weight.size(0), taps = weight.size(2);
    const auto kept = bars - (taps - 1) * dilation;
    const auto z = at::mm(x.view({runs * bars, -1}), side_by_side(weight)).view({runs, bars, -1});
    auto y = z.narrow(1, 0, kept).narrow(2, 0, out) + bias;
    for (int64_t k = 1; k < taps; k++) {
      y.add_(z.narrow(1, k * dilation, kept).narrow(2, k * out, out));
    }
    context->save_for_backward({x, weight});
    context->saved_data["dilation"] = dilation;
    return y;
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               const torch::autograd::tensor_list& grads) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "our convolution has no second derivative");
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &weight = saved[1];
    const auto dilation = context->saved_data["dilation"].toInt();
    const auto runs = x.size(0), bars = x.size(1), in = x.size(2);
    const auto out = weight.size(0), taps = weight.size(2);
    const auto& g = grads[0];
    auto gz = at::zeros({runs, bars, taps * out}, x.options());
    for (int64_t k = 0; k < taps; k++) {
      gz.narrow(1, k * dilation, g.size(1)).narrow(2, k * out, out).copy_(g);
    }
    const auto flat = gz.view({runs * bars, -1});
    at::Tensor gx;
    if (context->needs_input_grad(0)) {
      gx = at::mm(flat, side_by_side(weight).t()).view({runs, bars, in});
    }
    const auto gw = at::mm(x.view({runs * bars, in}).t(), flat);
    return {gx, gw.view({in, taps, out}).permute({2, 0, 1}).contiguous(),
            g.sum(std::vector<int64_t>{0, 1}), at::Tensor()};
  }
};

void check_runs(const at::Tensor& x) {
  TORCH_CHECK(x.dim() == 3, "runs of bars have three axes, not ", x.dim());
}

// Mean over the labelled values: class is not -100.
at::Tensor labelled_mean(const at::Tensor& losses, const at::Tensor& classes) {
  const auto labelled = classes.ne(-100);
  return losses.masked_fill(labelled.logical_not(), 0).sum() / labelled.sum();
}

// Minus the mean over bars and horizons of Pearson's correlation between outputs and
// values [bars, N, H], over the labelled nodes.
at::Tensor correlation_loss(const at::Tensor& outputs, const at::Tensor& values,
                            const at::Tensor& classes) {
  const auto labelled = classes.ne(-100).to(outputs.scalar_type());
  const auto count = labelled.sum(1, true).clamp_min(1);
  const auto centred = [&](const at::Tensor& v) {
    const auto kept = v.masked_fill(classes.eq(-100), 0);
    return (kept - kept.sum(1, true) / count) * labelled;
  };
  const auto a = centred(outputs), b = centred(values);
  constexpr double floor = 1e-12;  // of a variance: a bar where nothing moves says nothing
  const auto va = a.square().sum(1), vb = b.square().sum(1);
  const auto moves = vb.gt(floor);
  const auto correlation = (a * b).sum(1) / (va + floor).sqrt() / (vb + floor).sqrt();
  return -correlation.masked_fill(moves.logical_not(), 0).sum() / moves.sum().clamp_min(1);
}

}  // namespace

at::Tensor gnn::causal_conv(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                            int64_t dilation) {
  check_runs(x);
  TORCH_CHECK(weight.dim() == 3 && weight.size(1) == x.size(2) && bias.dim() == 1 &&
                  bias.size(0) == weight.size(0),
              "a convolution of ", weight.sizes(), " with a bias of ", bias.sizes(), " over ",
              x.sizes());
  TORCH_CHECK(dilation >= 1 && x.size(1) > (weight.size(2) - 1) * dilation, x.size(1),
              " bars are too few for ", weight.size(2), " taps ", dilation, " apart");
  return CausalConv::apply(x, weight, bias, dilation);
}

gnn_status gnn_take_runs(gnn_tensor x, const int64_t* index, int64_t runs, int64_t bars,
                         gnn_tensor* out) {
  return guard([&] {
    const auto& source = tensor(x);
    TORCH_CHECK(source.dim() == 3, "taking runs needs three axes, not ", source.dim());
    for (int64_t i = 0; i < runs * bars; i++) {
      TORCH_CHECK(index[i] >= 0 && index[i] < source.size(0), "taking row ", index[i], " of ",
                  source.size(0));
    }
    const auto nodes = source.size(1), features = source.size(2);
    if (!source.is_cpu() || source.scalar_type() != at::kFloat || !source.is_contiguous()) {
      const auto host = at::from_blob(const_cast<int64_t*>(index), {runs * bars}, at::kLong);
      *out = own(source.index_select(0, host.to(source.device()))
                     .view({runs, bars, nodes, features})
                     .transpose(1, 2)
                     .reshape({runs * nodes, bars, features}));
      return;
    }
    auto taken = at::empty({runs * nodes, bars, features}, source.options());
    const auto* from = source.const_data_ptr<float>();
    auto* to = taken.mutable_data_ptr<float>();
    at::parallel_for(0, runs * nodes, 64, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++) {
        for (int64_t t = 0; t < bars; t++) {
          const auto row = index[i / nodes * bars + t];
          std::memcpy(to + (i * bars + t) * features, from + (row * nodes + i % nodes) * features,
                      static_cast<size_t>(features) * sizeof(float));
        }
      }
    });
    *out = own(taken);
  });
}

gnn_status gnn_windows(gnn_tensor x, int64_t width, gnn_tensor* out) {
  return guard([&] {
    const auto& runs = tensor(x);
    check_runs(runs);
    *out = own(runs.unfold(1, width, 1).transpose(2, 3).flatten(0, 1));
  });
}

gnn_status gnn_causal_conv(gnn_tensor x, gnn_tensor weight, gnn_tensor bias, int64_t dilation,
                           gnn_tensor* out) {
  return guard(
      [&] { *out = own(gnn::causal_conv(tensor(x), tensor(weight), tensor(bias), dilation)); });
}

gnn_status gnn_gru(gnn_tensor x, gnn_tensor weight_ih, gnn_tensor weight_hh, gnn_tensor bias_ih,
                   gnn_tensor bias_hh, gnn_tensor* out) {
  return guard([&] {
    const auto& windows = tensor(x);
    check_runs(windows);
    const auto& hh = tensor(weight_hh);
    const auto start = at::zeros({1, windows.size(0), hh.size(1)}, windows.options());
    const std::vector<at::Tensor> parameters = {tensor(weight_ih), hh, tensor(bias_ih),
                                                tensor(bias_hh)};
    // batch_first: [windows, bars, channels].
    const auto results = at::gru(
        windows, start, parameters, /*has_biases=*/true, /*num_layers=*/1, /*dropout=*/0,
        /*train=*/at::GradMode::is_enabled(), /*bidirectional=*/false, /*batch_first=*/true);
    *out = own(std::get<1>(results).squeeze(0));
  });
}

gnn_status gnn_gelu(gnn_tensor x, gnn_tensor* out) {
  return guard([&] { *out = own(at::gelu(tensor(x))); });
}

gnn_status gnn_centre(gnn_tensor x, const float* present, int64_t snapshots, gnn_tensor* out) {
  return guard([&] {
    const auto& all = tensor(x);
    TORCH_CHECK(all.dim() == 2 && snapshots > 0 && all.size(0) % snapshots == 0, "centring ",
                all.sizes(), " by ", snapshots, " snapshots");
    const auto outputs = all.view({snapshots, -1, all.size(1)});
    const auto nodes = outputs.size(1);
    // A copy: a backward pass reads it later.
    const auto mask = at::from_blob(const_cast<float*>(present), {snapshots, nodes, 1}, at::kFloat)
                          .clone()
                          .to(all.device());
    const auto mean = (outputs * mask).sum(1, true) / mask.sum(1, true).clamp_min(1);
    *out = own((outputs - mean).view({-1, all.size(1)}));
  });
}

gnn_status gnn_regression_loss(gnn_tensor outputs, gnn_tensor values, gnn_tensor classes,
                               int64_t snapshots, int32_t kind, gnn_tensor* out) {
  return guard([&] {
    const auto &o = tensor(outputs), &v = tensor(values), &c = tensor(classes);
    TORCH_CHECK(o.sizes() == v.sizes() && o.sizes() == c.sizes() && o.dim() == 2, "a loss of ",
                o.sizes(), " beside ", v.sizes(), " and ", c.sizes());
    switch (kind) {
      case GNN_LOSS_HUBER:
        *out = own(labelled_mean(at::huber_loss(o, v, at::Reduction::None, 1.0), c));
        return;
      case GNN_LOSS_MSE:
        *out = own(labelled_mean((o - v).square(), c));
        return;
      case GNN_LOSS_CORRELATION: {
        TORCH_CHECK(snapshots > 0 && o.size(0) % snapshots == 0, o.size(0), " rows of ", snapshots,
                    " snapshots");
        const auto by_bar = [&](const at::Tensor& t) { return t.view({snapshots, -1, t.size(1)}); };
        *out = own(correlation_loss(by_bar(o), by_bar(v), by_bar(c)));
        return;
      }
      default:
        TORCH_CHECK(false, "there is no loss ", kind);
    }
  });
}
