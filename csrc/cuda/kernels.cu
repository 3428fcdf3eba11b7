// kernels.cu: the kernels. Each sum has one order, so that the same input gives
// the same bits: no atomic operation adds floats.
#include "kernels.h"

#include <cuda_runtime.h>
#include <math_constants.h>

#include "../philox.h"

namespace {

constexpr int warp = 32;
constexpr int threads = 256;

unsigned blocks_for(int64_t work, int64_t per_block) {
  const int64_t blocks = (work + per_block - 1) / per_block;
  return static_cast<unsigned>(blocks < 1 ? 1 : blocks);
}

// ---- sparse product --------------------------------------------------------

template <int V>
struct Vector;
template <>
struct Vector<1> {
  using type = float;
};
template <>
struct Vector<2> {
  using type = float2;
};
template <>
struct Vector<4> {
  using type = float4;
};

__device__ void add_scaled(float& sum, float w, float x) { sum = fmaf(w, x, sum); }
__device__ void add_scaled(float2& sum, float w, float2 x) {
  sum.x = fmaf(w, x.x, sum.x);
  sum.y = fmaf(w, x.y, sum.y);
}
__device__ void add_scaled(float4& sum, float w, float4 x) {
  sum.x = fmaf(w, x.x, sum.x);
  sum.y = fmaf(w, x.y, sum.y);
  sum.z = fmaf(w, x.z, sum.z);
  sum.w = fmaf(w, x.w, sum.w);
}

struct Row {
  int64_t begin, end;
};

__device__ Row row_of(const gnn_blocks& a, int64_t row) {
  const int64_t graph = row / a.nodes, node = row % a.nodes;
  const int64_t at = (a.index == nullptr ? graph : a.index[graph]) * a.nodes + node;
  return {a.ptr[at], a.ptr[at + 1]};
}

// One entry of a row a lane: they are read at once, and handed round the warp, so
// that no lane waits for one entry after another.
struct Entry {
  int32_t col;
  float value;

  __device__ Entry of(int lane) const {
    return {__shfl_sync(0xFFFFFFFFU, col, lane), __shfl_sync(0xFFFFFFFFU, value, lane)};
  }
};

__device__ Entry entry_of(const gnn_blocks& a, const Row& row, int64_t k) {
  return k < row.end ? Entry{a.col[k], a.value[k]} : Entry{0, 0};
}

// A warp takes a row, a lane V features of it; the sum stays in registers.
template <int V>
__global__ void multiply_rows(gnn_blocks a, const float* __restrict__ x, float* __restrict__ out,
                              int64_t features) {
  using T = typename Vector<V>::type;
  const int64_t row = (static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) / warp;
  if (row >= a.graphs * a.nodes) return;  // a whole warp at once
  const Row at = row_of(a, row);
  const auto* from = reinterpret_cast<const T*>(x + row / a.nodes * a.nodes * features);
  auto* to = reinterpret_cast<T*>(out + row * features);
  const int64_t width = features / V;
  const int lane = threadIdx.x % warp;
  for (int64_t f0 = 0; f0 < width; f0 += warp) {
    const int64_t f = f0 + lane;
    T sum = {};
    for (int64_t k0 = at.begin; k0 < at.end; k0 += warp) {
      const Entry mine = entry_of(a, at, k0 + lane);
      const int last = at.end - k0 < warp ? static_cast<int>(at.end - k0) : warp;
#pragma unroll 4
      for (int k = 0; k < last; k++) {
        const Entry e = mine.of(k);
        if (f < width) add_scaled(sum, e.value, from[e.col * width + f]);
      }
    }
    if (f < width) to[f] = sum;
  }
}

int multiply(gnn_blocks a, const float* x, float* out, int64_t features, void* stream) {
  const int64_t rows = a.graphs * a.nodes;
  if (rows == 0 || features == 0) return 0;
  const auto grid = blocks_for(rows, threads / warp);
  auto* s = static_cast<cudaStream_t>(stream);
  if (features % 4 == 0 && features >= 4 * warp) {
    multiply_rows<4><<<grid, threads, 0, s>>>(a, x, out, features);
  } else if (features % 2 == 0 && features >= 2 * warp) {
    multiply_rows<2><<<grid, threads, 0, s>>>(a, x, out, features);
  } else {
    multiply_rows<1><<<grid, threads, 0, s>>>(a, x, out, features);
  }
  return cudaGetLastError();
}

// ---- ReLU and dropout ------------------------------------------------------

constexpr int drawn = 8;  // values of one counter

__global__ void relu_dropout_values(const float* __restrict__ x, float* __restrict__ out, int64_t n,
                                    uint32_t threshold, float scale, uint64_t seed,
                                    const int64_t* __restrict__ step, uint32_t layer) {
  const int64_t block = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const int64_t first = block * drawn;
  if (first >= n) return;
  gnn::Philox4 bits = {};
  if (threshold > 0) {
    bits =
        gnn::dropout_bits(seed, static_cast<uint64_t>(*step), layer, static_cast<uint32_t>(block));
  }
#pragma unroll
  for (int i = 0; i < drawn; i++) {
    if (first + i >= n) return;
    const float v = x[first + i];
    // A value that is not a number stays one, as in torch.relu.
    out[first + i] = gnn::dropout_keeps(bits, i, threshold) ? (v <= 0 ? 0 : v * scale) : 0;
  }
}

int relu_dropout(const float* x, float* out, int64_t n, uint32_t threshold, float scale,
                 uint64_t seed, const int64_t* step, uint32_t layer, void* stream) {
  if (n == 0) return 0;
  relu_dropout_values<<<blocks_for(n, threads * drawn), threads, 0,
                        static_cast<cudaStream_t>(stream)>>>(x, out, n, threshold, scale, seed,
                                                             step, layer);
  return cudaGetLastError();
}

__global__ void relu_dropout_gradient(const float* __restrict__ out, const float* __restrict__ grad,
                                      float* __restrict__ grad_x, int64_t n, float scale) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) grad_x[i] = out[i] > 0 ? grad[i] * scale : 0;
}

