// gnn.h: the C ABI between Go and libtorch.
//
// Only opaque handles, integers, floats and plain memory cross it. Every
// function that can fail returns a gnn_status with the message of that very
// call: no exception leaves, and there is no "last error" to ask for, since a
// goroutine may move to another thread before it asks.
//
// An out-parameter named *out or *_out is a new reference: the caller owns it
// and frees it with the function named for its type. Arguments are borrowed
// for the call.
// Memory passed in is read or filled during the call and never kept.
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  GNN_OK = 0,
  GNN_ERROR = 1,          // any libtorch or C++ error
  GNN_OUT_OF_MEMORY = 2,  // the host or the device has not enough memory
  GNN_NO_CUDA = 3,        // no NVIDIA driver, or no GPU
  GNN_CUDA_UNUSABLE = 4,  // a driver and a GPU that libtorch cannot use
};

// message is NULL when code is GNN_OK; otherwise the caller frees it with
// gnn_message_free.
typedef struct gnn_status {
  int32_t code;
  char* message;
} gnn_status;

// An at::Tensor*, the same handle as gotorch's C.Tensor.
typedef void* gnn_tensor;
typedef struct gnn_adjacency gnn_adjacency;
typedef struct gnn_adam gnn_adam;
typedef struct gnn_module gnn_module;

// ---- process -------------------------------------------------------------

void gnn_message_free(char* message);
const char* gnn_torch_version(void);  // that this was compiled against; static memory
// What the libtorch that is loaded says of itself: a text with TORCH_VERSION=x.y.z
// in it, which the caller frees with gnn_message_free.
gnn_status gnn_torch_loaded(char** text_out);
// Handles made here or adopted, and not freed yet.
int64_t gnn_live_handles(void);
// Sets the number of threads of an operation and starts them, after a trial:
// libgomp ends the process, and libtorch's own pool waits for ever, where the
// system does not allow a thread. needed is how many were tried, spare more than
// libtorch takes; where fewer started, nothing was set.
gnn_status gnn_start_threads(int32_t n, int32_t spare, int32_t* needed, int32_t* started);
gnn_status gnn_set_num_threads(int32_t n);
int32_t gnn_num_threads(void);
// Has the C allocator keep the memory that a step frees for the next one: by
// default it gives large blocks back to the system and takes them anew.
void gnn_keep_freed_memory(void);
gnn_status gnn_manual_seed(uint64_t seed);  // every device's generator
// The state of a device's generator, a new uint8 tensor on the CPU.
gnn_status gnn_rng_state(int32_t device, gnn_tensor* out);
gnn_status gnn_rng_set_state(int32_t device, const uint8_t* state, int64_t bytes);
// Of this thread only. before may be NULL.
gnn_status gnn_set_grad_enabled(int32_t enabled, int32_t* before);
// Opens the CUDA half of libtorch. Call it before any other function that may
// ask for a device: libtorch looks for CUDA once.
gnn_status gnn_cuda_load(int32_t* device_count);

// Has the calling thread work on a CUDA device, on a stream of its own, since the
// default one cannot be captured.
gnn_status gnn_cuda_use(int32_t device);

// What libtorch's allocator has on a CUDA device, in bytes: in tensors now, in
// tensors at most so far, and taken from the device, kept blocks included.
typedef struct gnn_memory {
  int64_t allocated, allocated_peak, reserved;
} gnn_memory;
// GNN_NO_CUDA before gnn_cuda_load has succeeded. From any thread.
gnn_status gnn_cuda_memory(int32_t device, gnn_memory* memory);
// The size of a CUDA device's memory, in bytes; else as gnn_cuda_memory.
gnn_status gnn_cuda_total(int32_t device, int64_t* bytes);

// ---- tensors -------------------------------------------------------------

// Counts a tensor made by gotorch, to be freed by gnn_tensors_free from now on.
void gnn_tensor_adopt(gnn_tensor tensor);
void gnn_tensors_free(const gnn_tensor* tensors, int64_t n);
// device: -1 is the CPU, n >= 0 is CUDA device n.
gnn_status gnn_tensor_to(gnn_tensor tensor, int32_t device, gnn_tensor* out);
gnn_status gnn_tensor_clone(gnn_tensor tensor, gnn_tensor* out);  // detached
gnn_status gnn_tensor_copy_(gnn_tensor dst, gnn_tensor src);
gnn_status gnn_tensor_fill_(gnn_tensor dst, double value);
gnn_status gnn_tensor_set_data(gnn_tensor dst, gnn_tensor src);
gnn_status gnn_tensor_requires_grad_(gnn_tensor tensor);
gnn_status gnn_tensor_grad(gnn_tensor tensor, gnn_tensor* out);
// Copies to host memory; bytes must be the tensor's exact size.
gnn_status gnn_tensor_read(gnn_tensor tensor, void* dst, int64_t bytes);
gnn_status gnn_tensor_item(gnn_tensor tensor, double* value);
gnn_status gnn_tensor_uniform(const int64_t* shape, int64_t dims, double low, double high,
                              gnn_tensor* out);
