// kernels.h: the CUDA kernels of libgnn_cuda.so, as plain functions over device
// memory. Each queues its work on a stream and returns CUDA's error of the launch,
// 0 for none. No libtorch type crosses it, so that nvcc never reads its headers.
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Compressed sparse rows of graphs of as many nodes each, one after another. A
// column is a node of the row's own graph, counted from 0.
typedef struct gnn_blocks {
  const int64_t* ptr;    // [graphs there are * nodes + 1]
  const int32_t* col;    // [entries]
  const float* value;    // [entries]
  const int64_t* index;  // [graphs] those that are meant; NULL: all, in order
  int64_t graphs, nodes;
} gnn_blocks;

// A layer: y = dropout(relu(S x W^T + b)), each part of it where it is asked for.
typedef struct gnn_layer {
  gnn_blocks a;        // S; with ptr NULL it is the identity
  int64_t n;           // rows of x and y
  int32_t in, out;     // features, GNN_LAYER_WIDTH at most
  const float* x;      // [n, in]
  const float* w;      // [out, in]
  const float* bias;   // [out]; NULL: none
  int32_t activate;    // whether there are ReLU and dropout
  uint32_t threshold;  // of dropout, as in relu_dropout, and what follows
  float scale;
  uint64_t seed;
  const int64_t* step;
  uint32_t layer;
} gnn_layer;

enum { GNN_LAYER_WIDTH = 256 };

// What an update of one parameter reads and writes.
typedef struct gnn_parameter {
  float* value;
  const float* grad;
  float *exp_avg, *exp_avg_sq;
  float* step;  // one value: the number of updates
  int64_t size;
  double weight_decay;
} gnn_parameter;

typedef struct gnn_adam_rule {
  double lr, beta1, beta2, eps;
  double max_norm;    // of all gradients together; <= 0: they are not clipped
  int32_t decoupled;  // AdamW's weight decay
} gnn_adam_rule;

// Partial sums of a reduction over the gradients, at most.
enum { GNN_PARTIALS = 1024 };

typedef struct gnn_kernels {
  // out [graphs * nodes, features] = A x.
  int (*multiply)(gnn_blocks a, const float* x, float* out, int64_t features, void* stream);
  // y [n, out], and sx [n, in] = S x unless that is NULL.
  int (*layer)(gnn_layer l, float* y, float* sx, void* stream);
  // The gradient of S x [n, in], from that of y.
  int (*layer_grad_x)(gnn_layer l, const float* y, const float* grad, float* grad_sx, void* stream);
  // The gradients of w [out, in] and, unless NULL, of bias [out]. partial has room
  // for layer_partial(l) floats.
  int (*layer_grad_w)(gnn_layer l, const float* sx, const float* y, const float* grad,
                      float* partial, float* grad_w, float* grad_bias, void* stream);
  int64_t (*layer_partial)(gnn_layer l);
  // out = dropout(relu(x)), of the draws in philox.h; step is read on the device.
  int (*relu_dropout)(const float* x, float* out, int64_t n, uint32_t threshold, float scale,
                      uint64_t seed, const int64_t* step, uint32_t layer, void* stream);
  // grad_x = grad * scale where out is positive, and 0 elsewhere.
  int (*relu_dropout_backward)(const float* out, const float* grad, float* grad_x, int64_t n,
                               float scale, void* stream);
  // The mean cross-entropy over the rows of logits [n, classes] whose target is not
  // -100, and its gradient. sums has room for 2 * GNN_PARTIALS floats.
  int (*cross_entropy)(const float* logits, const int64_t* target, int64_t n, int32_t classes,
                       float* sums, float* loss, float* grad, void* stream);
  // One update of all parameters, which leaves them as they are where loss or the
  // joint norm of the gradients is not finite. partial has room for GNN_PARTIALS
  // doubles; loss may be NULL. result {loss, norm} is written, at 2 * place[0]
  // where place is not NULL, and then place[0] and step[0] become one more.
  int (*adam)(const gnn_parameter* parameters, int64_t count, gnn_adam_rule rule, const float* loss,
              double* partial, double* result, int64_t* place, int64_t* step, void* stream);
  // index [n] = order from place[0] * batch on.
  int (*next_batch)(const int64_t* order, const int64_t* place, int64_t batch, int64_t n,
                    int64_t* index, void* stream);
  // place[0] and step[0] become one more.
  int (*advance)(int64_t* place, int64_t* step, void* stream);
  const char* (*error_string)(int code);
} gnn_kernels;

#ifdef __cplusplus
}
#endif