int relu_dropout_backward(const float* out, const float* grad, float* grad_x, int64_t n,
                          float scale, void* stream) {
  if (n == 0) return 0;
  relu_dropout_gradient<<<blocks_for(n, threads), threads, 0, static_cast<cudaStream_t>(stream)>>>(
      out, grad, grad_x, n, scale);
  return cudaGetLastError();
}

// ---- a layer ---------------------------------------------------------------

// A block takes Rows rows and all outputs, up to Width: thread t the column
// t % Width and every (threads / Width)-th row. The weights pass through shared
// memory, some columns of them at once.
constexpr int chunk = 32;
constexpr int64_t few_rows = 4096;

__device__ float gradient_of(const gnn_layer& l, const float* y, const float* grad, int64_t i) {
  if (l.activate == 0) return grad[i];
  return y[i] > 0 ? grad[i] * l.scale : 0;
}

__device__ float activated(const gnn_layer& l, float v, int64_t i) {
  if (l.activate == 0) return v;
  if (l.threshold > 0) {
    const auto bits = gnn::dropout_bits(l.seed, static_cast<uint64_t>(*l.step), l.layer,
                                        static_cast<uint32_t>(i / drawn));
    if (!gnn::dropout_keeps(bits, static_cast<uint32_t>(i % drawn), l.threshold)) return 0;
  }
  return v <= 0 ? 0 : v * l.scale;
}

// A row of S x into to [in], by a warp.
__device__ void aggregate(const gnn_layer& l, int64_t row, float* to) {
  const int lane = threadIdx.x % warp;
  if (l.a.ptr == nullptr) {
    for (int f = lane; f < l.in; f += warp) to[f] = l.x[row * l.in + f];
    return;
  }
  const int64_t graph = row / l.a.nodes;
  const Row at = row_of(l.a, row);
  const float* from = l.x + graph * l.a.nodes * l.in;
  for (int f0 = 0; f0 < l.in; f0 += warp) {
    const int f = f0 + lane;
    float sum = 0;
    for (int64_t k0 = at.begin; k0 < at.end; k0 += warp) {
      const Entry mine = entry_of(l.a, at, k0 + lane);
      const int last = at.end - k0 < warp ? static_cast<int>(at.end - k0) : warp;
#pragma unroll 4
      for (int k = 0; k < last; k++) {
        const Entry e = mine.of(k);
        if (f < l.in) sum = fmaf(e.value, from[static_cast<int64_t>(e.col) * l.in + f], sum);
      }
    }
    if (f < l.in) to[f] = sum;
  }
}