gnn_status gnn_tensor_normal(const int64_t* shape, int64_t dims, gnn_tensor* out);

// ---- operations, all differentiable where it makes sense -----------------

gnn_status gnn_linear(gnn_tensor x, gnn_tensor weight, gnn_tensor bias_or_null, gnn_tensor* out);
// dropout(relu(x)), of draws that depend on seed, step, layer and the place of a
// value alone (philox.h), on the CPU and on CUDA alike. step is an int64 scalar
// on x's device. p is rounded to a multiple of 2^-16.
gnn_status gnn_relu_dropout(gnn_tensor x, double p, uint64_t seed, gnn_tensor step, uint32_t layer,
                            gnn_tensor* out);
// dropout(relu(A x W^T + b)) in one pass on a CUDA device, where the layer is small
// enough for it to pay, and by the operations above elsewhere. a may be NULL, the
// identity; bias too.
gnn_status gnn_layer_forward(const gnn_adjacency* a_or_null, gnn_tensor x, gnn_tensor weight,
                             gnn_tensor bias_or_null, double p, uint64_t seed, gnn_tensor step,
                             uint32_t layer, gnn_tensor* out);
gnn_status gnn_dropout(gnn_tensor x, double p, int32_t training, gnn_tensor* out);
gnn_status gnn_softmax(gnn_tensor x, gnn_tensor* out);  // over the last axis
// Rows of x [T, ...] at index [n], the first two axes of the result joined.
gnn_status gnn_take(gnn_tensor x, const int64_t* index, int64_t n, gnn_tensor* out);
// The same with an index [n] int64 on x's device, which is not checked.
gnn_status gnn_take_at(gnn_tensor x, gnn_tensor index, gnn_tensor* out);
// x with another shape; -1 stands for what remains.
gnn_status gnn_reshape(gnn_tensor x, const int64_t* shape, int64_t dims, gnn_tensor* out);
// length places of an axis, from start.
gnn_status gnn_narrow(gnn_tensor x, int64_t axis, int64_t start, int64_t length, gnn_tensor* out);
// x [parts * N, ..., F] with the rows of table [N, D] beside those of each part:
// [parts * N, ..., F + D].
gnn_status gnn_beside_rows(gnn_tensor x, gnn_tensor table, gnn_tensor* out);
// x [..., A, B] as [..., B, A], without a copy.
gnn_status gnn_transpose(gnn_tensor x, gnn_tensor* out);
// Mean cross-entropy of logits [N, C] over the rows whose target [N] is not
// -100. class_weight [C] may be NULL. smoothing is how much of a target's
// probability is spread over all classes, torch.nn.CrossEntropyLoss's.
gnn_status gnn_cross_entropy(gnn_tensor logits, gnn_tensor target, gnn_tensor class_weight_or_null,
                             double smoothing, gnn_tensor* out);
// The mean of n tensors of one shape; with classes > 0 they are logits, in groups
// of so many, and the result is the log of the mean of their probabilities.
gnn_status gnn_mean_of(const gnn_tensor* tensors, int64_t n, int64_t classes, gnn_tensor* out);
// averages[i] += weight * (values[i] - averages[i])
gnn_status gnn_lerp_(const gnn_tensor* averages, const gnn_tensor* values, int64_t n,
                     double weight);
// dropout(x) by the draws of gnn_relu_dropout.
gnn_status gnn_keyed_dropout(gnn_tensor x, double p, uint64_t seed, gnn_tensor step, uint32_t layer,
                             gnn_tensor* out);
// (x - mean) / deviation over the last axis, times weight plus bias, both [C].
gnn_status gnn_layer_norm(gnn_tensor x, gnn_tensor weight, gnn_tensor bias, gnn_tensor* out);
gnn_status gnn_gelu(gnn_tensor x, gnn_tensor* out);
// x [snapshots * N, C] less its mean over the present nodes of each snapshot; present
// [snapshots * N] is 1 or 0.
gnn_status gnn_centre(gnn_tensor x, const float* present, int64_t snapshots, gnn_tensor* out);

