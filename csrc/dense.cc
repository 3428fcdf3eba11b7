// dense.cc: operations of layers that are more than a linear map, composed of
// libtorch's, each of which only sums in a fixed order on CUDA too.
#include <ATen/ATen.h>

#include <cmath>
#include <vector>

#include "guard.h"

using gnn::guard;
using gnn::own;
using gnn::tensor;
using gnn::tensors;

namespace {

// What a masked node's score is: its share is then exactly 0 beside a present one's,
// and all are finite where no node is present.
constexpr double masked_score = -1e30;

// Attention within graphs of n nodes each: q, k and v [graphs * n, heads * d],
// present [graphs * n] float32, 1 or 0.
at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                  const at::Tensor& present, int64_t graphs, int64_t n, int64_t heads) {
  const auto d = q.size(1) / heads;
  const auto split = [&](const at::Tensor& t) {
    return t.reshape({graphs, n, heads, d}).transpose(1, 2);  // [graphs, heads, n, d]
  };
  auto scores = at::matmul(split(q), split(k).transpose(2, 3)) / std::sqrt(static_cast<double>(d));
  scores = scores.masked_fill(present.reshape({graphs, 1, 1, n}) == 0, masked_score);
  return at::matmul(at::softmax(scores, -1), split(v))
      .transpose(1, 2)
      .reshape({graphs * n, heads * d});
}

}  // namespace

gnn_status gnn_combine(gnn_tensor a, double alpha, gnn_tensor b, double beta, gnn_tensor* out) {
  return guard([&] { *out = own(at::add(tensor(a) * alpha, tensor(b), beta)); });
}

gnn_status gnn_product(gnn_tensor a, gnn_tensor b, gnn_tensor* out) {
  return guard([&] { *out = own(at::matmul(tensor(a), tensor(b))); });
}

gnn_status gnn_concatenate(const gnn_tensor* parts, int64_t n, gnn_tensor* out) {
  return guard([&] { *out = own(at::cat(tensors(parts, n), -1)); });
}

gnn_status gnn_largest(const gnn_tensor* parts, int64_t n, gnn_tensor* out) {
  return guard([&] { *out = own(std::get<0>(at::stack(tensors(parts, n), -1).max(-1))); });
}

gnn_status gnn_self_attention(gnn_tensor q, gnn_tensor k, gnn_tensor v, gnn_tensor present,
                              const int64_t* offsets, int64_t graphs, int64_t heads,
                              gnn_tensor* out) {
  return guard([&] {
    const auto &query = tensor(q), &key = tensor(k), &value = tensor(v), &mask = tensor(present);
    TORCH_CHECK(query.dim() == 2 && query.sizes() == key.sizes() &&
                    query.sizes() == value.sizes() && heads > 0 && query.size(1) % heads == 0,
                "attention of ", heads, " heads between queries ", query.sizes(), ", keys ",
                key.sizes(), " and values ", value.sizes());
    TORCH_CHECK(graphs > 0 && offsets[0] == 0 && offsets[graphs] == query.size(0) &&
                    mask.numel() == query.size(0),
                "attention over ", graphs, " graphs and ", mask.numel(), " marks of ",
                query.size(0), " nodes");
    bool alike = true;
    for (int64_t i = 0; i < graphs; i++) alike = alike && offsets[i + 1] == (i + 1) * offsets[1];
    if (alike) {
      *out = own(attend(query, key, value, mask, graphs, offsets[1], heads));
      return;
    }
    std::vector<at::Tensor> parts;
    for (int64_t i = 0; i < graphs; i++) {
      const auto first = offsets[i], n = offsets[i + 1] - first;
      const auto of = [&](const at::Tensor& t) { return t.narrow(0, first, n); };
      parts.push_back(attend(of(query), of(key), of(value), of(mask), 1, n, heads));
    }
    *out = own(at::cat(parts));
  });
}
