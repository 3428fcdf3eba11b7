// dropout.cc: ReLU and dropout in one pass. libtorch draws masks from a stream of
// numbers, one after another on many CPUs; here a value's draw depends on its
// place alone, so that threads, devices and resumed runs drop the same values.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/DeviceGuard.h>
#include <immintrin.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "accelerator.h"
#include "clones.h"
#include "guard.h"
#include "layer.h"
#include "philox.h"

using gnn::Activation;
using gnn::Draw;
using gnn::draw_of;
using gnn::guard;
using gnn::own;
using gnn::tensor;

namespace {

constexpr int64_t drawn = 8;     // values of one counter
constexpr int64_t grain = 1024;  // counters, below which a thread does not pay

// A counter is 32 bits, of eight values.
constexpr int64_t most_values = int64_t{8} * std::numeric_limits<uint32_t>::max();

constexpr int64_t at_once = 8;  // counters, in the lanes of a register
using Halves = uint16_t[at_once * drawn];

// The draws of counters first to first + 8, in the order of their values.
void draw(const Draw& d, int64_t first, Halves& halves) {
  for (int64_t k = 0; k < at_once; k++) {
    const auto bits = gnn::dropout_bits(d.seed, d.step, d.layer, static_cast<uint32_t>(first + k));
    for (uint32_t i = 0; i < drawn; i++) {
      halves[k * drawn + i] = static_cast<uint16_t>(bits.v[i / 2] >> (i % 2 * 16));
    }
  }
}

#define AVX2 __attribute__((target("avx2")))

AVX2 inline __m256i word(uint64_t v) { return _mm256_set1_epi32(static_cast<int32_t>(v)); }

// The upper and the lower halves of a * m.
AVX2 inline void multiply_wide(__m256i a, __m256i m, __m256i& upper, __m256i& lower) {
  const auto even = _mm256_mul_epu32(a, m), odd = _mm256_mul_epu32(_mm256_srli_epi64(a, 32), m);
  upper = _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
  lower = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA);
}

// draw, of eight counters at once.
AVX2 void draw_avx2(const Draw& d, int64_t first, Halves& halves) {
  auto c0 = _mm256_add_epi32(word(first), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  auto c1 = word(d.layer), c2 = word(d.step), c3 = word(d.step >> 32U);
  auto k0 = word(d.seed), k1 = word(d.seed >> 32U);
  const auto m0 = word(gnn::philox_m0), m1 = word(gnn::philox_m1);
  for (int round = 0; round < 10; round++) {
    __m256i a1, a0, b1, b0;
    multiply_wide(c0, m0, a1, a0);
    multiply_wide(c2, m1, b1, b0);
    c0 = _mm256_xor_si256(_mm256_xor_si256(b1, c1), k0);
    c2 = _mm256_xor_si256(_mm256_xor_si256(a1, c3), k1);
    c1 = b0;
    c3 = a0;
    k0 = _mm256_add_epi32(k0, word(gnn::philox_w0));
    k1 = _mm256_add_epi32(k1, word(gnn::philox_w1));
  }
  // From the words of all counters to the counters one after another.
  const auto a = _mm256_unpacklo_epi32(c0, c1), b = _mm256_unpacklo_epi32(c2, c3);
  const auto c = _mm256_unpackhi_epi32(c0, c1), e = _mm256_unpackhi_epi32(c2, c3);
  const auto k04 = _mm256_unpacklo_epi64(a, b), k15 = _mm256_unpackhi_epi64(a, b);
  const auto k26 = _mm256_unpacklo_epi64(c, e), k37 = _mm256_unpackhi_epi64(c, e);
  auto* to = reinterpret_cast<__m256i*>(halves);
  _mm256_storeu_si256(to, _mm256_permute2x128_si256(k04, k15, 0x20));
  _mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(k26, k37, 0x20));
  _mm256_storeu_si256(to + 2, _mm256_permute2x128_si256(k04, k15, 0x31));
  _mm256_storeu_si256(to + 3, _mm256_permute2x128_si256(k26, k37, 0x31));
}

// A value that is not a number stays one, as in torch.relu.
inline float kept(uint32_t threshold, float scale, uint32_t bits, float v) {
  const float scaled = v <= 0 ? 0 : v * scale;
  return bits >= threshold ? scaled : 0;
}

