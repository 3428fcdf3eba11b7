// adjacency.cc: a sparse matrix A of a graph, and A @ X as an autograd function.
//
// Rows are targets, columns sources. The transpose, which the gradient needs,
// is built with the matrix and never again.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/DeviceGuard.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "accelerator.h"
#include "adjacency.h"
#include "clones.h"
#include "guard.h"
#include "layer.h"

using gnn::Csr;
using gnn::DeviceCsr;
using gnn::guard;
using gnn::Matrix;
using gnn::opened;
using gnn::own;
using gnn::tensor;

namespace {

struct Entries {
  std::vector<int32_t> row, col;
  std::vector<float> value;
};

Csr compress(int64_t n, const std::vector<int32_t>& row, const std::vector<int32_t>& col,
             const std::vector<float>& value) {
  Csr csr{std::vector<int32_t>(n + 1), std::vector<int32_t>(col.size()),
          std::vector<float>(value.size())};
  for (const auto r : row) csr.ptr[r + 1]++;
  for (int64_t i = 0; i < n; i++) csr.ptr[i + 1] += csr.ptr[i];
  auto next = csr.ptr;
  for (size_t k = 0; k < row.size(); k++) {
    const auto slot = next[row[k]]++;
    csr.col[slot] = col[k];
    csr.value[slot] = value[k];
  }
  return csr;
}

GNN_CLONES void multiply_rows(const int32_t* ptr, const int32_t* col, const float* value,
                              const float* x, float* out, int64_t begin, int64_t end,
                              int64_t features) {
  for (int64_t i = begin; i < end; i++) {
    float* sum = out + i * features;
    for (int64_t f = 0; f < features; f++) sum[f] = 0;
    for (int32_t k = ptr[i]; k < ptr[i + 1]; k++) {
      const float weight = value[k];
      const float* from = x + static_cast<int64_t>(col[k]) * features;
#pragma GCC ivdep
      for (int64_t f = 0; f < features; f++) sum[f] += weight * from[f];
    }
  }
}

at::Tensor multiply(const Csr& a, const at::Tensor& x_any) {
  const auto x = x_any.contiguous();
  auto out = at::empty_like(x);
  const auto* from = x.const_data_ptr<float>();
  auto* to = out.mutable_data_ptr<float>();
  const auto rows = x.size(0), features = x.size(1);
  // About 32 thousand multiplications a task: less does not pay for a thread.
  const auto work = static_cast<int64_t>(a.col.size()) * features / std::max<int64_t>(rows, 1);
  const auto grain = std::max<int64_t>(1, 32768 / std::max<int64_t>(work, 1));
  at::parallel_for(0, rows, grain, [&](int64_t begin, int64_t end) {
    multiply_rows(a.ptr.data(), a.col.data(), a.value.data(), from, to, begin, end, features);
  });
  return out;
}

// Where the matrix lies, and so where what it is multiplied by must lie.
at::Device device_of(const Matrix& m) {
  return m.on_device() ? m.device_forward.ptr.device() : at::Device(at::kCPU);
}

at::Tensor multiply_on_device(const Matrix& m, const DeviceCsr& a, const at::Tensor& x_any) {
  const c10::DeviceGuard guard(x_any.device());
  const auto x = x_any.contiguous();
  auto out = at::empty_like(x);
  gnn::launched(
      "the sparse product",
      gnn::kernels().multiply(gnn::blocks_of(m, a), x.const_data_ptr<float>(),
                              out.mutable_data_ptr<float>(), x.size(1), gnn::stream_of(x)));
  return out;
}

at::Tensor product(const Matrix& m, const at::Tensor& x, bool transposed) {
  if (m.on_device()) {
    return multiply_on_device(m, transposed ? m.device_transposed : m.device_forward, x);
  }
  if (m.sparse_forward.defined()) {
    return at::mm(transposed ? m.sparse_transposed : m.sparse_forward, x);
  }
  return multiply(transposed ? m.transposed : m.forward, x);
}

// A @ x, or A^T @ x.
struct AdjacencyMatmul : torch::autograd::Function<AdjacencyMatmul> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const c10::intrusive_ptr<Matrix>& matrix, bool transposed) {
    context->saved_data["matrix"] = c10::IValue::make_capsule(matrix);
    context->saved_data["transposed"] = transposed;
    return product(*matrix, x, transposed);
  }

  static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context,
                                               const torch::autograd::tensor_list& grads) {
    const auto matrix =
        c10::static_intrusive_pointer_cast<Matrix>(context->saved_data["matrix"].toCapsule());
    const auto transposed = !context->saved_data["transposed"].toBool();
    // With create_graph the gradient has to be differentiable itself, and what
    // reads raw memory is invisible to autograd.
    const auto grad = at::GradMode::is_enabled() ? apply(grads[0], matrix, transposed)
                                                 : product(*matrix, grads[0], transposed);
    return {grad, at::Tensor(), at::Tensor()};
  }
};

