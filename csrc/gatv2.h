// gatv2.h: the attention of GATv2 (Brody, Alon and Yahav, ICLR 2022), as a part of
// the C ABI that gnn.h describes.
#pragma once

#include "gnn.h"

#ifdef __cplusplus
extern "C" {
#endif

// For each target i and head h, over the entries j of row i of a,
//
//   score = att[h] . leaky_relu(x_source[j, h] + x_target[i, h] + value * edge[h])
//   out[i, h] = sum_j softmax_j(score) x_source[j, h]
//
// x_source and x_target are [n, heads * channels], att [heads, channels], edge
// [heads * channels]; the values of a are the one feature of each edge. dropout
// is the probability that a coefficient is dropped after the softmax.
//
// a is block-diagonal: nodes of offsets[k] to offsets[k + 1] are joined to each
// other alone, where parts + 1 offsets rise from 0 to n. Blocks and heads are
// worked on side by side, each in one order, so that the bits do not depend on
// the number of threads.
gnn_status gnn_gatv2(const gnn_adjacency* a, const int64_t* offsets, int64_t parts,
                     gnn_tensor x_source, gnn_tensor x_target, gnn_tensor att, gnn_tensor edge,
                     double negative_slope, double dropout, gnn_tensor* out);

#ifdef __cplusplus
}
#endif