template <int Width, int Rows>
__global__ void layer_rows(const __grid_constant__ gnn_layer l, float* __restrict__ y,
                           float* __restrict__ sx) {
  extern __shared__ float shared[];
  float* rows = shared;                   // [Rows, in]
  float* weights = shared + Rows * l.in;  // [chunk, Width + 1]
  constexpr int groups = threads / Width, each = Rows / groups;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * Rows;
  for (int r = threadIdx.x / warp; r < Rows; r += threads / warp) {
    if (first + r >= l.n) continue;
    aggregate(l, first + r, rows + r * l.in);
    if (sx == nullptr) continue;
    // A lane copies what it has written itself.
    for (int f = threadIdx.x % warp; f < l.in; f += warp) {
      sx[(first + r) * l.in + f] = rows[r * l.in + f];
    }
  }
  const int column = threadIdx.x % Width, group = threadIdx.x / Width;
  float sum[each] = {};
  for (int from = 0; from < l.in; from += chunk) {
    __syncthreads();
    for (int i = threadIdx.x; i < chunk * l.out; i += threads) {
      const int k = i % chunk, h = i / chunk;
      weights[k * (Width + 1) + h] = from + k < l.in ? l.w[h * l.in + from + k] : 0;
    }
    __syncthreads();
    const int last = l.in - from < chunk ? l.in - from : chunk;
    if (column < l.out) {
      for (int k = 0; k < last; k++) {
        const float w = weights[k * (Width + 1) + column];
#pragma unroll
        for (int r = 0; r < each; r++) {
          sum[r] = fmaf(rows[(r * groups + group) * l.in + from + k], w, sum[r]);
        }
      }
    }
  }
  if (column >= l.out) return;
  const float bias = l.bias == nullptr ? 0 : l.bias[column];
#pragma unroll
  for (int r = 0; r < each; r++) {
    const int64_t row = first + r * groups + group;
    if (row < l.n) y[row * l.out + column] = activated(l, sum[r] + bias, row * l.out + column);
  }
}

template <int Width, int Rows>
__global__ void layer_rows_backward(const __grid_constant__ gnn_layer l,
                                    const float* __restrict__ y, const float* __restrict__ grad,
                                    float* __restrict__ grad_sx) {
  extern __shared__ float shared[];
  float* rows = shared;                    // [Rows, out]
  float* weights = shared + Rows * l.out;  // [chunk, Width]
  constexpr int groups = threads / Width, each = Rows / groups;
  const int64_t first = static_cast<int64_t>(blockIdx.x) * Rows;
  for (int i = threadIdx.x; i < Rows * l.out; i += threads) {
    const int64_t at = first * l.out + i;
    rows[i] = at < l.n * l.out ? gradient_of(l, y, grad, at) : 0;
  }
  const int column = threadIdx.x % Width, group = threadIdx.x / Width;
  float sum[each] = {};
  for (int from = 0; from < l.out; from += chunk) {
    const int last = l.out - from < chunk ? l.out - from : chunk;
    __syncthreads();
    for (int i = threadIdx.x; i < last * l.in; i += threads) {
      weights[i / l.in * Width + i % l.in] = l.w[from * l.in + i];
    }
    __syncthreads();
    if (column < l.in) {
      for (int h = 0; h < last; h++) {
        const float w = weights[h * Width + column];
#pragma unroll
        for (int r = 0; r < each; r++) {
          sum[r] = fmaf(rows[(r * groups + group) * l.out + from + h], w, sum[r]);
        }
      }
    }
  }
  if (column >= l.in) return;
#pragma unroll
  for (int r = 0; r < each; r++) {
    const int64_t row = first + r * groups + group;
    if (row < l.n) grad_sx[row * l.in + column] = sum[r];
  }
}

