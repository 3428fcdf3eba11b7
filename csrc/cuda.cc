// cuda.cc: the CUDA half of libtorch, opened at run time, and why it does not open.
#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <dlfcn.h>
#include <torch/version.h>

#include <atomic>
#include <cctype>
#include <fstream>
#include <string>

#include "accelerator.h"
#include "guard.h"

using gnn::CudaError;
using gnn::guard;

namespace {

std::atomic<bool> cuda_ready{false};
std::atomic<const gnn::CudaLibrary*> our_library{nullptr};

// A function of a library that is opened at run time; nullptr: it has none.
template <typename Signature>
Signature* function(void* library, const char* name) {
  return reinterpret_cast<Signature*>(dlsym(library, name));
}

// 12040 is CUDA 12.4.
std::string cuda_version(int number) {
  return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

// The release of the driver, such as 550.54.15; empty where it is not reported.
std::string driver_release() {
  std::ifstream file("/proc/driver/nvidia/version");
  for (std::string word; file >> word;) {
    if (std::isdigit(static_cast<unsigned char>(word[0])) != 0 &&
        word.find('.') != std::string::npos) {
      return word;
    }
  }
  return "";
}

std::string driver_error(void* driver, int code) {
  const char* text = nullptr;
  if (auto* describe = function<int(int, const char**)>(driver, "cuGetErrorString")) {
    describe(code, &text);
  }
  return "error " + std::to_string(code) + (text == nullptr ? "" : " (" + std::string(text) + ")");
}

// Asks the driver itself whether CUDA can work: libtorch says only that it does
// not, and opening its CUDA library takes half a gigabyte.
void check_driver() {
  void* driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_GLOBAL);
  if (driver == nullptr) {
    throw CudaError(GNN_NO_CUDA, "no NVIDIA driver on this machine: libcuda.so.1 is not found");
  }
  auto* init = function<int(unsigned)>(driver, "cuInit");
  auto* version = function<int(int*)>(driver, "cuDriverGetVersion");
  if (init == nullptr || version == nullptr) return;  // it is not NVIDIA's: libtorch will say so
  constexpr int no_device = 100;
  const int code = init(0);
  if (code == no_device) {
    throw CudaError(GNN_NO_CUDA, "the NVIDIA driver is there, but no GPU is visible");
  }
  if (code != 0) {
    throw CudaError(GNN_CUDA_UNUSABLE,
                    "the NVIDIA driver does not start: " + driver_error(driver, code));
  }
  // libtorch brings its own CUDA runtime, which any driver of the same major
  // version or a later one serves.
  int has = 0, needs = 0;
  auto* runtime = function<int(int*)>(RTLD_DEFAULT, "cudaRuntimeGetVersion");
  if (version(&has) != 0 || runtime == nullptr || runtime(&needs) != 0) return;
  if (has / 1000 >= needs / 1000) return;
  constexpr int cuda13 = 13;
  const auto release = driver_release();
  throw CudaError(
      GNN_CUDA_UNUSABLE,
      "the NVIDIA driver is too old: " + (release.empty() ? "it" : "version " + release) +
          " serves CUDA " + cuda_version(has) + ", and libtorch " TORCH_VERSION " needs CUDA " +
          cuda_version(needs) +
          (needs / 1000 == cuda13 ? ", which driver 580 and later serve" : ""));
}

// What the CUDA runtime says of the devices; empty where it sees some.
std::string runtime_error() {
  auto* count = function<int(int*)>(RTLD_DEFAULT, "cudaGetDeviceCount");
  auto* describe = function<const char*(int)>(RTLD_DEFAULT, "cudaGetErrorString");
  if (count == nullptr || describe == nullptr) return "";
  int devices = 0;
  const int code = count(&devices);
  return code == 0 ? "" : std::string(": ") + describe(code);
}

// libtorch itself is not asked: it looks for CUDA once, and that may still come.
c10::DeviceAllocator* cuda_allocator() {
  if (!cuda_ready.load(std::memory_order_acquire)) {
    throw CudaError(GNN_NO_CUDA, "CUDA is not loaded");
  }
  return c10::getDeviceAllocator(c10::DeviceType::CUDA);
}

// Opens our kernels. They are built where libtorch has a CUDA half to link with.
void open_kernels() {
  void* library = dlopen("libgnn_cuda.so", RTLD_NOW | RTLD_LOCAL);
  auto* get = library == nullptr ? nullptr
                                 : function<const gnn::CudaLibrary*()>(library, "gnn_cuda_library");
  if (get == nullptr) {
    const char* why = dlerror();
    throw CudaError(GNN_CUDA_UNUSABLE,
                    std::string("libgnn_cuda.so, this program's CUDA kernels, does not open: ") +
                        (why == nullptr ? "no reason given" : why));
  }
  our_library.store(get(), std::memory_order_release);
}

}  // namespace

const gnn::CudaLibrary& gnn::cuda_library() {
  const auto* library = our_library.load(std::memory_order_acquire);
  TORCH_CHECK(library != nullptr, "CUDA is not loaded");
  return *library;
}

void gnn::launched(const char* what, int code) {
  TORCH_CHECK(code == 0, what, " on CUDA: ", kernels().error_string(code));
}

gnn_status gnn_cuda_load(int32_t* device_count) {
  return guard([&] {
    check_driver();
    if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr) {
      const char* why = dlerror();
      throw CudaError(GNN_CUDA_UNUSABLE, std::string("libtorch's CUDA library does not open: ") +
                                             (why == nullptr ? "no reason given" : why));
    }
    if (!at::globalContext().hasCUDA()) {
      throw CudaError(GNN_CUDA_UNUSABLE,
                      "the NVIDIA driver is there, but CUDA finds no usable GPU" + runtime_error());
    }
    open_kernels();
    // It makes the allocator, which gnn_cuda_memory asks from other threads.
    at::globalContext().lazyInitDevice(at::kCUDA);
    *device_count = static_cast<int32_t>(at::detail::getCUDAHooks().deviceCount());
    cuda_ready.store(true, std::memory_order_release);
  });
}

gnn_status gnn_cuda_use(int32_t device) {
  return guard([&] {
    TORCH_CHECK(device >= 0, "device ", device, " is no CUDA device");
    gnn::cuda_library().use_own_stream(device);
  });
}

gnn_status gnn_cuda_memory(int32_t device, gnn_memory* memory) {
  return guard([&] {
    const auto stats = cuda_allocator()->getDeviceStats(gnn::device(device).index());
    constexpr auto all = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    *memory = {stats.allocated_bytes[all].current, stats.allocated_bytes[all].peak,
               stats.reserved_bytes[all].current};
  });
}

gnn_status gnn_cuda_total(int32_t device, int64_t* bytes) {
  return guard([&] {
    const auto [free, total] = cuda_allocator()->getMemoryInfo(gnn::device(device).index());
    *bytes = static_cast<int64_t>(total);
  });
}
