// The worker threads of one model. A region runs one function on every worker and returns when all are done;
// which worker does what is fixed by its index, so threads never decide a result.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace garam {

class ThreadPool {
 public:
  /// `workers` includes the caller of run(): workers - 1 threads are started.
  explicit ThreadPool(unsigned workers);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  unsigned workers() const noexcept { return static_cast<unsigned>(threads_.size()) + 1; }

  using Region = void (*)(const void* argument, unsigned worker);
  /// Runs region(argument, w) for every worker w, the caller being worker 0. `region` must not throw. Only
  /// the holder of try_acquire() may call it.
  void run(Region region, const void* argument) noexcept;

  /// One forward at a time: a second caller gets false and computes on its own thread, with the same bits.
  bool try_acquire() noexcept { return busy_.try_lock(); }
  void release() noexcept { busy_.unlock(); }

 private:
  void work(unsigned worker) noexcept;

  // Each on its own cache line: workers spin on generation_, the caller on pending_.
  alignas(64) std::atomic<std::uint32_t> generation_{0};
  alignas(64) std::atomic<std::uint32_t> pending_{0};
  alignas(64) Region region_ = nullptr;
  const void* argument_ = nullptr;
  bool quit_ = false;
  std::mutex busy_;
  std::vector<std::thread> threads_;
};

}  // namespace garam