int layer(gnn_layer l, float* y, float* sx, void* stream) {
  if (l.n == 0) return 0;
  auto* s = static_cast<cudaStream_t>(stream);
  const auto launch = [&](auto kernel, int width, int rows) {
    const size_t bytes = sizeof(float) * (rows * l.in + chunk * (width + 1));
    kernel<<<blocks_for(l.n, rows), threads, bytes, s>>>(l, y, sx);
  };
  // Few rows: more blocks of fewer, one row a warp.
  if (l.out <= 64 && l.n <= few_rows) {
    launch(layer_rows<64, 8>, 64, 8);
  } else if (l.out <= 64) {
    launch(layer_rows<64, 16>, 64, 16);
  } else if (l.out <= 128) {
    launch(layer_rows<128, 16>, 128, 16);
  } else {
    launch(layer_rows<256, 8>, 256, 8);
  }
  return cudaGetLastError();
}

int layer_grad_x(gnn_layer l, const float* y, const float* grad, float* grad_sx, void* stream) {
  if (l.n == 0) return 0;
  auto* s = static_cast<cudaStream_t>(stream);
  const auto launch = [&](auto kernel, int width, int rows) {
    const size_t bytes = sizeof(float) * (rows * l.out + chunk * width);
    kernel<<<blocks_for(l.n, rows), threads, bytes, s>>>(l, y, grad, grad_sx);
  };
  if (l.in <= 64 && l.n <= few_rows) {
    launch(layer_rows_backward<64, 8>, 64, 8);
  } else if (l.in <= 64) {
    launch(layer_rows_backward<64, 16>, 64, 16);
  } else if (l.in <= 128) {
    launch(layer_rows_backward<128, 16>, 128, 16);
  } else {
    launch(layer_rows_backward<256, 8>, 256, 8);
  }
  return cudaGetLastError();
}

// A tile of weights by 16 x 16 threads, each two rows and columns of it; the nodes
// are cut into slices, whose sums the last block of a tile adds up in order.
constexpr int tile = 32, half = tile / 2;
constexpr int most_tiles = (GNN_LAYER_WIDTH / tile) * (GNN_LAYER_WIDTH / tile);
__device__ unsigned slices_done[most_tiles];  // 0 between launches

int slices_of(int64_t n) {
  const int64_t slices = (n + 2 * tile - 1) / (2 * tile);
  return static_cast<int>(slices < 1 ? 1 : slices > 64 ? 64 : slices);
}