Entries entries_of(int64_t n, int64_t edges, const int64_t* edge_index, const float* weight) {
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  TORCH_CHECK(n >= 0 && n < most && edges >= 0 && edges < most - n, "a graph of ", n, " nodes and ",
              edges, " edges is past what 32-bit indices hold");
  Entries e;
  e.row.reserve(edges + n);
  e.col.reserve(edges + n);
  e.value.reserve(edges + n);
  for (int64_t k = 0; k < edges; k++) {
    const auto source = edge_index[k], target = edge_index[edges + k];
    TORCH_CHECK(source >= 0 && source < n && target >= 0 && target < n, "edge ", k, " joins ",
                source, " and ", target, " in a graph of ", n, " nodes");
    e.row.push_back(static_cast<int32_t>(target));
    e.col.push_back(static_cast<int32_t>(source));
    e.value.push_back(weight == nullptr ? 1.0F : weight[k]);
  }
  return e;
}

// gcn_norm of torch_geometric/nn/conv/gcn_conv.py, after its
// add_remaining_self_loops: a node's own loop keeps its weight (the last one,
// where there are several), every other node gets one of weight 1; loops come
// after all other edges.
void gcn_norm(int64_t n, Entries& e) {
  std::vector<float> loop(n, 1.0F), degree(n, 0.0F);
  size_t kept = 0;
  for (size_t k = 0; k < e.row.size(); k++) {
    if (e.row[k] == e.col[k]) {
      loop[e.row[k]] = e.value[k];
      continue;
    }
    e.row[kept] = e.row[k];
    e.col[kept] = e.col[k];
    e.value[kept++] = e.value[k];
  }
  e.row.resize(kept);
  e.col.resize(kept);
  e.value.resize(kept);
  for (int64_t i = 0; i < n; i++) {
    e.row.push_back(static_cast<int32_t>(i));
    e.col.push_back(static_cast<int32_t>(i));
    e.value.push_back(loop[i]);
  }
  for (size_t k = 0; k < e.row.size(); k++) degree[e.row[k]] += e.value[k];
  for (auto& d : degree) {
    d = 1.0F / std::sqrt(d);
    if (d == std::numeric_limits<float>::infinity()) d = 0.0F;
  }
  // In PyG's order: the product of two large factors may overflow before a tiny
  // weight is multiplied by it.
  for (size_t k = 0; k < e.row.size(); k++) {
    e.value[k] = degree[e.col[k]] * e.value[k] * degree[e.row[k]];
  }
}

c10::intrusive_ptr<Matrix> matrix_of(int64_t n, const Entries& e) {
  auto m = c10::make_intrusive<Matrix>();
  m->n = n;
  m->forward = compress(n, e.row, e.col, e.value);
  m->transposed = compress(n, e.col, e.row, e.value);
  return m;
}

void append(Csr& to, const Csr& part, int32_t first_node) {
  const auto first_entry = static_cast<int32_t>(to.col.size());
  for (size_t i = 1; i < part.ptr.size(); i++) to.ptr.push_back(first_entry + part.ptr[i]);
  for (const auto c : part.col) to.col.push_back(first_node + c);
  to.value.insert(to.value.end(), part.value.begin(), part.value.end());
}

