// Every attention kernel of every table against portable, bit for bit: two chunks in a row with running
// state, windows and partial chunks, rows that see nothing, absent pages, odd head dimensions.
#include <sstream>

#include "support/compare.h"
#include "support/each_variant.h"
#include "support/kv.h"

namespace garam::test {
namespace {

using kernels::AttentionChunk;
using kernels::AttentionFn;

struct Shape {
  std::size_t key_dim;
  std::size_t value_dim;
  std::size_t rows;
  Values keys;
  Values queries;
  float scale;
};

std::string describe(const Shape& s, std::uint64_t seed) {
  std::ostringstream text;
  text << "attention dims " << s.key_dim << ", " << s.value_dim << ", rows " << s.rows << ", keys "
       << to_string(s.keys) << ", queries " << to_string(s.queries) << ", scale " << s.scale << ", seed "
       << seed;
  return text.str();
}

/// What each row sees of one chunk: a causal staircase with or without a window, all, or anything at all.
std::vector<KeyRange> random_ranges(Random& random, std::size_t rows) {
  constexpr std::int32_t kChunk = kernels::kChunkPositions;
  std::vector<KeyRange> ranges;
  const std::size_t kind = random.below(4);
  const auto first = static_cast<std::int32_t>(random.below(kChunk));
  const auto window = static_cast<std::int32_t>(1 + random.below(100));
  for (std::size_t i = 0; i < rows; ++i) {
    const std::int32_t end = std::min(kChunk, first + static_cast<std::int32_t>(i) + 1);
    switch (kind) {
      case 0:
        ranges.push_back({0, kChunk});
        break;
      case 1:
        ranges.push_back({0, end});
        break;
      case 2:
        ranges.push_back({std::max(0, end - window), end});
        break;
      default: {
        const auto a = static_cast<std::int32_t>(random.below(kChunk + 1));
        const auto b = static_cast<std::int32_t>(random.below(kChunk + 1));
        ranges.push_back({a, b});  // one in two sees nothing
      }
    }
  }
  return ranges;
}

/// The state after two chunks, the second seen through other ranges.
template <typename Element>
AttentionState run(AttentionFn kernel, const Shape& s, std::uint64_t seed) {
  Random random(seed);
  AttentionState state(s.rows, s.key_dim, s.value_dim);
  fill_random(random, s.queries, state.q);
  state.q.freeze();
  Guarded<float> scratch(kernels::attention_scratch_floats(s.key_dim, s.value_dim), kernels::kAlignment);
  std::fill(scratch.begin(), scratch.end(), std::numeric_limits<float>::quiet_NaN());
  for (int chunk_index = 0; chunk_index < 2; ++chunk_index) {
    const KvChunk<Element> kv(random, s.keys, s.key_dim, s.value_dim);
    const std::vector<KeyRange> ranges = random_ranges(random, s.rows);
    const auto pages = kv.pages(ranges);
    const auto rows = state.rows(ranges);
    AttentionChunk chunk{};
    chunk.k_pages = pages.k;
    chunk.v_pages = pages.v;
    chunk.key_dim = s.key_dim;
    chunk.value_dim = s.value_dim;
    chunk.scale = s.scale;
    chunk.rows = rows.data();
    chunk.row_count = rows.size();
    chunk.scratch = scratch.data();
    kernel(chunk);
  }
  return state;
}

class AttentionEqual : public EachVariant {
 protected:
  template <typename Element>
  void check(AttentionFn portable, AttentionFn kernel, const Shape& shape, std::uint64_t seed) {
    const AttentionState expected = run<Element>(portable, shape, seed);
    const AttentionState found = run<Element>(kernel, shape, seed);
    ASSERT_TRUE(same_bits(expected.out, found.out)) << "out of " << describe(shape, seed);
    ASSERT_TRUE(same_bits(expected.sum, found.sum)) << "sum of " << describe(shape, seed);
    for (std::size_t i = 0; i < shape.rows; ++i) {
      // Not part of the contract: the maximum of a row that is NaN, and the sign of a zero maximum.
      if (std::isnan(expected.sum[i])) continue;
      ASSERT_EQ(expected.max[i], found.max[i]) << "max of row " << i << " of " << describe(shape, seed);
    }
  }

  template <typename Element>
  void check_all(AttentionFn portable, AttentionFn kernel) {
    if (kernel == nullptr) GTEST_SKIP() << table().name << " has no attention kernel";
    Random random(test_seed() + sizeof(Element));
    const auto one = [&](const Shape& shape) { check<Element>(portable, kernel, shape, random.next()); };
    for (std::size_t repeat = 0; repeat < test_scale(); ++repeat) {
      for (const std::size_t dim : {1, 8, 15, 16, 17, 33, 40, 64, 80, 96, 128, 256}) {
        for (const std::size_t rows : {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 17}) {
          if (dim > 64 && rows > 4 && rows % 4 != 1) continue;
          const std::size_t value_dim = rows % 3 == 0 ? 1 + random.below(100) : dim;
          one({dim, value_dim, rows, Values::kPlain, Values::kPlain, 2.0f});
          if (HasFatalFailure()) return;
        }
        // Scores so far apart that exp reaches its cut, that overflow, that are NaN, that are subnormal.
        one({dim, dim, 3, Values::kPlain, Values::kPlain, 100.0f});
        one({dim, dim, 3, Values::kHuge, Values::kHuge, 1.0f});
        one({dim, dim, 5, Values::kPlain, Values::kSpecial, 1.0f});
        one({dim, dim, 3, Values::kTiny, Values::kTiny, 0x1p+100f});
        one({dim, dim, 2, Values::kPattern, Values::kPlain, 0x1p-60f});
        if (HasFatalFailure()) return;
      }
      one({64, 64, 64, Values::kPlain, Values::kPlain, 1.0f});
    }
  }
};

TEST_P(AttentionEqual, F16) {
  check_all<std::uint16_t>(portable_table().attention_f16, table().attention_f16);
}
TEST_P(AttentionEqual, F32) {
  check_all<float>(portable_table().attention_f32, table().attention_f32);
}

INSTANTIATE_TEST_SUITE_P(Tables, AttentionEqual, all_variants(), variant_name);

}  // namespace
}  // namespace garam::test