__global__ void layer_weights(const __grid_constant__ gnn_layer l, const float* __restrict__ sx,
                              const float* __restrict__ y, const float* __restrict__ grad,
                              float* partial, float* __restrict__ grad_w,
                              float* __restrict__ grad_bias) {
  __shared__ float g[tile][tile + 1], x[tile][tile + 1];
  __shared__ bool last;
  const int h0 = blockIdx.x * tile, k0 = blockIdx.y * tile;
  const int column = threadIdx.x % half, row = threadIdx.x / half;
  const int64_t each = (l.n + gridDim.z - 1) / gridDim.z;
  const int64_t begin = blockIdx.z * each, end = begin + each < l.n ? begin + each : l.n;
  float sum[2][2] = {}, bias = 0;
  // What the next tile holds is read while this one is summed.
  constexpr int loads = tile * tile / threads;
  float next_g[loads], next_x[loads];
  const auto read = [&](int64_t from) {
#pragma unroll
    for (int i = 0; i < loads; i++) {
      const int r = (i * threads + threadIdx.x) / tile, c = threadIdx.x % tile;
      const bool there = from + r < end;
      next_g[i] =
          there && h0 + c < l.out ? gradient_of(l, y, grad, (from + r) * l.out + h0 + c) : 0;
      next_x[i] = there && k0 + c < l.in ? sx[(from + r) * l.in + k0 + c] : 0;
    }
  };
  read(begin);
  for (int64_t from = begin; from < end; from += tile) {
    __syncthreads();
#pragma unroll
    for (int i = 0; i < loads; i++) {
      const int r = (i * threads + threadIdx.x) / tile, c = threadIdx.x % tile;
      g[r][c] = next_g[i];
      x[r][c] = next_x[i];
    }
    __syncthreads();
    if (from + tile < end) read(from + tile);
#pragma unroll 8
    for (int r = 0; r < tile; r++) {
      const float g0 = g[r][row], g1 = g[r][row + half];
      const float x0 = x[r][column], x1 = x[r][column + half];
      sum[0][0] = fmaf(g0, x0, sum[0][0]);
      sum[0][1] = fmaf(g0, x1, sum[0][1]);
      sum[1][0] = fmaf(g1, x0, sum[1][0]);
      sum[1][1] = fmaf(g1, x1, sum[1][1]);
    }
    if (blockIdx.y == 0 && threadIdx.x < tile) {
      for (int r = 0; r < tile; r++) bias += g[r][threadIdx.x];
    }
  }
  // [slices, out, in + 1]: the last column is the bias.
  const int64_t width = l.in + 1, stride = l.out * width;
  float* mine = partial + blockIdx.z * stride;
  for (int a = 0; a < 2; a++) {
    for (int b = 0; b < 2; b++) {
      const int h = h0 + row + a * half, k = k0 + column + b * half;
      if (h < l.out && k < l.in) mine[h * width + k] = sum[a][b];
    }
  }
  if (blockIdx.y == 0 && threadIdx.x < tile && h0 + static_cast<int>(threadIdx.x) < l.out) {
    mine[(h0 + threadIdx.x) * width + l.in] = bias;
  }
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    auto& done = slices_done[blockIdx.x * gridDim.y + blockIdx.y];
    last = atomicAdd(&done, 1U) == gridDim.z - 1;
    if (last) done = 0;
  }
  __syncthreads();
  if (!last) return;
  __threadfence();
  for (int i = threadIdx.x; i < tile * (tile + 1); i += threads) {
    const int h = h0 + i / (tile + 1), c = i % (tile + 1);
    const bool is_bias = c == tile;
    if (is_bias && (blockIdx.y != 0 || grad_bias == nullptr)) continue;
    const int k = is_bias ? l.in : k0 + c;
    if (h >= l.out || (!is_bias && k >= l.in)) continue;
    float all = 0;
#pragma unroll 8
    for (unsigned z = 0; z < gridDim.z; z++) all += __ldcg(partial + z * stride + h * width + k);
    if (is_bias) {
      grad_bias[h] = all;
    } else {
      grad_w[static_cast<int64_t>(h) * l.in + k] = all;
    }
  }
}

int64_t layer_partial(gnn_layer l) {
  return static_cast<int64_t>(slices_of(l.n)) * l.out * (l.in + 1);
}

int layer_grad_w(gnn_layer l, const float* sx, const float* y, const float* grad, float* partial,
                 float* grad_w, float* grad_bias, void* stream) {
  const dim3 grid(blocks_for(l.out, tile), blocks_for(l.in, tile),
                  static_cast<unsigned>(slices_of(l.n)));
  layer_weights<<<grid, threads, 0, static_cast<cudaStream_t>(stream)>>>(l, sx, y, grad, partial,
                                                                         grad_w, grad_bias);
  return cudaGetLastError();
}

// ---- reductions ------------------------------------------------------------

// The sum over a block, in every thread. shared holds blockDim.x values.
template <typename T>
__device__ T block_sum(T value, T* shared) {
  shared[threadIdx.x] = value;
  __syncthreads();
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) shared[threadIdx.x] += shared[threadIdx.x + half];
    __syncthreads();
  }
  const T sum = shared[0];
  __syncthreads();
  return sum;
}

// ---- cross-entropy ---------------------------------------------------------

constexpr int64_t unlabelled = -100;

__device__ float log_sum_exp(const float* logits, int32_t classes) {
  float most = logits[0];
  for (int32_t c = 1; c < classes; c++) most = fmaxf(most, logits[c]);
  float sum = 0;
  for (int32_t c = 0; c < classes; c++) sum += expf(logits[c] - most);
  return most + logf(sum);
}