enum {
  GNN_LOSS_HUBER = 0,        // mean, of delta 1
  GNN_LOSS_MSE = 1,          // mean square
  GNN_LOSS_CORRELATION = 2,  // minus Pearson's over the nodes of a snapshot, the mean over those
};
// Of outputs and values [N, H], where classes [N, H] int64 are not -100.
gnn_status gnn_regression_loss(gnn_tensor outputs, gnn_tensor values, gnn_tensor classes,
                               int64_t snapshots, int32_t kind, gnn_tensor* out);
// gradient is that of the loss itself; NULL stands for 1 and needs a scalar.
gnn_status gnn_backward(gnn_tensor loss, gnn_tensor gradient_or_null);

// ---- runs of consecutive bars ----------------------------------------------

// Rows of x [T, N, F] at index [runs, bars], nodes first: [runs * N, bars, F].
gnn_status gnn_take_runs(gnn_tensor x, const int64_t* index, int64_t runs, int64_t bars,
                         gnn_tensor* out);
// Each width bars of x [R, bars, C]: [R * (bars - width + 1), width, C].
gnn_status gnn_windows(gnn_tensor x, int64_t width, gnn_tensor* out);
// torch.nn.functional.conv1d without padding, of weight [out, C, taps], over x [R,
// bars, C] with the channels last: [R, bars - (taps - 1) * dilation, out].
gnn_status gnn_causal_conv(gnn_tensor x, gnn_tensor weight, gnn_tensor bias, int64_t dilation,
                           gnn_tensor* out);
// x + dropout(GELU(conv(v))), v = LayerNorm(x): the block of a temporal convolutional network, over
// x [R, bars, C], of weight [C, C, taps] and the rest [C]; dropout as in gnn_keyed_dropout. The
// result is [R, bars - (taps - 1) * dilation, C], to whose bars those of x are added that it is of.
gnn_status gnn_conv_block(gnn_tensor x, gnn_tensor norm_weight, gnn_tensor norm_bias,
                          gnn_tensor weight, gnn_tensor bias, int64_t dilation, double p,
                          uint64_t seed, gnn_tensor step, uint32_t layer, gnn_tensor* out);
// x + W_out GELU(W_self v + (I - A) W_peers v), v = LayerNorm(x), over x [N, C] or [N, bars, C].
// The parameters are weight and bias of the norm, W_self, W_peers and W_out. A is block-diagonal
// with blocks that begin at offsets [graphs + 1].
gnn_status gnn_peer_layer(const gnn_adjacency* a, const int64_t* offsets, int64_t graphs,
                          gnn_tensor x, const gnn_tensor* parameters, gnn_tensor* out);
// The last hidden state [R, H] of torch.nn.GRU over x [R, bars, C].
gnn_status gnn_gru(gnn_tensor x, gnn_tensor weight_ih, gnn_tensor weight_hh, gnn_tensor bias_ih,
                   gnn_tensor bias_hh, gnn_tensor* out);

// ---- dense layers ----------------------------------------------------------

// alpha a + beta b.
gnn_status gnn_combine(gnn_tensor a, double alpha, gnn_tensor b, double beta, gnn_tensor* out);
// a b, of matrices.
gnn_status gnn_product(gnn_tensor a, gnn_tensor b, gnn_tensor* out);
// n tensors side by side along the last axis.
gnn_status gnn_concatenate(const gnn_tensor* parts, int64_t n, gnn_tensor* out);
// The largest of n tensors' values at each place.
gnn_status gnn_largest(const gnn_tensor* parts, int64_t n, gnn_tensor* out);
// softmax(q k^T / sqrt(d)) v of each head and graph: q, k and v are [N, heads * d],
// the nodes of graph i are offsets[i] to offsets[i + 1], and those whose present
// [N], float32, is 0 are attended to by nobody.
gnn_status gnn_self_attention(gnn_tensor q, gnn_tensor k, gnn_tensor v, gnn_tensor present,
                              const int64_t* offsets, int64_t graphs, int64_t heads,
                              gnn_tensor* out);

// ---- sparse adjacency ----------------------------------------------------

// The matrix A [n, n] with A[target, source] = weight, and its transpose.
// edge_index is [2, edges], sources then targets; weight may be NULL (ones).
gnn_status gnn_adjacency_new(int64_t n, int64_t edges, const int64_t* edge_index,
                             const float* weight, gnn_adjacency** out);
// The same after PyG's gcn_norm: missing self-loops of weight 1 are added,
// then A[i, j] is scaled by 1 / sqrt(deg(i) deg(j)), degrees over targets.
gnn_status gnn_adjacency_gcn(int64_t n, int64_t edges, const int64_t* edge_index,
                             const float* weight, gnn_adjacency** out);
// One block-diagonal matrix of the given ones, in their order, on a device.
gnn_status gnn_adjacency_cat(gnn_adjacency* const* parts, int64_t n, int32_t device,
                             gnn_adjacency** out);
