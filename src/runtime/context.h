// What computing needs from its surroundings: a kernel table and workers. Passed by reference, never global.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"
#include "runtime/thread_pool.h"

namespace garam {

namespace ops {
class LinearObserver;
}

class Context {
 public:
  /// Without a pool, or with one worker, everything runs on the calling thread. `observer` sees what
  /// ops::linear() reads; null: nobody.
  Context(const kernels::Table& table, ThreadPool* pool, unsigned workers,
          ops::LinearObserver* observer = nullptr)
      : table_(table),
        pool_(workers > 1 ? pool : nullptr),
        workers_(pool_ != nullptr ? workers : 1),
        observer_(observer) {}

  const kernels::Table& table() const noexcept { return table_; }
  unsigned workers() const noexcept { return workers_; }
  ops::LinearObserver* observer() const noexcept { return observer_; }

  /// body(begin, end, worker) over [0, count), one contiguous range a worker, cut at multiples of `grain`. A
  /// worker takes its range in pieces (a multiple of `grain`, the whole range if not given), then those that
  /// another has not come to: one stream of memory for each, and nobody waits for a worker without a core.
  /// Runs on the calling thread when there is only one grain.
  template <typename Body>
  void split(std::size_t count, std::size_t grain, const Body& body, std::size_t piece = SIZE_MAX) const {
    const std::size_t grains = (count + grain - 1) / grain;
    if (workers_ == 1 || grains <= 1) {
      if (count > 0) body(std::size_t{0}, count, 0u);
      return;
    }
    piece = std::min(piece, count);
    ThreadPool::Cursor* const cursors = pool_->cursors();
    const auto first = [&](unsigned share) { return std::min(count, grains * share / workers_ * grain); };
    for (unsigned share = 0; share < workers_; ++share) {
      cursors[share].next.store(first(share), std::memory_order_relaxed);
    }
    on_workers([&](unsigned worker) {
      for (unsigned i = 0; i < workers_; ++i) {
        const unsigned share = (worker + i) % workers_;
        std::atomic<std::size_t>& next = cursors[share].next;
        const std::size_t end = first(share + 1);
        while (next.load(std::memory_order_relaxed) < end) {
          const std::size_t begin = next.fetch_add(piece, std::memory_order_relaxed);
          if (begin < end) body(begin, std::min(end, begin + piece), worker);
        }
      }
    });
  }

  /// body(begin, end, worker) over pieces of `grain`, taken by whichever worker is free: for work whose
  /// pieces cost unequal time.
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
  /// body(worker) on those workers that come while there is work (thread_pool.h).
  template <typename Body>
  void on_workers(const Body& body) const {
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

  const kernels::Table& table_;
  ThreadPool* pool_;
  unsigned workers_;
  ops::LinearObserver* observer_;
};

}  // namespace garam
