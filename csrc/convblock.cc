// convblock.cc: a residual block of a temporal convolutional network as one autograd function. On
// the CPU one node's run of bars is a piece of work, which stays in a processor's first cache from
// the layer norm to the sum with the input. Elsewhere it is composed of libtorch's operations.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <vector>

#include "clones.h"
#include "guard.h"
#include "layer.h"
#include "small.h"

using gnn::guard;
using gnn::own;
using gnn::Shards;
using gnn::tensor;

namespace {

// out = residual + h where it is kept, of n values.
GNN_CLONES void add_kept(const float* residual, const float* h, const uint16_t* bits,
                         const gnn::Draw& d, int64_t n, float* out) {
  const auto threshold = d.threshold;
  const auto scale = d.scale;
#pragma GCC ivdep
  for (int64_t i = 0; i < n; i++) {
    out[i] = residual[i] + (bits[i] >= threshold ? h[i] * scale : 0);
  }
}

// slope = grad slope where it is kept.
GNN_CLONES void scale_kept(const float* grad, const uint16_t* bits, const gnn::Draw& d, int64_t n,
                           float* slope) {
  const auto threshold = d.threshold;
  const auto scale = d.scale;
#pragma GCC ivdep
  for (int64_t i = 0; i < n; i++) {
    slope[i] = bits[i] >= threshold ? grad[i] * scale * slope[i] : 0;
  }
}

struct Block {
  int64_t runs, bars, channels, taps, dilation;
  const float *x, *norm_weight, *norm_bias;
  gnn::Draw draw;

  int64_t kept() const { return bars - (taps - 1) * dilation; }
  int64_t in() const { return bars * channels; }       // values of a run
  int64_t out() const { return kept() * channels; }    // and of what comes of it
  int64_t tap() const { return channels * channels; }  // weights of one
  int64_t shift() const { return dilation * channels; }
};

// What a thread computes with.
struct Scratch {
  explicit Scratch(const Block& b)
      : normed(b.in()),
        h(b.out()),
        slope(b.out()),
        grad(b.in()),
        moments(b.bars),
        bits(b.out() + 64) {}

  std::vector<float> normed, h, slope, grad;
  std::vector<gnn::Moments> moments;
  std::vector<uint16_t> bits;
};

// W [out, in, taps] as [taps, in, out], or with the last two exchanged.
at::Tensor packed(const at::Tensor& weight, bool transposed) {
  return weight.permute(transposed ? at::IntArrayRef{2, 0, 1} : at::IntArrayRef{2, 1, 0})
      .contiguous();
}

void forward_run(const Block& b, int64_t run, const float* weight, const float* bias, Scratch& s,
                 float* z, float* y) {
  const auto c = b.channels, n = b.out();
  const auto* x = b.x + run * b.in();
  gnn::layer_norm(x, b.bars, c, b.norm_weight, b.norm_bias, s.normed.data(), s.moments.data());
  for (int64_t t = 0; t < b.kept(); t++) std::copy_n(bias, c, z + t * c);
  for (int64_t k = 0; k < b.taps; k++) {
    gnn::multiply_add(b.kept(), c, c, {s.normed.data() + k * b.shift(), c},
                      {weight + k * b.tap(), c}, z, c);
  }
  gnn::gelu(z, n, s.h.data());
  const auto* residual = x + b.in() - n;
  if (b.draw.threshold > 0) gnn::draw_bits(b.draw, run * n, n, s.bits.data());
  add_kept(residual, s.h.data(), s.bits.data(), b.draw, n, y);
}

// The gradients of what is learned, [taps, in, out] and three of [channels], one after another.
struct Sums {
  float *weight, *bias, *norm_weight, *norm_bias;