__global__ void cross_entropy_sums(const float* __restrict__ logits,
                                   const int64_t* __restrict__ target, int64_t n, int32_t classes,
                                   float* __restrict__ sums) {
  __shared__ float shared[threads];
  float loss = 0, count = 0;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
       i += static_cast<int64_t>(gridDim.x) * blockDim.x) {
    const int64_t y = target[i];
    if (y == unlabelled) continue;
    loss += log_sum_exp(logits + i * classes, classes) - logits[i * classes + y];
    count += 1;
  }
  loss = block_sum(loss, shared);
  count = block_sum(count, shared);
  if (threadIdx.x == 0) {
    sums[blockIdx.x] = loss;
    sums[gridDim.x + blockIdx.x] = count;
  }
}

__global__ void cross_entropy_gradient(const float* __restrict__ logits,
                                       const int64_t* __restrict__ target, int64_t n,
                                       int32_t classes, const float* __restrict__ sums,
                                       unsigned partials, float* __restrict__ loss_out,
                                       float* __restrict__ grad) {
  __shared__ float shared[threads];
  float loss = 0, count = 0;
  for (unsigned p = threadIdx.x; p < partials; p += blockDim.x) {
    loss += sums[p];
    count += sums[partials + p];
  }
  loss = block_sum(loss, shared);
  count = block_sum(count, shared);
  if (blockIdx.x == 0 && threadIdx.x == 0) *loss_out = loss / count;  // 0 / 0 as in PyTorch
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const int64_t y = target[i];
  const float all = y == unlabelled ? 0 : log_sum_exp(logits + i * classes, classes);
  for (int32_t c = 0; c < classes; c++) {
    const float p = expf(logits[i * classes + c] - all) - (c == y ? 1.0F : 0.0F);
    grad[i * classes + c] = y == unlabelled ? 0 : p / count;
  }
}

// Few rows take one block, which sums and then divides.
constexpr int wide_block = 1024;
constexpr int64_t few_rows_of_one_block = 4 * wide_block;

__global__ void cross_entropy_of_few(const float* __restrict__ logits,
                                     const int64_t* __restrict__ target, int64_t n, int32_t classes,
                                     float* __restrict__ loss_out, float* __restrict__ grad) {
  __shared__ float shared[wide_block];
  float all[few_rows_of_one_block / wide_block];
  float loss = 0, count = 0;
#pragma unroll
  for (int r = 0; r < few_rows_of_one_block / wide_block; r++) {
    const int64_t i = r * wide_block + threadIdx.x;
    all[r] = 0;
    if (i >= n || target[i] == unlabelled) continue;
    all[r] = log_sum_exp(logits + i * classes, classes);
    loss += all[r] - logits[i * classes + target[i]];
    count += 1;
  }
  loss = block_sum(loss, shared);
  count = block_sum(count, shared);
  if (threadIdx.x == 0) *loss_out = loss / count;  // 0 / 0 as in PyTorch
#pragma unroll
  for (int r = 0; r < few_rows_of_one_block / wide_block; r++) {
    const int64_t i = r * wide_block + threadIdx.x;
    if (i >= n) continue;
    const int64_t y = target[i];
    for (int32_t c = 0; c < classes; c++) {
      const float p = expf(logits[i * classes + c] - all[r]) - (c == y ? 1.0F : 0.0F);
      grad[i * classes + c] = y == unlabelled ? 0 : p / count;
    }
  }
}

int cross_entropy(const float* logits, const int64_t* target, int64_t n, int32_t classes,
                  float* sums, float* loss, float* grad, void* stream) {
  auto* s = static_cast<cudaStream_t>(stream);
  if (n <= few_rows_of_one_block) {
    cross_entropy_of_few<<<1, wide_block, 0, s>>>(logits, target, n, classes, loss, grad);
    return cudaGetLastError();
  }
  const auto full = blocks_for(n, threads);
  constexpr unsigned most = GNN_PARTIALS;
  const auto partials = full < most ? full : most;
  cross_entropy_sums<<<partials, threads, 0, s>>>(logits, target, n, classes, sums);
  cross_entropy_gradient<<<full, threads, 0, s>>>(logits, target, n, classes, sums, partials, loss,
                                                  grad);
  return cudaGetLastError();
}

