// Spin a bounded time, then sleep: within a forward pass regions follow each other within microseconds,
// between passes nobody should burn a core.
#include "runtime/thread_pool.h"

#include "base/fail.h"
#include "base/float_env.h"

namespace garam {
namespace {

// About 50 microseconds on Zen 4 (a pause is 64 cycles); a barrier where both arrive takes under 0.1.
constexpr int kSpins = 2048;

void pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Returns once `value` differs from `old`.
void wait_change(const std::atomic<std::uint32_t>& value, std::uint32_t old) noexcept {
  for (int i = 0; i < kSpins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause();
  }
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

}  // namespace

ThreadPool::ThreadPool(unsigned workers) {
  threads_.reserve(workers - 1);
  try {
    for (unsigned w = 1; w < workers; ++w) threads_.emplace_back([this, w] { work(w); });
  } catch (const std::system_error& error) {
    const unsigned started = this->workers();
    quit_ = true;
    generation_.fetch_add(1, std::memory_order_release);
    generation_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    fail(ErrorCode::kOutOfMemory, "threads: {} of {} workers could be started: {}", started, workers,
         error.what());
  }
}

ThreadPool::~ThreadPool() {
  quit_ = true;
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::run(Region region, const void* argument) noexcept {
  const auto others = static_cast<std::uint32_t>(threads_.size());
  if (others == 0) return region(argument, 0);
  region_ = region;
  argument_ = argument;
  pending_.store(others, std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  region(argument, 0);
  for (std::uint32_t left = pending_.load(std::memory_order_acquire); left != 0;
       left = pending_.load(std::memory_order_acquire)) {
    wait_change(pending_, left);
  }
}

void ThreadPool::work(unsigned worker) noexcept {
  const FloatEnvironment environment;
  std::uint32_t seen = 0;
  for (;;) {
    wait_change(generation_, seen);
    ++seen;
    if (quit_) return;
    region_(argument_, worker);
    if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1) pending_.notify_one();
  }
}

}  // namespace garam
