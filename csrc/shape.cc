// shape.cc: other views of a tensor's values.
#include <ATen/ATen.h>

#include <vector>

#include "guard.h"

using gnn::guard;
using gnn::own;
using gnn::tensor;

gnn_status gnn_reshape(gnn_tensor x, const int64_t* shape, int64_t dims, gnn_tensor* out) {
  return guard([&] { *out = own(tensor(x).reshape(at::IntArrayRef(shape, dims))); });
}

gnn_status gnn_narrow(gnn_tensor x, int64_t axis, int64_t start, int64_t length, gnn_tensor* out) {
  return guard([&] { *out = own(tensor(x).narrow(axis, start, length)); });
}

gnn_status gnn_transpose(gnn_tensor x, gnn_tensor* out) {
  return guard([&] { *out = own(tensor(x).transpose(-2, -1)); });
}

gnn_status gnn_beside_rows(gnn_tensor x, gnn_tensor table, gnn_tensor* out) {
  return guard([&] {
    const auto &all = tensor(x), &rows = tensor(table);
    TORCH_CHECK(
        all.dim() >= 2 && rows.dim() == 2 && rows.size(0) > 0 && all.size(0) % rows.size(0) == 0,
        "a table of ", rows.sizes(), " beside ", all.sizes());
    const auto n = rows.size(0), d = rows.size(1);
    std::vector<int64_t> one{1, n}, whole{all.size(0) / n, n}, flat{all.size(0)};
    for (int64_t axis = 1; axis + 1 < all.dim(); axis++) {
      one.push_back(1);
      whole.push_back(all.size(axis));
      flat.push_back(all.size(axis));
    }
    one.push_back(d);
    whole.push_back(d);
    flat.push_back(d);
    *out = own(at::cat({all, rows.reshape(one).expand(whole).reshape(flat)}, -1));
  });
}
