// The worker threads of one model. A region is work in pieces that any worker may take; it is over when the
// caller finds nothing left to take and nobody is at work, so a worker that the system has not given a core
// by then is not waited for. Which worker takes a piece never decides a result.
#pragma once

#include <atomic>
#include <cstddef>
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
  /// Runs region(argument, w) on the caller as worker 0 and, while that lasts, on whichever other workers w
  /// come by, on some more than once. When the region returns to worker 0, no work may be left for others to
  /// begin. `region` must not throw. Only the holder of try_acquire() may call it.
  void run(Region region, const void* argument) noexcept;

  /// Where each worker's share of the current region goes on.
  struct alignas(64) Cursor {
    std::atomic<std::size_t> next{0};
  };
  Cursor* cursors() noexcept { return cursors_.data(); }

  /// One forward at a time: a second caller gets false and computes on its own thread, with the same bits.
  bool try_acquire() noexcept { return busy_.try_lock(); }
  void release() noexcept { busy_.unlock(); }

 private:
  void work(unsigned worker) noexcept;

  static constexpr std::uint32_t kClosed = std::uint32_t{1} << 31;

  // Each on its own cache line: workers spin on generation_, the caller on inside_.
  alignas(64) std::atomic<std::uint32_t> generation_{0};
  alignas(64) std::atomic<std::uint32_t> inside_{kClosed};  // workers in the region; kClosed: none may enter
  alignas(64) Region region_ = nullptr;
  const void* argument_ = nullptr;
  std::atomic<bool> quit_{false};
  std::mutex busy_;
  std::vector<Cursor> cursors_;
  std::vector<std::thread> threads_;
};

}  // namespace garam