// The graphs of index [n] int64 of a matrix that gnn_adjacency_cat made on a CUDA
// device of graphs of as many nodes each. Nothing is copied, and index, which
// must stay as it is until the last use, is not checked.
gnn_status gnn_adjacency_select(const gnn_adjacency* all, gnn_tensor index, gnn_adjacency** out);
// Multiplies by libtorch's own sparse product instead of ours, on the CPU too.
gnn_status gnn_adjacency_use_libtorch(gnn_adjacency* a);
// A @ X for X [n, features].
gnn_status gnn_adjacency_matmul(const gnn_adjacency* a, gnn_tensor x, gnn_tensor* out);
void gnn_adjacency_free(gnn_adjacency* a);

// ---- Adam ----------------------------------------------------------------

// decoupled: AdamW's weight decay (on the weights) instead of Adam's (L2, on
// the gradient). The parameters are shared with the caller, not copied.
gnn_status gnn_adam_new(const gnn_tensor* parameters, int64_t n, double lr, double beta1,
                        double beta2, double eps, double weight_decay, int32_t decoupled,
                        gnn_adam** out);
// The weight decay of parameter i alone.
gnn_status gnn_adam_set_weight_decay(gnn_adam* adam, int64_t i, double weight_decay);
// Clips the gradients' joint norm to max_norm (<= 0: not at all), steps, and
// clears the gradients. The loss (NULL: 0) and the norm before clipping are read
// back together, which waits for the device once; where one of them is not
// finite nothing is updated.
gnn_status gnn_adam_step(gnn_adam* adam, gnn_tensor loss_or_null, double max_norm, double* loss,
                         double* norm);
// The same on a CUDA device without waiting for it: loss and norm go to row
// place[0] of results [rows, 2], float64, and then place[0] and step[0], int64,
// become one more.
gnn_status gnn_adam_queue(gnn_adam* adam, gnn_tensor loss, double max_norm, gnn_tensor results,
                          gnn_tensor place, gnn_tensor step);
// The learning rate of the steps from now on.
gnn_status gnn_adam_set_rate(gnn_adam* adam, double lr);
// Forgets the gradients.
gnn_status gnn_adam_clear(gnn_adam* adam);
// The state of parameter i: first and second moment, of its shape, and the
// number of steps, a float scalar. They share memory with the optimiser, so
// that writing to them restores it.
gnn_status gnn_adam_state(const gnn_adam* adam, int64_t i, gnn_tensor* exp_avg_out,
                          gnn_tensor* exp_avg_sq_out, gnn_tensor* step_out);
void gnn_adam_free(gnn_adam* adam);

// ---- captured steps -------------------------------------------------------

// What a thread queues on a CUDA device between begin and end is recorded and not
// run; a replay queues it as a whole. Nothing in between may wait for the device
// or read host memory later. Tensors made in between hold the values of the last
// replay. After a failure in between, free it.
typedef struct gnn_capture gnn_capture;
gnn_status gnn_capture_begin(int32_t device, gnn_capture** out);
gnn_status gnn_capture_end(gnn_capture* capture);
gnn_status gnn_capture_replay(gnn_capture* capture);
void gnn_capture_free(gnn_capture* capture);
// index [n] = order from place[0] * batch on; all int64, on a CUDA device.
gnn_status gnn_next_batch(gnn_tensor order, gnn_tensor place, int64_t batch, gnn_tensor index);
// place[0] and step[0] become one more.
gnn_status gnn_advance(gnn_tensor place, gnn_tensor step);

// ---- TorchScript ---------------------------------------------------------

gnn_status gnn_module_new(const char* name, gnn_module** out);
gnn_status gnn_module_parameter(gnn_module* m, const char* name, gnn_tensor t);
gnn_status gnn_module_buffer(gnn_module* m, const char* name, gnn_tensor t);
gnn_status gnn_module_child(gnn_module* m, const char* name, const gnn_module* child);
gnn_status gnn_module_define(gnn_module* m, const char* source);
// bytes_out is new memory, freed by gnn_bytes_free.
gnn_status gnn_module_save(const gnn_module* m, const char* extra_name, const char* extra,
                           int64_t extra_size, char** bytes_out, int64_t* size_out);
gnn_status gnn_module_load(const char* bytes, int64_t size, gnn_module** out);
// forward(x, edge_index, edge_weight) in evaluation mode.
gnn_status gnn_module_forward(const gnn_module* m, gnn_tensor x, gnn_tensor edge_index,
                              gnn_tensor edge_weight_or_null, gnn_tensor* out);
void gnn_module_free(gnn_module* m);
void gnn_bytes_free(char* bytes);

#ifdef __cplusplus
}
#endif
