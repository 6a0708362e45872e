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

ThreadPool::ThreadPool(unsigned workers) : cursors_(workers) {
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
  if (threads_.empty()) return region(argument, 0);
  // Nobody reads these: whoever entered the region before has left, and who comes late finds it closed.
  region_ = region;
  argument_ = argument;
  inside_.fetch_and(~kClosed, std::memory_order_release);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  region(argument, 0);
  for (std::uint32_t left = inside_.fetch_or(kClosed, std::memory_order_acq_rel) | kClosed; left != kClosed;
       left = inside_.load(std::memory_order_acquire)) {
    wait_change(inside_, left);
  }
}

void ThreadPool::work(unsigned worker) noexcept {
  const FloatEnvironment environment;
  std::uint32_t seen = 0;
  for (;;) {
    wait_change(generation_, seen);
    seen = generation_.load(std::memory_order_acquire);
    if (quit_.load(std::memory_order_relaxed)) return;
    if ((inside_.fetch_add(1, std::memory_order_acquire) & kClosed) == 0) region_(argument_, worker);
    if (inside_.fetch_sub(1, std::memory_order_release) == kClosed + 1) inside_.notify_one();
  }
}

}  // namespace garam
