// small.cc: see small.h.
#include "small.h"

#include <cmath>
#include <cstring>

#include "clones.h"

// Vectors wider than the processor's never pass between functions.
#pragma GCC diagnostic ignored "-Wpsabi"

namespace gnn {
namespace {

// Of AVX2's width: wider ones are cut by way of memory where there is no AVX-512.
constexpr int64_t width = 8;
using Floats = float __attribute__((vector_size(width * sizeof(float))));
using Ints = int32_t __attribute__((vector_size(width * sizeof(int32_t))));

#define INLINE inline __attribute__((always_inline))

INLINE Floats load(const float* p) {
  Floats v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

INLINE void store(float* p, const Floats& v) { std::memcpy(p, &v, sizeof v); }

INLINE float sum_of(const Floats& v) {
  float x[width];
  std::memcpy(x, &v, sizeof x);
  for (int64_t half = width / 2; half > 0; half /= 2) {
    for (int64_t i = 0; i < half; i++) x[i] += x[i + half];
  }
  return x[0];
}

// The sums of a few rows of c stay in registers.
template <int rows>
INLINE void tile(int64_t depth, const float* a, const Rows& of, const float* b, int64_t b_stride,
                 float* c, int64_t c_stride) {
  Floats left[rows], right[rows];
#pragma GCC unroll 8
  for (int r = 0; r < rows; r++) {
    left[r] = load(c + r * c_stride);
    right[r] = load(c + r * c_stride + width);
  }
  for (int64_t k = 0; k < depth; k++) {
    const Floats v = load(b + k * b_stride), w = load(b + k * b_stride + width);
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
      const float factor = a[r * of.stride + k * of.across];
      left[r] += factor * v;
      right[r] += factor * w;
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; r++) {
    store(c + r * c_stride, left[r]);
    store(c + r * c_stride + width, right[r]);
  }
}

// The same of m rows, at most so many; of none, nothing.
template <int rows>
INLINE void tiles(int64_t m, int64_t depth, const float* a, const Rows& of, const float* b,
                  int64_t b_stride, float* c, int64_t c_stride) {
  if (m == rows) {
    tile<rows>(depth, a, of, b, b_stride, c, c_stride);
  } else if constexpr (rows > 1) {
    tiles<rows - 1>(m, depth, a, of, b, b_stride, c, c_stride);
  }
}

// e^v for v of at most 0, within 2 units in the last place; below e^-87 it is that.
INLINE Floats exp_of(const Floats& x) {
  constexpr float least = -87, log2e = 1.44269504F, ln2_high = 0.693359375F,
                  ln2_low = -2.12194440e-4F;
  constexpr float shift = 12582912;  // 1.5 * 2^23: adding it rounds to a whole number
  const Floats v = x < least ? least + (x - x) : x;
  const Floats shifted = v * log2e + shift;
  const Floats whole = shifted - shift;
  const Floats r = v - whole * ln2_high - whole * ln2_low;
  Floats p = r * (1.0F / 720) + 1.0F / 120;
  p = p * r + 1.0F / 24;
  p = p * r + 1.0F / 6;
  p = p * r + 0.5F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  const Ints exponent = (Ints)shifted - 0x4B400000;  // less the bits of shift
  return (Floats)((Ints)p + (exponent << 23));
}

// The normal distribution's function and density.
struct Normal {
  Floats below, density;
};

INLINE Normal normal(const Floats& x) {
  constexpr float root_half = 0.70710678F, root_two_pi = 0.39894228F;
  const Floats magnitude = x < 0.0F ? -x : x;
  const Floats t = 1.0F / (magnitude * (0.3275911F * root_half) + 1.0F);
  const Floats e = exp_of(x * x * -0.5F);
  Floats p = t * 1.061405429F - 1.453152027F;
  p = p * t + 1.421413741F;
  p = p * t - 0.284496736F;
  p = p * t + 0.254829592F;
  const Floats tail = p * t * e * 0.5F;  // above |x|
  return {x < 0.0F ? tail : 1.0F - tail, e * root_two_pi};
}

}  // namespace

GNN_CLONES void multiply_add(int64_t m, int64_t n, int64_t depth, Rows a, Rows b, float* c,
                             int64_t c_stride) {
  constexpr int64_t most = 6;  // rows, which with two registers of 8 lanes each leave some to AVX2
  for (int64_t j = 0; j < n; j += lanes) {
    int64_t i = 0;
    for (; i + most <= m; i += most) {
      tile<most>(depth, a.at + i * a.stride, a, b.at + j, b.stride, c + i * c_stride + j, c_stride);
    }
    tiles<most - 1>(m - i, depth, a.at + i * a.stride, a, b.at + j, b.stride, c + i * c_stride + j,
                    c_stride);
  }
}

GNN_CLONES void layer_norm(const float* x, int64_t rows, int64_t channels, const float* weight,
                           const float* bias, float* out, Moments* moments) {
  constexpr float epsilon = 1e-5F;
  const auto count = static_cast<float>(channels);
  for (int64_t row = 0; row < rows; row++, x += channels, out += channels) {
    Floats total = {};
    for (int64_t c = 0; c < channels; c += width) total += load(x + c);
    const float mean = sum_of(total) / count;
    Floats squares = {};
    for (int64_t c = 0; c < channels; c += width) {
      const Floats d = load(x + c) - mean;
      squares += d * d;
    }
    const float rstd = 1 / std::sqrt(sum_of(squares) / count + epsilon);
    for (int64_t c = 0; c < channels; c += width) {
      store(out + c, (load(x + c) - mean) * rstd * load(weight + c) + load(bias + c));
    }
    moments[row] = {mean, rstd};
  }
}

GNN_CLONES void layer_norm_backward(const float* x, const Moments* moments, const float* grad,
                                    int64_t rows, int64_t channels, const float* weight,
                                    float* grad_x, float* grad_weight, float* grad_bias) {
  const auto count = static_cast<float>(channels);
  for (int64_t row = 0; row < rows; row++, x += channels, grad += channels, grad_x += channels) {
    const auto [mean, rstd] = moments[row];
    Floats total = {}, along = {};
    for (int64_t c = 0; c < channels; c += width) {
      const Floats normed = (load(x + c) - mean) * rstd, g = load(grad + c);
      const Floats scaled = g * load(weight + c);
      total += scaled;
      along += scaled * normed;
      store(grad_weight + c, load(grad_weight + c) + g * normed);
      store(grad_bias + c, load(grad_bias + c) + g);
    }
    const float offset = sum_of(total) / count, slope = sum_of(along) / count;
    for (int64_t c = 0; c < channels; c += width) {
      const Floats normed = (load(x + c) - mean) * rstd;
      const Floats g = load(grad + c) * load(weight + c) - offset - normed * slope;
      store(grad_x + c, load(grad_x + c) + g * rstd);
    }
  }
}

GNN_CLONES void gelu(const float* x, int64_t n, float* out) {
  for (int64_t i = 0; i < n; i += width) {
    const Floats v = load(x + i);
    store(out + i, v * normal(v).below);
  }
}

GNN_CLONES void gelu_and_slope(float* x, int64_t n, float* out) {
  for (int64_t i = 0; i < n; i += width) {
    const Floats v = load(x + i);
    const auto [below, density] = normal(v);
    store(out + i, v * below);
    store(x + i, below + v * density);
  }
}

GNN_CLONES void add_rows(const float* x, int64_t rows, int64_t channels, float* sum) {
  for (int64_t row = 0; row < rows; row++, x += channels) {
    for (int64_t c = 0; c < channels; c += width) store(sum + c, load(sum + c) + load(x + c));
  }
}

}  // namespace gnn
