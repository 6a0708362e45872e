// The pool: every worker runs every region once, pieces cover their range exactly, a busy pool says so.
#include "runtime/thread_pool.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "garam/kernel_set.h"
#include "runtime/context.h"

namespace garam {
namespace {

const kernels::Table kNoKernels{};

TEST(ThreadPool, EveryWorkerRunsEveryRegionOnce) {
  for (const unsigned workers : {1u, 2u, 3u, 7u}) {
    ThreadPool pool(workers);
    std::vector<std::atomic<int>> counts(workers);
    const auto region = [&](unsigned worker) { ++counts[worker]; };
    for (int round = 0; round < 200; ++round) {
      pool.run([](const void* body, unsigned w) { (*static_cast<const decltype(region)*>(body))(w); },
               &region);
      for (const auto& count : counts) ASSERT_EQ(count, round + 1);
    }
  }
}

TEST(ThreadPool, SleepsBetweenRegionsAndWakes) {
  ThreadPool pool(3);
  std::atomic<int> total{0};
  for (int round = 1; round <= 3; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    pool.run([](const void* t,
                unsigned) { ++*const_cast<std::atomic<int>*>(static_cast<const std::atomic<int>*>(t)); },
             &total);
    EXPECT_EQ(total, 3 * round);
  }
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
        for (const bool steal : {false, true}) {
          std::vector<std::atomic<int>> seen(count);
          const auto body = [&](std::size_t begin, std::size_t end, unsigned worker) {
            EXPECT_LT(worker, workers);
            for (std::size_t i = begin; i < end; ++i) ++seen[i];
          };
          steal ? context.steal(count, grain, body) : context.split(count, grain, body);
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
