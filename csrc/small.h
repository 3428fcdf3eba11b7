// small.h: products of small matrices, layer norm and GELU over rows that stay in a processor's
// first cache, for what computes a whole block of a network at once. Channels are a multiple of 16.
//
// Each sum has one order: a lane holds one channel, and terms are added one after another.
#pragma once

#include <cstdint>

namespace gnn {

constexpr int64_t lanes = 16;

inline bool fits_lanes(int64_t channels) { return channels > 0 && channels % lanes == 0; }

// Channels up to a multiple of the lanes.
inline int64_t whole_lanes(int64_t channels) { return (channels + lanes - 1) / lanes * lanes; }

// The rows of a matrix of floats.
struct Rows {
  const float* at;
  int64_t stride;      // floats from one row to the next
  int64_t across = 1;  // and from one column to the next
};

// c [m, n] += a [m, depth] b [depth, n], where b's and c's columns lie side by side; n is a
// multiple of 16.
void multiply_add(int64_t m, int64_t n, int64_t depth, Rows a, Rows b, float* c, int64_t c_stride);

// Of each row of x [rows, channels].
struct Moments {
  float mean, rstd;
};

// out = (x - mean) rstd weight + bias, with PyTorch's epsilon of 1e-5.
void layer_norm(const float* x, int64_t rows, int64_t channels, const float* weight,
                const float* bias, float* out, Moments* moments);

// grad_x += the gradient of x for the gradient of out; grad_weight and grad_bias [channels] too.
void layer_norm_backward(const float* x, const Moments* moments, const float* grad, int64_t rows,
                         int64_t channels, const float* weight, float* grad_x, float* grad_weight,
                         float* grad_bias);

// out = x Phi(x), of n values, a multiple of 16: GELU by the error function, within 1e-7 |x|
// (Abramowitz and Stegun, 7.1.26).
void gelu(const float* x, int64_t n, float* out);
// out = GELU(x), and x becomes its slope there.
void gelu_and_slope(float* x, int64_t n, float* out);

// sum += each row of x [rows, channels].
void add_rows(const float* x, int64_t rows, int64_t channels, float* sum);

// Work in a fixed number of shards, so that what each sums by itself does not depend on threads.
struct Shards {
  static constexpr int64_t most = 64;

  explicit Shards(int64_t total) : total(total), count(total < most ? total : most) {}
  int64_t begin(int64_t k) const { return total * k / count; }
  int64_t end(int64_t k) const { return total * (k + 1) / count; }

  int64_t total, count;
};

}  // namespace gnn