at::Tensor sparse_tensor(const Csr& csr, int64_t n) {
  const auto copy = [&](const auto& v, at::ScalarType type) {
    return at::from_blob(const_cast<void*>(static_cast<const void*>(v.data())),
                         {static_cast<int64_t>(v.size())}, type)
        .clone();
  };
  return at::sparse_csr_tensor(copy(csr.ptr, at::kInt), copy(csr.col, at::kInt),
                               copy(csr.value, at::kFloat), {n, n}, at::kFloat);
}

// The parts on a device, one after another, each with columns of its own.
DeviceCsr on_device(const std::vector<const Csr*>& parts, at::Device device) {
  int64_t rows = 0, entries = 0;
  for (const auto* part : parts) {
    rows += static_cast<int64_t>(part->ptr.size()) - 1;
    entries += static_cast<int64_t>(part->col.size());
  }
  auto ptr = at::empty({rows + 1}, at::kLong), col = at::empty({entries}, at::kInt);
  auto value = at::empty({entries}, at::kFloat);
  auto* to_ptr = ptr.mutable_data_ptr<int64_t>();
  auto* to_col = col.mutable_data_ptr<int32_t>();
  auto* to_value = value.mutable_data_ptr<float>();
  int64_t first = 0;
  *to_ptr++ = 0;
  for (const auto* part : parts) {
    for (size_t i = 1; i < part->ptr.size(); i++) *to_ptr++ = first + part->ptr[i];
    to_col = std::copy(part->col.begin(), part->col.end(), to_col);
    to_value = std::copy(part->value.begin(), part->value.end(), to_value);
    first += static_cast<int64_t>(part->col.size());
  }
  return {ptr.to(device), col.to(device), value.to(device)};
}

// One matrix of parts on a device. Those of as many nodes each stay apart; others
// are joined to one graph first.
c10::intrusive_ptr<Matrix> cat_on_device(const std::vector<const Matrix*>& parts,
                                         const Matrix* joined, at::Device device) {
  auto m = c10::make_intrusive<Matrix>();
  std::vector<const Csr*> forward, transposed;
  for (const auto* part : joined != nullptr ? std::vector<const Matrix*>{joined} : parts) {
    m->n += part->n;
    m->nodes = part->n;
    forward.push_back(&part->forward);
    transposed.push_back(&part->transposed);
  }
  m->device_forward = on_device(forward, device);
  m->device_transposed = on_device(transposed, device);
  return m;
}

