// How attention is cut into calls of the kernel: what a sliding window hides is not even walked over, every
// visible key is seen once, and neither workers nor neighbours show in a bit.
#include "ops/attention.h"

#include <gtest/gtest.h>

#include <map>
#include <mutex>

#include "base/float_env.h"
#include "base/memory.h"
#include "support/compare.h"
#include "support/kernel_tables.h"
#include "support/random.h"

namespace garam::test {
namespace {

constexpr std::size_t kHeads = 6, kKvHeads = 3, kDim = 8;

/// Keys and values of one sequence, those that no query from `first` on sees with this window absent.
class Cache {
 public:
  Cache(const ops::KvLayout& layout, std::size_t length, std::size_t first, std::size_t window)
      : memory_(pages_of(length) * layout.page_bytes(), "pages") {
    for (std::size_t page = 0; page < pages_of(length); ++page) {
      const bool seen = window == 0 || (page + 1) * kernels::kPagePositions + window > first + 1;
      pages_.push_back(seen ? memory_.data() + page * layout.page_bytes() : nullptr);
    }
    Random random(length);
    std::vector<float> x(kDim);
    for (std::size_t position = 0; position < length; ++position) {
      for (std::size_t head = 0; head < layout.kv_heads; ++head) {
        std::byte* page = memory_.data() + position / 64 * layout.page_bytes();
        fill_random(random, Values::kPlain, x);
        const auto format = static_cast<std::size_t>(layout.format);
        portable_table().store_k[format](x.data(), kDim, page + layout.k_offset(0, head), position % 64);
        fill_random(random, Values::kPlain, x);
        portable_table().store_v[format](x.data(), kDim, page + layout.v_offset(0, head), position % 64);
      }
    }
  }
  std::span<std::byte* const> pages() const { return pages_; }

 private:
  static std::size_t pages_of(std::size_t length) { return (length + 63) / 64; }
  Memory memory_;
  std::vector<std::byte*> pages_;
};

const ops::KvLayout& layout() {
  static const ops::KvLayout layout{.layers = 1, .kv_heads = kKvHeads, .key_dim = kDim, .value_dim = kDim};
  return layout;
}

/// What the kernel was called for.
struct Calls {
  std::mutex mutex;
  std::map<const float*, std::int32_t> keys;  // by query row: the keys that it saw
  std::size_t blind = 0;                      // calls of which no row sees anything
  std::size_t absent = 0;                     // visible keys whose page was not there
} calls;

void record(const kernels::AttentionChunk& chunk) {
  const std::lock_guard lock(calls.mutex);
  bool sees = false;
  for (std::size_t i = 0; i < chunk.row_count; ++i) {
    const kernels::AttentionRow& row = chunk.rows[i];
    for (std::int32_t key = row.begin; key < row.end; ++key) {
      sees = true;
      ++calls.keys[row.q];
      const bool there = chunk.k_pages[key / 64] != nullptr && chunk.v_pages[key / 64] != nullptr;
      calls.absent += there ? 0 : 1;
    }
    *row.sum = 1;
  }
  calls.blind += sees ? 0 : 1;
}

TEST(Attention, WindowsSkipWholeChunks) {
  const FloatEnvironment environment;
  kernels::Table table = portable_table();
  table.attention[static_cast<std::size_t>(layout().format)] = record;
  for (const unsigned workers : {1u, 2u}) {
    ThreadPool pool(workers);
    const Context context(table, &pool, workers);
    const Memory scratch(ops::attention_scratch_bytes(layout(), workers), "scratch");
    for (const std::size_t window : {0, 1, 100, 256, 257, 600}) {
      for (const std::size_t first : {0, 255, 256, 700, 1800}) {
        for (const std::size_t rows : {1, 5, 300}) {
          SCOPED_TRACE(testing::Message()
                       << "window " << window << ", " << rows << " rows from " << first << " on");
          const Cache cache(layout(), first + rows, first, window);
          std::vector<float> q(rows * kHeads * kDim), out(q.size());
          const ops::SequenceRows sequence{cache.pages(), 0, rows, static_cast<std::int32_t>(first)};
          calls.keys.clear();
          calls.blind = calls.absent = 0;
          ops::attention(context, layout(), {.heads = kHeads, .window = static_cast<std::int32_t>(window)},
                         {&sequence, 1}, {q.data(), rows, kHeads * kDim, kHeads * kDim}, scratch.data(),
                         {out.data(), rows, kHeads * kDim, kHeads * kDim});
          EXPECT_EQ(calls.blind, 0u);
          EXPECT_EQ(calls.absent, 0u);
          ASSERT_EQ(calls.keys.size(), rows * kHeads);
          for (std::size_t row = 0; row < rows * kHeads; ++row) {
            const std::size_t position = first + row / kHeads;
            const std::size_t visible = window == 0 ? position + 1 : std::min(window, position + 1);
            ASSERT_EQ(calls.keys[q.data() + row * kDim], static_cast<std::int32_t>(visible)) << row;
          }
        }
      }
    }
  }
}

/// One token each of sequences of all lengths, as when several texts are generated together, and one of them
/// with more than one token, as when a prompt is read meanwhile.
TEST(Attention, SameBitsWithAnyWorkersAndNeighbours) {
  const FloatEnvironment environment;
  constexpr std::size_t kLengths[] = {1, 3000, 100, 257, 64, 1024, 700};
  std::vector<Cache> caches;
  for (const std::size_t length : kLengths) caches.emplace_back(layout(), length, 0, 0);
  std::vector<float> sinks(kHeads);
  for (std::size_t h = 0; h < kHeads; ++h) sinks[h] = static_cast<float>(h) - 1;
  for (const std::int32_t window : {0, 300}) {
    for (const std::size_t last_rows : {1, 70}) {
      std::vector<ops::SequenceRows> sequences;
      std::size_t rows = 0;
      for (std::size_t i = 0; i < std::size(kLengths); ++i) {
        const std::size_t own = i + 1 < std::size(kLengths) ? 1 : last_rows;
        sequences.push_back({caches[i].pages(), rows, own, static_cast<std::int32_t>(kLengths[i] - own)});
        rows += own;
      }
      Random random(test_seed());
      std::vector<float> q(rows * kHeads * kDim), expected(q.size());
      fill_random(random, Values::kPlain, q);
      const Rows in{q.data(), rows, kHeads * kDim, kHeads * kDim};
      const ops::AttentionOptions options{
          .heads = kHeads, .scale = 2, .sinks = window == 0 ? sinks.data() : nullptr, .window = window};
      const Context alone(portable_table(), nullptr, 1);
      const Memory own_scratch(ops::attention_scratch_bytes(layout(), 1), "scratch");
      for (const ops::SequenceRows& sequence : sequences) {
        ops::attention(alone, layout(), options, {&sequence, 1}, in, own_scratch.data(),
                       {expected.data(), rows, kHeads * kDim, kHeads * kDim});
      }
      for (const unsigned workers : {1u, 2u, 3u, 7u, 30u}) {
        ThreadPool pool(workers);
        const Context context(portable_table(), &pool, workers);
        const Memory scratch(ops::attention_scratch_bytes(layout(), workers), "scratch");
        std::vector<float> found(q.size());
        ops::attention(context, layout(), options, sequences, in, scratch.data(),
                       {found.data(), rows, kHeads * kDim, kHeads * kDim});
        EXPECT_TRUE(same_bits(expected, found)) << workers << " workers, window " << window;
      }
    }
  }
}

}  // namespace
}  // namespace garam::test
