// process.cc: errors, threads, seeds.
#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/core/grad_mode.h>
#include <c10/util/Exception.h>
#include <malloc.h>
#include <torch/version.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <new>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "guard.h"

static_assert(TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR == 11,
              "this code is written for libtorch 2.11: run `make setup`, or point LIBTORCH at one");

namespace gnn {

std::atomic<int64_t> live_handles{0};

namespace {

char* copy_message(const char* what) noexcept {
  char* copy = strdup(what);
  if (copy != nullptr) return copy;
  // No memory even for the message: an empty one of static length would have
  // to be told apart at every free, so the code alone speaks.
  return nullptr;
}

// The CPU allocator of libtorch throws a plain c10::Error when the host has no
// memory left, so its text is the only way to tell. It takes no memory itself:
// an exception here would end the process.
bool is_host_out_of_memory(const char* what) noexcept {
  return strstr(what, "DefaultCPUAllocator") != nullptr ||
         strstr(what, "not enough memory") != nullptr;
}
static_assert(noexcept(is_host_out_of_memory("")));

// Threads of this process, as the system counts them.
int64_t count_threads() {
  std::error_code unmounted;
  return std::distance(std::filesystem::directory_iterator("/proc/self/task", unmounted), {});
}

// Starts a thread that ends when the gate opens; false: the system allows none.
bool start_thread(std::vector<std::thread>& threads, std::mutex& gate) {
  try {
    threads.emplace_back([&] { const std::scoped_lock passed(gate); });
    return true;
  } catch (const std::exception&) {  // std::system_error of EAGAIN, mostly
    return false;
  }
}

// Starts n threads, waits until all are there, and ends them. The result is how
// many the system allowed.
int32_t try_threads(int32_t n) {
  std::vector<std::thread> threads;
  threads.reserve(n);
  const auto before = count_threads();
  std::mutex gate;
  {
    const std::scoped_lock closed(gate);
    while (static_cast<int32_t>(threads.size()) < n && start_thread(threads, gate)) {
    }
  }
  const auto started = static_cast<int32_t>(threads.size());
  for (auto& t : threads) t.join();
  // A thread that was joined counts until the kernel has put it away.
  for (int i = 0; i < 100 && count_threads() > before; i++) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return started;
}

}  // namespace

gnn_status current_exception_status() noexcept {
  try {
    throw;
  } catch (const CudaError& e) {
    return {e.code, copy_message(e.what())};
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

gnn_status gnn_start_threads(int32_t n, int32_t spare, int32_t* needed, int32_t* started) {
  return gnn::guard([&] {
    TORCH_CHECK(n >= 1 && spare >= 0, "starting ", n, " threads with ", spare, " to spare");
    // A pool of OpenMP's, whose first thread is the caller, and one of libtorch's own.
    *needed = 2 * n + spare;
    *started = gnn::try_threads(*needed);
    if (*started < *needed) return;
    at::set_num_threads(n);
    at::parallel_for(0, n, 1, [](int64_t, int64_t) {});
  });
}

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

gnn_status gnn_set_grad_enabled(int32_t enabled, int32_t* before) {
  return gnn::guard([&] {
    if (before != nullptr) *before = at::GradMode::is_enabled() ? 1 : 0;
    at::GradMode::set_enabled(enabled != 0);
  });
}
