// module.cc: TorchScript modules built from parameters and source text.
#include <torch/csrc/jit/serialization/import.h>
#include <torch/script.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <sstream>
#include <string>
#include <utility>

#include "guard.h"

using gnn::guard;
using gnn::opened;
using gnn::own;
using gnn::tensor;

struct gnn_module {
  torch::jit::Module script;
};

namespace {

void give(torch::jit::Module script, gnn_module** out) {
  *out = new gnn_module{std::move(script)};
  gnn::live_handles.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

gnn_status gnn_module_new(const char* name, gnn_module** out) {
  return guard([&] { give(torch::jit::Module(std::string("__torch__.") + name), out); });
}

gnn_status gnn_module_parameter(gnn_module* m, const char* name, gnn_tensor t) {
  // A copy on the CPU: the file must open where there is no CUDA, and training
  // may go on after the export.
  return guard([&] {
    opened(m, "module")
        .script.register_parameter(name, tensor(t).detach().to(at::kCPU).clone(), false);
  });
}

gnn_status gnn_module_buffer(gnn_module* m, const char* name, gnn_tensor t) {
  return guard([&] {
    opened(m, "module").script.register_buffer(name, tensor(t).detach().to(at::kCPU).clone());
  });
}

gnn_status gnn_module_child(gnn_module* m, const char* name, const gnn_module* child) {
  return guard(
      [&] { opened(m, "module").script.register_module(name, opened(child, "submodule").script); });
}

gnn_status gnn_module_define(gnn_module* m, const char* source) {
  return guard([&] { opened(m, "module").script.define(source); });
}

gnn_status gnn_module_save(const gnn_module* m, const char* extra_name, const char* extra,
                           int64_t extra_size, char** bytes_out, int64_t* size_out) {
  return guard([&] {
    std::ostringstream stream;
    opened(m, "module").script.save(stream, {{extra_name, std::string(extra, extra_size)}});
    const auto file = stream.str();
    auto* bytes = static_cast<char*>(malloc(file.size()));
    if (bytes == nullptr) throw std::bad_alloc();
    std::copy(file.begin(), file.end(), bytes);
    *bytes_out = bytes;
    *size_out = static_cast<int64_t>(file.size());
  });
}

gnn_status gnn_module_load(const char* bytes, int64_t size, gnn_module** out) {
  return guard([&] {
    std::istringstream stream(std::string(bytes, size));
    auto script = torch::jit::load(stream, at::kCPU);
    script.eval();
    give(std::move(script), out);
  });
}

gnn_status gnn_module_forward(const gnn_module* m, gnn_tensor x, gnn_tensor edge_index,
                              gnn_tensor edge_weight, gnn_tensor* out) {
  return guard([&] {
    const at::NoGradGuard no_grad;
    auto script = opened(m, "module").script;  // a handle to the same module: forward is not const
    const auto weight = edge_weight == nullptr ? c10::IValue() : c10::IValue(tensor(edge_weight));
    *out = own(script.forward({tensor(x), tensor(edge_index), weight}).toTensor());
  });
}

void gnn_module_free(gnn_module* m) {
  if (m == nullptr) return;
  delete m;
  gnn::live_handles.fetch_sub(1, std::memory_order_relaxed);
}

void gnn_bytes_free(char* bytes) { free(bytes); }