// Counters first to first + count, of n values in all.
GNN_CLONES void relu_dropout_blocks(const float* x, float* out, int64_t n, int64_t first,
                                    int64_t count, const Draw& d) {
  const auto threshold = d.threshold;
  const auto scale = d.scale;
  static const auto draws = __builtin_cpu_supports("avx2") ? draw_avx2 : draw;
  for (int64_t block = first; block < first + count; block += at_once) {
    Halves halves;
    draws(d, block, halves);
    const auto begin = block * drawn;
    const auto* from = x + begin;
    auto* to = out + begin;
    constexpr auto all = at_once * drawn;
    const auto values = std::min({all, (first + count - block) * drawn, n - begin});
    if (values == all) {
#pragma GCC ivdep
      for (int64_t i = 0; i < all; i++) to[i] = kept(threshold, scale, halves[i], from[i]);
    } else {
      for (int64_t i = 0; i < values; i++) to[i] = kept(threshold, scale, halves[i], from[i]);
    }
  }
}

// The same without ReLU, for a value of either sign.
GNN_CLONES void dropout_blocks(const float* x, float* out, int64_t n, int64_t first, int64_t count,
                               const Draw& d) {
  const auto threshold = d.threshold;
  const auto scale = d.scale;
  static const auto draws = __builtin_cpu_supports("avx2") ? draw_avx2 : draw;
  for (int64_t block = first; block < first + count; block += at_once) {
    Halves halves;
    draws(d, block, halves);
    const auto begin = block * drawn;
    const auto* from = x + begin;
    auto* to = out + begin;
    const auto values = std::min({at_once * drawn, (first + count - block) * drawn, n - begin});
#pragma GCC ivdep
    for (int64_t i = 0; i < values; i++) to[i] = halves[i] >= threshold ? from[i] * scale : 0;
  }
}

void on_cpu(const at::Tensor& x, at::Tensor& out, const Draw& d) {
  const auto n = x.numel();
  const auto* from = x.const_data_ptr<float>();
  auto* to = out.mutable_data_ptr<float>();
  at::parallel_for(0, (n + drawn - 1) / drawn, grain, [&](int64_t begin, int64_t end) {
    relu_dropout_blocks(from, to, n, begin, end - begin, d);
  });
}

// x where it is kept, times the scale. On a device the mask is dropout of ones.
at::Tensor masked(const at::Tensor& x_any, const Activation& a) {
  const auto x = x_any.contiguous();
  if (x.is_cuda()) return x * gnn::relu_dropout(at::ones_like(x), a);
  auto out = at::empty_like(x);
  const auto n = x.numel();
  const auto* from = x.const_data_ptr<float>();
  auto* to = out.mutable_data_ptr<float>();
  const auto d = draw_of(a);
  at::parallel_for(0, (n + drawn - 1) / drawn, grain, [&](int64_t begin, int64_t end) {
    dropout_blocks(from, to, n, begin, end - begin, d);
  });
  return out;
}

// The backward pass draws the same mask anew: nothing is kept.
struct KeyedDropout : torch::autograd::Function<KeyedDropout> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const Activation& a) {
    // The step's tensor counts on before the backward pass of another batch.
    context->save_for_backward({a.step.clone()});
    context->saved_data["threshold"] = static_cast<int64_t>(a.threshold);
    context->saved_data["scale"] = static_cast<double>(a.scale);
    context->saved_data["seed"] = static_cast<int64_t>(a.seed);
    context->saved_data["layer"] = static_cast<int64_t>(a.layer);
    return masked(x, a);
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               const torch::autograd::tensor_list& grads) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "our dropout has no second derivative");
    Activation a;
    a.step = context->get_saved_variables()[0];
    a.threshold = static_cast<uint32_t>(context->saved_data["threshold"].toInt());
    a.scale = static_cast<float>(context->saved_data["scale"].toDouble());
    a.seed = static_cast<uint64_t>(context->saved_data["seed"].toInt());
    a.layer = static_cast<uint32_t>(context->saved_data["layer"].toInt());
    return {masked(grads[0], a), at::Tensor()};
  }
};

// The gradient passes where the output is positive: where x is, and was kept.
at::Tensor backward_of(const at::Tensor& out, const at::Tensor& grad_any, double scale) {
  const auto grad = grad_any.contiguous();
  auto grad_x = at::empty_like(grad);
  if (!out.is_cuda()) {
    const auto *o = out.const_data_ptr<float>(), *g = grad.const_data_ptr<float>();
    auto* to = grad_x.mutable_data_ptr<float>();
    const auto factor = static_cast<float>(scale);
    at::parallel_for(0, grad.numel(), grain * drawn, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++) to[i] = o[i] > 0 ? g[i] * factor : 0;
    });
    return grad_x;
  }
  const c10::DeviceGuard on(out.device());
  gnn::launched("the gradient of dropout",
                gnn::kernels().relu_dropout_backward(
                    out.const_data_ptr<float>(), grad.const_data_ptr<float>(),
                    grad_x.mutable_data_ptr<float>(), grad.numel(), static_cast<float>(scale),
                    gnn::stream_of(grad)));
  return grad_x;
}