// ---- Adam ------------------------------------------------------------------

// As many parameters as one launch takes as its argument.
constexpr int per_launch = 48;

// Pieces of so many values of some parameters, one block each.
struct Pieces {
  gnn_parameter parameter[per_launch];
  int first[per_launch + 1];  // piece of each parameter
  int count;
  int offset;  // of the first piece among those of all launches
  int64_t length;
};

// The piece of this block: its parameter, and its range there.
__device__ const gnn_parameter& piece_of(const Pieces& all, int64_t& begin, int64_t& end) {
  int p = 0;
  while (p + 1 < all.count && static_cast<int>(blockIdx.x) >= all.first[p + 1]) p++;
  begin = (static_cast<int>(blockIdx.x) - all.first[p]) * all.length;
  end = begin + all.length < all.parameter[p].size ? begin + all.length : all.parameter[p].size;
  return all.parameter[p];
}

__global__ void sum_squares(const __grid_constant__ Pieces all, double* __restrict__ partial) {
  __shared__ double shared[threads];
  int64_t begin, end;
  const auto& p = piece_of(all, begin, end);
  double sum = 0;
  for (int64_t i = begin + threadIdx.x; i < end; i += blockDim.x) {
    sum += static_cast<double>(p.grad[i]) * p.grad[i];
  }
  sum = block_sum(sum, shared);
  if (threadIdx.x == 0) partial[all.offset + blockIdx.x] = sum;
}

__device__ double joint_norm(const double* partial, int partials, double* shared) {
  double sum = 0;
  for (int i = threadIdx.x; i < partials; i += blockDim.x) sum += partial[i];
  sum = block_sum(sum, shared);
  // As on the CPU, where the squares are summed in float32.
  constexpr double most = 3.4028234663852886e38;
  return sum > most ? CUDART_INF : static_cast<float>(sqrt(sum));
}

__device__ bool may_update(const float* loss, double norm) {
  return isfinite(norm) && (loss == nullptr || isfinite(*loss));
}

// Sums the norm up, raises the numbers of steps, and leaves the result; of each
// launch, since each has parameters of its own.
__global__ void conclude(const __grid_constant__ Pieces all, const float* loss,
                         const double* __restrict__ partial, int partials,
                         double* __restrict__ norm_out, double* __restrict__ result, int64_t* place,
                         int64_t* step) {
  __shared__ double shared[threads];
  const double norm = joint_norm(partial, partials, shared);
  if (may_update(loss, norm)) {
    for (int p = threadIdx.x; p < all.count; p += blockDim.x) *all.parameter[p].step += 1;
  }
  if (threadIdx.x != 0 || all.offset != 0) return;
  *norm_out = norm;
  const int64_t at = place == nullptr ? 0 : 2 * *place;
  result[at] = loss == nullptr ? 0 : *loss;
  result[at + 1] = norm;
  if (place != nullptr) {
    *place += 1;
    *step += 1;
  }
}

__global__ void update(const __grid_constant__ Pieces all, gnn_adam_rule rule, const float* loss,
                       const double* __restrict__ norm_in) {
  const double norm = *norm_in;
  if (!may_update(loss, norm)) return;
  const double clip = rule.max_norm > 0 ? fmin(1.0, rule.max_norm / (norm + 1e-6)) : 1.0;
  int64_t begin, end;
  const auto& p = piece_of(all, begin, end);
  const double step = *p.step;
  const double correction1 = 1 - pow(rule.beta1, step);
  const double correction2 = sqrt(1 - pow(rule.beta2, step));
  const auto rate = static_cast<float>(rule.lr / correction1);
  const auto beta1 = static_cast<float>(rule.beta1), beta2 = static_cast<float>(rule.beta2);
  const auto decay = static_cast<float>(p.weight_decay);
  for (int64_t i = begin + threadIdx.x; i < end; i += blockDim.x) {
    float value = p.value[i];
    float grad = p.grad[i] * static_cast<float>(clip);
    if (rule.decoupled != 0) {
      value -= static_cast<float>(rule.lr) * decay * value;
    } else {
      grad += decay * value;
    }
    const float m = p.exp_avg[i] + (1 - beta1) * (grad - p.exp_avg[i]);
    const float v = beta2 * p.exp_avg_sq[i] + (1 - beta2) * grad * grad;
    p.exp_avg[i] = m;
    p.exp_avg_sq[i] = v;
    const float root = sqrtf(v) / static_cast<float>(correction2) + static_cast<float>(rule.eps);
    p.value[i] = value - rate * m / root;
  }
}

