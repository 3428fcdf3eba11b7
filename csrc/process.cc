// process.cc: errors, threads, seeds, and the CUDA half of libtorch.
#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/core/grad_mode.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/util/Exception.h>
#include <dlfcn.h>
#include <malloc.h>
#include <torch/version.h>

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <string>

#include "guard.h"

static_assert(TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR == 11,
              "this code is written for libtorch 2.11: run `make setup`, or point LIBTORCH at one");

namespace gnn {

std::atomic<int64_t> live_handles{0};

namespace {

std::atomic<bool> cuda_loaded{false};

char* copy_message(const char* what) noexcept {
  char* copy = strdup(what);
  if (copy != nullptr) return copy;
  // No memory even for the message: an empty one of static length would have
  // to be told apart at every free, so the code alone speaks.
  return nullptr;
}

// The CPU allocator of libtorch throws a plain c10::Error when the host has no
// memory left, so its text is the only way to tell.
bool is_host_out_of_memory(const std::string& what) {
  return what.find("DefaultCPUAllocator") != std::string::npos ||
         what.find("not enough memory") != std::string::npos;
}

}  // namespace

gnn_status current_exception_status() noexcept {
  try {
    throw;
  } catch (const NoCuda& e) {
    return {GNN_NO_CUDA, copy_message(e.what())};
  } catch (const c10::OutOfMemoryError& e) {
    return {GNN_OUT_OF_MEMORY, copy_message(e.what_without_backtrace())};
  } catch (const std::bad_alloc&) {
    return {GNN_OUT_OF_MEMORY, copy_message("the host has no memory left")};
  } catch (const c10::Error& e) {
    const char* what = e.what_without_backtrace();
    return {is_host_out_of_memory(what) ? GNN_OUT_OF_MEMORY : GNN_ERROR, copy_message(what)};
  } catch (const std::exception& e) {
    return {GNN_ERROR, copy_message(e.what())};
  } catch (...) {
    return {GNN_ERROR, copy_message("an exception of unknown type")};
  }
}

}  // namespace gnn

void gnn_message_free(char* message) { free(message); }

const char* gnn_torch_version(void) { return TORCH_VERSION; }

gnn_status gnn_torch_loaded(char** text_out) {
  return gnn::guard([&] {
    char* copy = strdup(at::show_config().c_str());
    if (copy == nullptr) throw std::bad_alloc();
    *text_out = copy;
  });
}

int64_t gnn_live_handles(void) { return gnn::live_handles.load(); }

gnn_status gnn_set_num_threads(int32_t n) {
  return gnn::guard([&] { at::set_num_threads(n); });
}

int32_t gnn_num_threads(void) { return at::get_num_threads(); }

void gnn_keep_freed_memory(void) {
  // Page faults on blocks handed back and forth were a fifth of a training
  // step. Larger blocks than the first limit are still given back at once.
  constexpr int mebibyte = 1024 * 1024;
  mallopt(M_MMAP_THRESHOLD, 32 * mebibyte);
  mallopt(M_TRIM_THRESHOLD, 512 * mebibyte);
}

gnn_status gnn_manual_seed(uint64_t seed) {
  return gnn::guard([&] { at::manual_seed(seed); });
}

gnn_status gnn_rng_state(int32_t device, gnn_tensor* out) {
  return gnn::guard([&] {
    auto generator = at::globalContext().defaultGenerator(gnn::device(device));
    const std::scoped_lock lock(generator.mutex());
    *out = gnn::own(generator.get_state());
  });
}

gnn_status gnn_rng_set_state(int32_t device, const uint8_t* state, int64_t bytes) {
  return gnn::guard([&] {
    auto copy = at::empty({bytes}, at::kByte);
    if (bytes > 0) std::memcpy(copy.mutable_data_ptr(), state, copy.nbytes());
    auto generator = at::globalContext().defaultGenerator(gnn::device(device));
    const std::scoped_lock lock(generator.mutex());
    generator.set_state(copy);
  });
}

gnn_status gnn_set_grad_enabled(int32_t enabled) {
  return gnn::guard([&] { at::GradMode::set_enabled(enabled != 0); });
}

gnn_status gnn_cuda_load(int32_t* device_count) {
  return gnn::guard([&] {
    // The driver first: without it the half gigabyte of CUDA libraries is not
    // worth opening.
    if (dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL) == nullptr) {
      throw gnn::NoCuda("no NVIDIA driver on this machine: libcuda.so.1 is not found");
    }
    if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr) {
      throw gnn::NoCuda(std::string("libtorch's CUDA library does not open: ") + dlerror());
    }
    if (!at::globalContext().hasCUDA()) {
      throw gnn::NoCuda("the NVIDIA driver is there, but shows no usable device");
    }
    *device_count = static_cast<int32_t>(at::detail::getCUDAHooks().deviceCount());
    gnn::cuda_loaded = true;
  });
}

gnn_status gnn_cuda_memory(int32_t device, gnn_memory* memory) {
  return gnn::guard([&] {
    // libtorch itself is not asked: it looks for CUDA once, and that may still come.
    if (!gnn::cuda_loaded) throw gnn::NoCuda("CUDA is not loaded");
    const auto stats = c10::getDeviceAllocator(c10::DeviceType::CUDA)
                           ->getDeviceStats(static_cast<c10::DeviceIndex>(device));
    constexpr auto all = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    *memory = {stats.allocated_bytes[all].current, stats.allocated_bytes[all].peak,
               stats.reserved_bytes[all].current};
  });
}