struct ReluDropout : torch::autograd::Function<ReluDropout> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x_any,
                            const Activation& a) {
    const auto x = x_any.contiguous();
    auto out = at::empty_like(x);
    if (x.is_cuda()) {
      const c10::DeviceGuard on(x.device());
      gnn::launched("dropout", gnn::kernels().relu_dropout(
                                   x.const_data_ptr<float>(), out.mutable_data_ptr<float>(),
                                   x.numel(), a.threshold, a.scale, a.seed,
                                   a.step.const_data_ptr<int64_t>(), a.layer, gnn::stream_of(x)));
    } else {
      on_cpu(x, out, draw_of(a));
    }
    context->save_for_backward({out});
    context->saved_data["scale"] = static_cast<double>(a.scale);
    return out;
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               const torch::autograd::tensor_list& grads) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "our dropout has no second derivative");
    const auto out = context->get_saved_variables()[0];
    return {backward_of(out, grads[0], context->saved_data["scale"].toDouble()), at::Tensor()};
  }
};

}  // namespace

Activation gnn::activation_of(double p, uint64_t seed, gnn_tensor step, uint32_t layer) {
  TORCH_CHECK(p >= 0 && p < 1, "a dropout of ", p);
  Activation a;
  a.relu = true;
  a.threshold = static_cast<uint32_t>(std::lround(p * 65536));
  a.scale = gnn::scale_of(a.threshold);
  if (a.threshold == 0) return a;
  const auto& number = tensor(step);
  TORCH_CHECK(number.scalar_type() == at::kLong && number.numel() == 1, "dropout's step is a ",
              number.scalar_type(), " tensor of shape ", number.sizes());
  a.seed = seed;
  a.step = number;
  a.layer = layer;
  return a;
}

void gnn::check_draws(const Activation& a, const at::Tensor& x, int64_t values) {
  TORCH_CHECK(x.scalar_type() == at::kFloat && values < most_values, "dropout of ", values,
              " values of type ", x.scalar_type());
  TORCH_CHECK(a.threshold == 0 || a.step.device() == x.device(), "dropout on ", x.device(),
              ": its step is on ", a.step.device());
}

Draw gnn::draw_of(const Activation& a) {
  if (a.threshold == 0) return {};
  return {a.seed, static_cast<uint64_t>(*a.step.const_data_ptr<int64_t>()), a.layer, a.threshold,
          a.scale};
}

void gnn::draw_bits(const Draw& d, int64_t first, int64_t n, uint16_t* bits) {
  static const auto draws = __builtin_cpu_supports("avx2") ? draw_avx2 : draw;
  constexpr auto all = at_once * drawn;
  for (int64_t i = 0; i < n; i += all) {
    draws(d, (first + i) / drawn, *reinterpret_cast<Halves*>(bits + i));
  }
}

at::Tensor gnn::relu_dropout(const at::Tensor& x, const Activation& a) {
  if (a.threshold == 0) return at::relu(x);
  gnn::check_draws(a, x, x.numel());
  return ReluDropout::apply(x, a);
}

at::Tensor gnn::keyed_dropout(const at::Tensor& x, const Activation& a) {
  if (a.threshold == 0) return x;
  gnn::check_draws(a, x, x.numel());
  return KeyedDropout::apply(x, a);
}

gnn_status gnn_relu_dropout(gnn_tensor x, double p, uint64_t seed, gnn_tensor step, uint32_t layer,
                            gnn_tensor* out) {
  return guard(
      [&] { *out = own(gnn::relu_dropout(tensor(x), gnn::activation_of(p, seed, step, layer))); });
}

gnn_status gnn_keyed_dropout(gnn_tensor x, double p, uint64_t seed, gnn_tensor step, uint32_t layer,
                             gnn_tensor* out) {
  return guard([&] {
    const auto y = gnn::keyed_dropout(tensor(x), gnn::activation_of(p, seed, step, layer));
    *out = own(y.is_same(tensor(x)) ? y.alias() : y);
  });
}
