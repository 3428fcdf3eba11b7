// philox.h: Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1,
// 2, 3", SC 2011), a counter-based generator: the same bits on a CPU and a GPU, in any order and on
// any number of threads.
#pragma once

#include <stdint.h>

#ifdef __CUDACC__
#define GNN_HOST_DEVICE __host__ __device__
#else
#define GNN_HOST_DEVICE
#endif

namespace gnn {

// The multipliers of a round, and what its keys go up by.
constexpr uint32_t philox_m0 = 0xD2511F53U, philox_m1 = 0xCD9E8D57U;
constexpr uint32_t philox_w0 = 0x9E3779B9U, philox_w1 = 0xBB67AE85U;

struct Philox4 {
  uint32_t v[4];
};

// The four words of a counter under a key.
GNN_HOST_DEVICE inline Philox4 philox(uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3,
                                      uint32_t k0, uint32_t k1) {
  for (int round = 0; round < 10; round++) {
    const uint64_t a = static_cast<uint64_t>(philox_m0) * c0;
    const uint64_t b = static_cast<uint64_t>(philox_m1) * c2;
    const uint32_t n0 = static_cast<uint32_t>(b >> 32U) ^ c1 ^ k0;
    const uint32_t n2 = static_cast<uint32_t>(a >> 32U) ^ c3 ^ k1;
    c1 = static_cast<uint32_t>(b);
    c3 = static_cast<uint32_t>(a);
    c0 = n0;
    c2 = n2;
    k0 += philox_w0;
    k1 += philox_w1;
  }
  return {{c0, c1, c2, c3}};
}

// Dropout's draws: which of eight values in a row are kept. A value is dropped
// where its 16 bits are below threshold, so that the probability is a multiple of
// 2^-16. The counter is the block of eight, the step and the layer.
GNN_HOST_DEVICE inline Philox4 dropout_bits(uint64_t seed, uint64_t step, uint32_t layer,
                                            uint32_t block) {
  return philox(block, layer, static_cast<uint32_t>(step), static_cast<uint32_t>(step >> 32U),
                static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32U));
}

GNN_HOST_DEVICE inline bool dropout_keeps(const Philox4& bits, uint32_t i, uint32_t threshold) {
  return ((bits.v[i / 2] >> (i % 2 * 16)) & 0xFFFFU) >= threshold;
}

}  // namespace gnn
