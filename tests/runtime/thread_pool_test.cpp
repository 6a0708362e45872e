// The pool: all work is done when a region is over, workers come, pieces cover their range exactly, a busy
// pool says so.
#include "runtime/thread_pool.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "garam/kernel_set.h"
#include "runtime/context.h"

namespace garam {
namespace {

const kernels::Table kNoKernels{};

template <typename Body>
void run(ThreadPool& pool, const Body& body) {
  pool.run([](const void* p, unsigned worker) { (*static_cast<const Body*>(p))(worker); }, &body);
}

TEST(ThreadPool, AllWorkIsDoneWhenARegionIsOver) {
  for (const unsigned workers : {1u, 2u, 3u, 7u, 64u}) {
    ThreadPool pool(workers);
    for (int round = 0; round < 200; ++round) {
      std::atomic<int> next{0};
      std::array<int, 100> done{};  // not atomic: leaving the region must order these
      run(pool, [&](unsigned worker) {
        EXPECT_LT(worker, workers);
        for (int i; (i = next.fetch_add(1)) < static_cast<int>(done.size());)
          ++done[static_cast<std::size_t>(i)];
      });
      for (const int n : done) ASSERT_EQ(n, 1);
    }
  }
}

TEST(ThreadPool, AllWorkersWakeAndCome) {
  ThreadPool pool(3);
  for (int round = 1; round <= 3; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // they fall asleep
    std::array<std::atomic<bool>, 3> came{};
    run(pool, [&](unsigned worker) {
      came[worker] = true;
      while (worker == 0 && !(came[1] && came[2])) std::this_thread::yield();
    });
  }
}

// All workers share one core; nobody may be waited for that has not begun, so this takes the caller's time
// alone.
TEST(ThreadPool, NobodyWithoutACoreIsWaitedFor) {
  cpu_set_t before, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  ThreadPool pool(16);
  int alone = 0;
  for (int round = 0; round < 1000; ++round) {
    std::atomic<unsigned> came{0};
    run(pool, [&](unsigned) { ++came; });
    alone += came == 1 ? 1 : 0;
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
  EXPECT_GT(alone, 500);
}

TEST(ThreadPool, SecondCallerIsTurnedAway) {
  ThreadPool pool(2);
  ASSERT_TRUE(pool.try_acquire());
  bool second = true;
  std::thread([&] { second = pool.try_acquire(); }).join();
  EXPECT_FALSE(second);
  pool.release();
}

TEST(Context, PiecesCoverTheRangeOnce) {
  ThreadPool pool(3);
  for (const unsigned workers : {1u, 2u, 3u}) {
    const Context context(kNoKernels, &pool, workers);
    for (const std::size_t count : {0u, 1u, 2u, 5u, 31u, 32u, 100u}) {
      for (const std::size_t grain : {1u, 4u, 64u}) {
        for (const auto& [steal, piece] :
             {std::pair<bool, std::size_t>{true, 0}, {false, SIZE_MAX}, {false, grain}}) {
          std::vector<std::atomic<int>> seen(count);
          const auto body = [&](std::size_t begin, std::size_t end, unsigned worker) {
            EXPECT_LT(worker, workers);
            EXPECT_EQ(begin % grain, 0u);
            for (std::size_t i = begin; i < end; ++i) ++seen[i];
          };
          steal ? context.steal(count, grain, body) : context.split(count, grain, body, piece);
          for (const auto& s : seen) ASSERT_EQ(s, 1) << count << " " << grain;
        }
      }
    }
  }
}

TEST(DefaultThreads, RespectsAffinity) {
  std::string reason;
  const unsigned threads = default_threads(&reason);
  EXPECT_GE(threads, 1u);
  EXPECT_FALSE(reason.empty());
  cpu_set_t before, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &before)) continue;
    CPU_SET(cpu, &one);
    break;
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(default_threads(), 1u);
  ASSERT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
  EXPECT_EQ(default_threads(), threads);
}

}  // namespace
}  // namespace garam