void give(c10::intrusive_ptr<Matrix> matrix, gnn_adjacency** out) {
  *out = new gnn_adjacency{std::move(matrix)};
  gnn::live_handles.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

gnn_blocks gnn::blocks_of(const Matrix& m, const DeviceCsr& a) {
  return {a.ptr.const_data_ptr<int64_t>(),
          a.col.const_data_ptr<int32_t>(),
          a.value.const_data_ptr<float>(),
          m.index.defined() ? m.index.const_data_ptr<int64_t>() : nullptr,
          m.n / std::max<int64_t>(m.nodes, 1),
          m.nodes};
}

at::Tensor gnn::multiply_transposed(const Matrix& m, const at::Tensor& x) {
  return multiply_on_device(m, m.device_transposed, x);
}

at::Tensor gnn::multiply(const c10::intrusive_ptr<Matrix>& matrix, const at::Tensor& x) {
  TORCH_CHECK(x.dim() == 2 && x.size(0) == matrix->n && x.scalar_type() == at::kFloat,
              "an adjacency of ", matrix->n, " nodes times a ", x.scalar_type(),
              " tensor of shape ", x.sizes(), ": it needs float32 [", matrix->n, ", features]");
  // Ours reads host memory: what lies on a device would be read by its address.
  TORCH_CHECK(x.device() == device_of(*matrix), "an adjacency on ", device_of(*matrix),
              " times a tensor on ", x.device(), ": move one of them to the other's device");
  return AdjacencyMatmul::apply(x, matrix, false);
}

gnn_status gnn_adjacency_new(int64_t n, int64_t edges, const int64_t* edge_index,
                             const float* weight, gnn_adjacency** out) {
  return guard([&] { give(matrix_of(n, entries_of(n, edges, edge_index, weight)), out); });
}

gnn_status gnn_adjacency_gcn(int64_t n, int64_t edges, const int64_t* edge_index,
                             const float* weight, gnn_adjacency** out) {
  return guard([&] {
    auto entries = entries_of(n, edges, edge_index, weight);
    gcn_norm(n, entries);
    give(matrix_of(n, entries), out);
  });
}

gnn_status gnn_adjacency_cat(gnn_adjacency* const* handles, int64_t n, int32_t device,
                             gnn_adjacency** out) {
  return guard([&] {
    std::vector<const Matrix*> parts;
    bool alike = true;
    int64_t nodes = 0;
    size_t entries = 0;
    for (int64_t i = 0; i < n; i++) {
      const auto& part = *opened(handles[i], "adjacency").matrix;
      TORCH_CHECK(!part.sparse_forward.defined() && !part.on_device(), "part ", i,
                  " of a batch is not in host memory");
      parts.push_back(&part);
      alike = alike && part.n == parts[0]->n;
      nodes += part.n;
      entries += part.forward.col.size();
    }
    if (device >= 0 && alike) {
      give(cat_on_device(parts, nullptr, gnn::device(device)), out);
      return;
    }
    TORCH_CHECK(nodes < std::numeric_limits<int32_t>::max() &&
                    entries < std::numeric_limits<int32_t>::max(),
                "a batch of ", nodes, " nodes and ", entries,
                " entries is past what 32-bit indices hold: use a smaller one");
    auto m = c10::make_intrusive<Matrix>();
    for (auto* csr : {&m->forward, &m->transposed}) {
      csr->ptr.reserve(nodes + 1);
      csr->ptr.push_back(0);
      csr->col.reserve(entries);
      csr->value.reserve(entries);
    }
    for (const auto* part : parts) {
      append(m->forward, part->forward, static_cast<int32_t>(m->n));
      append(m->transposed, part->transposed, static_cast<int32_t>(m->n));
      m->n += part->n;
    }
    give(device < 0 ? std::move(m) : cat_on_device({}, m.get(), gnn::device(device)), out);
  });
}

gnn_status gnn_adjacency_select(const gnn_adjacency* all, gnn_tensor index, gnn_adjacency** out) {
  return guard([&] {
    const auto& from = *opened(all, "adjacency").matrix;
    const auto& graphs = tensor(index);
    TORCH_CHECK(from.on_device() && !from.index.defined(),
                "graphs are selected of an adjacency that lies whole on a CUDA device");
    TORCH_CHECK(graphs.scalar_type() == at::kLong && graphs.dim() == 1 && graphs.is_contiguous() &&
                    graphs.device() == device_of(from),
                "the index of graphs is a ", graphs.scalar_type(), " tensor of shape ",
                graphs.sizes(), " on ", graphs.device());
    auto m = c10::make_intrusive<Matrix>();
    m->nodes = from.nodes;
    m->n = graphs.size(0) * from.nodes;
    m->device_forward = from.device_forward;
    m->device_transposed = from.device_transposed;
    m->index = graphs;
    give(std::move(m), out);
  });
}

gnn_status gnn_adjacency_use_libtorch(gnn_adjacency* a) {
  return guard([&] {
    auto& matrix = *opened(a, "adjacency").matrix;
    TORCH_CHECK(!matrix.on_device(), "an adjacency on a CUDA device is multiplied by our kernel");
    if (matrix.sparse_forward.defined()) return;
    matrix.sparse_forward = sparse_tensor(matrix.forward, matrix.n);
    matrix.sparse_transposed = sparse_tensor(matrix.transposed, matrix.n);
    matrix.forward = {};
    matrix.transposed = {};
  });
}

gnn_status gnn_adjacency_matmul(const gnn_adjacency* a, gnn_tensor x, gnn_tensor* out) {
  return guard([&] { *out = own(gnn::multiply(opened(a, "adjacency").matrix, tensor(x))); });
}

void gnn_adjacency_free(gnn_adjacency* a) {
  if (a == nullptr) return;
  delete a;
  gnn::live_handles.fetch_sub(1, std::memory_order_relaxed);
}