  static int64_t size(const Block& b) { return b.taps * b.tap() + 3 * b.channels; }
  Sums(const Block& b, float* at)
      : weight(at),
        bias(at + b.taps * b.tap()),
        norm_weight(bias + b.channels),
        norm_bias(norm_weight + b.channels) {}
};

void backward_run(const Block& b, int64_t run, const float* weight_transposed, const float* z,
                  const float* grad, Scratch& s, const Sums& sums, float* grad_x) {
  const auto c = b.channels, n = b.out();
  const auto* x = b.x + run * b.in();
  std::copy_n(z, n, s.slope.data());
  gnn::gelu_and_slope(s.slope.data(), n, s.h.data());
  if (b.draw.threshold > 0) gnn::draw_bits(b.draw, run * n, n, s.bits.data());
  scale_kept(grad, s.bits.data(), b.draw, n, s.slope.data());
  const auto* grad_z = s.slope.data();
  gnn::add_rows(grad_z, b.kept(), c, sums.bias);
  gnn::layer_norm(x, b.bars, c, b.norm_weight, b.norm_bias, s.normed.data(), s.moments.data());
  std::fill(s.grad.begin(), s.grad.end(), 0.0F);
  for (int64_t k = 0; k < b.taps; k++) {
    gnn::multiply_add(c, c, b.kept(), {s.normed.data() + k * b.shift(), 1, c}, {grad_z, c},
                      sums.weight + k * b.tap(), c);
    gnn::multiply_add(b.kept(), c, c, {grad_z, c}, {weight_transposed + k * b.tap(), c},
                      s.grad.data() + k * b.shift(), c);
  }
  std::fill_n(grad_x, b.in() - n, 0.0F);
  std::copy_n(grad, n, grad_x + b.in() - n);
  gnn::layer_norm_backward(x, s.moments.data(), s.grad.data(), b.bars, c, b.norm_weight, grad_x,
                           sums.norm_weight, sums.norm_bias);
}

struct ConvBlock : torch::autograd::Function<ConvBlock> {
  static Block of(const at::Tensor& x, const at::Tensor& norm_weight, const at::Tensor& norm_bias,
                  int64_t taps, int64_t dilation) {
    return {x.size(0),
            x.size(1),
            x.size(2),
            taps,
            dilation,
            x.const_data_ptr<float>(),
            norm_weight.const_data_ptr<float>(),
            norm_bias.const_data_ptr<float>(),
            {}};
  }

  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& norm_weight, const at::Tensor& norm_bias,
                            const at::Tensor& weight, const at::Tensor& bias, int64_t dilation,
                            const gnn::Draw& draw) {
    auto b = of(x, norm_weight, norm_bias, weight.size(2), dilation);
    b.draw = draw;
    const auto z = at::empty({b.runs, b.kept(), b.channels}, x.options());
    auto y = at::empty_like(z);
    const auto w = packed(weight, false);
    const auto *weights = w.const_data_ptr<float>(), *biases = bias.const_data_ptr<float>();
    auto *before = z.mutable_data_ptr<float>(), *to = y.mutable_data_ptr<float>();
    at::parallel_for(0, b.runs, 1, [&](int64_t begin, int64_t end) {
      Scratch s(b);
      for (int64_t run = begin; run < end; run++) {
        forward_run(b, run, weights, biases, s, before + run * b.out(), to + run * b.out());
      }
    });
    context->save_for_backward({x, norm_weight, norm_bias, weight, z});
    context->saved_data["dilation"] = dilation;
    context->saved_data["draw"] =
        std::vector<int64_t>{static_cast<int64_t>(draw.seed), static_cast<int64_t>(draw.step),
                             draw.layer, draw.threshold};
    return y;
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               const torch::autograd::tensor_list& grads) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "our block has no second derivative");
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &weight = saved[3], &z = saved[4];
    auto b = of(x, saved[1], saved[2], weight.size(2), context->saved_data["dilation"].toInt());
    const auto draw = context->saved_data["draw"].toIntVector();
    b.draw = {static_cast<uint64_t>(draw[0]), static_cast<uint64_t>(draw[1]),
              static_cast<uint32_t>(draw[2]), static_cast<uint32_t>(draw[3]),
              gnn::scale_of(draw[3])};
    const auto grad = grads[0].contiguous();
    auto grad_x = at::empty_like(x);
    const auto transposed = packed(weight, true);
    const auto *w = transposed.const_data_ptr<float>(), *before = z.const_data_ptr<float>(),
               *g = grad.const_data_ptr<float>();
    auto* to = grad_x.mutable_data_ptr<float>();
    const Shards shards(b.runs);
    const auto partial = at::zeros({shards.count, Sums::size(b)}, x.options());
    auto* sums = partial.mutable_data_ptr<float>();
    at::parallel_for(0, shards.count, 1, [&](int64_t begin, int64_t end) {
      Scratch s(b);
      for (int64_t shard = begin; shard < end; shard++) {
        const Sums into(b, sums + shard * Sums::size(b));
        for (int64_t run = shards.begin(shard); run < shards.end(shard); run++) {
          backward_run(b, run, w, before + run * b.out(), g + run * b.out(), s, into,
                       to + run * b.in());
        }
      }
    });
    const auto all = at::zeros({Sums::size(b)}, x.options());
    gnn::add_rows(sums, shards.count, Sums::size(b), all.mutable_data_ptr<float>());
    const auto weights = b.taps * b.tap();
    const auto vector = [&](int64_t k) {
      return all.narrow(0, weights + k * b.channels, b.channels);
    };
    return {grad_x,
            vector(1),
            vector(2),
            all.narrow(0, 0, weights)
                .view({b.taps, b.channels, b.channels})
                .permute({2, 1, 0})
                .clone(at::MemoryFormat::Contiguous),
            vector(0),
            at::Tensor(),
            at::Tensor()};
  }
};

}  // namespace

gnn_status gnn_conv_block(gnn_tensor x, gnn_tensor norm_weight, gnn_tensor norm_bias,
                          gnn_tensor weight, gnn_tensor bias, int64_t dilation, double p,
                          uint64_t seed, gnn_tensor step, uint32_t layer, gnn_tensor* out) {
  return guard([&] {
    const auto &in = tensor(x), &nw = tensor(norm_weight), &nb = tensor(norm_bias),
               &w = tensor(weight), &b = tensor(bias);
    TORCH_CHECK(in.dim() == 3 && w.dim() == 3 && w.size(0) == in.size(2) &&
                    w.size(1) == in.size(2) && b.numel() == in.size(2) &&
                    nw.numel() == in.size(2) && nb.numel() == in.size(2),
                "a block of ", w.sizes(), " with norms of ", nw.sizes(), " over ", in.sizes());
    const auto kept = in.size(1) - (w.size(2) - 1) * dilation;
    TORCH_CHECK(dilation >= 1 && kept > 0, in.size(1), " bars are too few for ", w.size(2),
                " taps ", dilation, " apart");
    const auto activation = gnn::activation_of(p, seed, step, layer);
    if (gnn::fits_lanes(in.size(2)) && in.size(0) > 0 && gnn::is_floats(in) && gnn::is_floats(nw) &&
        gnn::is_floats(nb) && gnn::is_floats(w) && gnn::is_floats(b)) {
      gnn::check_draws(activation, in, in.size(0) * kept * in.size(2));
      *out = own(ConvBlock::apply(in, nw, nb, w, b, dilation, gnn::draw_of(activation)));
      return;
    }
    const auto normed = at::layer_norm(in, nw.sizes(), nw, nb, 1e-5);
    const auto h =
        gnn::keyed_dropout(at::gelu(gnn::causal_conv(normed, w, b, dilation)), activation);
    *out = own(in.narrow(1, in.size(1) - kept, kept) + h);
  });
}
