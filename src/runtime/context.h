// What computing needs from its surroundings: a kernel table and workers. Passed by reference, never global.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>

#include "kernels/kernels.h"
#include "runtime/thread_pool.h"

namespace garam {

class Context {
 public:
  /// Without a pool, or with one worker, everything runs on the calling thread.
  Context(const kernels::Table& table, ThreadPool* pool, unsigned workers)
      : table_(table), pool_(workers > 1 ? pool : nullptr), workers_(pool_ != nullptr ? workers : 1) {}

  const kernels::Table& table() const noexcept { return table_; }
  unsigned workers() const noexcept { return workers_; }

  /// body(worker) on every worker.
  template <typename Body>
  void on_workers(const Body& body) const {
    if (pool_ == nullptr) return body(0u);
    struct Argument {
      const Body* body;
      unsigned workers;
    } const argument{&body, workers_};
    pool_->run(
        [](const void* p, unsigned worker) {
          const auto& a = *static_cast<const Argument*>(p);
          if (worker < a.workers) (*a.body)(worker);
        },
        &argument);
  }

  /// body(begin, end, worker) over [0, count), one contiguous range a worker, cut at multiples of `grain`.
  /// Runs on the calling thread when there is only one grain.
  template <typename Body>
  void split(std::size_t count, std::size_t grain, const Body& body) const {
    const std::size_t grains = (count + grain - 1) / grain;
    if (workers_ == 1 || grains <= 1) {
      if (count > 0) body(std::size_t{0}, count, 0u);
      return;
    }
    on_workers([&](unsigned worker) {
      const std::size_t begin = grains * worker / workers_ * grain;
      const std::size_t end = std::min(count, grains * (worker + 1) / workers_ * grain);
      if (begin < end) body(begin, end, worker);
    });
  }

  /// body(begin, end, worker) over pieces of `grain`, taken by whichever worker is free: for work whose
  /// pieces cost unequal time, and against noisy neighbours.
  template <typename Body>
  void steal(std::size_t count, std::size_t grain, const Body& body) const {
    if (workers_ == 1 || count <= grain) {
      if (count > 0) body(std::size_t{0}, count, 0u);
      return;
    }
    std::atomic<std::size_t> next{0};
    on_workers([&](unsigned worker) {
      for (;;) {
        const std::size_t begin = next.fetch_add(grain, std::memory_order_relaxed);
        if (begin >= count) return;
        body(begin, std::min(count, begin + grain), worker);
      }
    });
  }

 private:
  const kernels::Table& table_;
  ThreadPool* pool_;
  unsigned workers_;
};

}  // namespace garam