// Launches launch(pieces, blocks) for all parameters, some at once, and gives the
// number of pieces.
template <typename Launch>
int each_piece(const gnn_parameter* parameters, int64_t count, int64_t length,
               const Launch& launch) {
  int offset = 0;
  for (int64_t from = 0; from < count; from += per_launch) {
    Pieces pieces = {};
    pieces.offset = offset;
    pieces.length = length;
    pieces.count = static_cast<int>(count - from < per_launch ? count - from : per_launch);
    for (int p = 0; p < pieces.count; p++) {
      pieces.parameter[p] = parameters[from + p];
      const int64_t size = parameters[from + p].size;
      pieces.first[p + 1] = pieces.first[p] + static_cast<int>((size + length - 1) / length);
    }
    const int blocks = pieces.first[pieces.count];
    if (blocks > 0) launch(pieces, blocks);
    offset += blocks;
  }
  return offset;
}

int adam(const gnn_parameter* parameters, int64_t count, gnn_adam_rule rule, const float* loss,
         double* partial, double* result, int64_t* place, int64_t* step, void* stream) {
  auto* s = static_cast<cudaStream_t>(stream);
  if (count > GNN_PARTIALS / 2) return cudaErrorInvalidValue;
  int64_t total = 0;
  for (int64_t p = 0; p < count; p++) total += parameters[p].size;
  // Each parameter may have one piece that is not whole.
  const int64_t whole = GNN_PARTIALS - 1 - count;
  constexpr int64_t least = 1024;
  const int64_t length = total / whole + 1 > least ? total / whole + 1 : least;
  double* norm = partial + GNN_PARTIALS - 1;
  const int partials = each_piece(parameters, count, length, [&](const Pieces& pieces, int blocks) {
    sum_squares<<<blocks, threads, 0, s>>>(pieces, partial);
  });
  each_piece(parameters, count, length, [&](const Pieces& pieces, int) {
    conclude<<<1, threads, 0, s>>>(pieces, loss, partial, partials, norm, result, place, step);
  });
  each_piece(parameters, count, length, [&](const Pieces& pieces, int blocks) {
    update<<<blocks, threads, 0, s>>>(pieces, rule, loss, norm);
  });
  return cudaGetLastError();
}

// ---- the loop --------------------------------------------------------------

__global__ void copy_order(const int64_t* __restrict__ order, const int64_t* __restrict__ place,
                           int64_t batch, int64_t n, int64_t* __restrict__ index) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) index[i] = order[*place * batch + i];
}

int next_batch(const int64_t* order, const int64_t* place, int64_t batch, int64_t n, int64_t* index,
               void* stream) {
  copy_order<<<blocks_for(n, threads), threads, 0, static_cast<cudaStream_t>(stream)>>>(
      order, place, batch, n, index);
  return cudaGetLastError();
}

__global__ void add_one(int64_t* place, int64_t* step) {
  *place += 1;
  *step += 1;
}

int advance(int64_t* place, int64_t* step, void* stream) {
  add_one<<<1, 1, 0, static_cast<cudaStream_t>(stream)>>>(place, step);
  return cudaGetLastError();
}

const char* error_string(int code) { return cudaGetErrorString(static_cast<cudaError_t>(code)); }

}  // namespace

extern "C" const gnn_kernels* gnn_cuda_kernels(void) {
  static const gnn_kernels kernels = {multiply,
                                      layer,
                                      layer_grad_x,
                                      layer_grad_w,
                                      layer_partial,
                                      relu_dropout,
                                      relu_dropout_backward,
                                      cross_entropy,
                                      adam,
                                      next_batch,
                                      advance,
                                      error_string};
  return &kernels;
}
