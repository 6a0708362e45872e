// Every attention kernel of every table against portable, bit for bit: two chunks in a row with running
// state, windows and partial chunks, rows that see nothing, absent pages, odd head dimensions.
#include <bit>
#include <cmath>
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
  float soft_cap = 0;
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

/// One chunk seen through `ranges`. The scratch is full of NaN: what is read of it must have been written.
template <typename Element>
void attend(AttentionFn kernel, const KvChunk<Element>& kv, AttentionState& state, std::size_t value_dim,
            float scale, const std::vector<KeyRange>& ranges, bool hint, float soft_cap = 0) {
  Guarded<float> scratch(kernels::attention_scratch_floats(state.key_dim, value_dim), kernels::kAlignment);
  std::fill(scratch.begin(), scratch.end(), std::numeric_limits<float>::quiet_NaN());
  const auto pages = kv.pages(ranges);
  const auto rows = state.rows(ranges);
  AttentionChunk chunk{};
  chunk.k_pages = pages.k;
  chunk.v_pages = pages.v;
  chunk.key_dim = state.key_dim;
  chunk.value_dim = value_dim;
  chunk.scale = scale;
  chunk.rows = rows.data();
  chunk.row_count = rows.size();
  chunk.scratch = scratch.data();
  chunk.soft_cap = soft_cap;
  if (hint) chunk.next_k_pages = pages.k;
  kernel(chunk);
}

/// The state after two chunks, the second seen through other ranges.
template <typename Element>
AttentionState run(AttentionFn kernel, const Shape& s, std::uint64_t seed) {
  Random random(seed);
  AttentionState state(s.rows, s.key_dim, s.value_dim);
  fill_random(random, s.queries, state.q);
  state.q.freeze();
  for (std::size_t i = 0; i < s.rows; ++i) {
    if (random.below(4) != 0) continue;
    state.max[i] = 8 * random.uniform();  // a sink
    state.sum[i] = 1;
  }
  for (const bool hint : {true, false}) {
    const KvChunk<Element> kv(random, s.keys, s.key_dim, s.value_dim);
    attend(kernel, kv, state, s.value_dim, s.scale, random_ranges(random, s.rows), hint, s.soft_cap);
  }
  return state;
}

class AttentionEqual : public EachVariant {
 protected:
  template <typename Element>
  void check(AttentionFn portable, AttentionFn kernel, const Shape& shape, std::uint64_t seed) {
    compare(run<Element>(portable, shape, seed), run<Element>(kernel, shape, seed), describe(shape, seed));
  }

  static void compare(const AttentionState& expected, const AttentionState& found, const std::string& what) {
    ASSERT_TRUE(same_bits(expected.out, found.out)) << "out of " << what;
    ASSERT_TRUE(same_bits(expected.sum, found.sum)) << "sum of " << what;
    for (std::size_t i = 0; i < expected.sum.size(); ++i) {
      // Not part of the contract: the maximum of a row that is NaN, and the sign of a zero maximum.
      if (std::isnan(expected.sum[i])) continue;
      ASSERT_EQ(expected.max[i], found.max[i]) << "max of row " << i << " of " << what;
    }
  }

  template <typename Element>
  void check_all() {
    const AttentionFn portable = portable_table().attention[kFormatIndex<Element>];
    const AttentionFn kernel = table().attention[kFormatIndex<Element>];
    Random random(test_seed() + sizeof(Element));
    const auto one = [&](const Shape& shape) { check<Element>(portable, kernel, shape, random.next()); };
    for (std::size_t repeat = 0; repeat < test_scale(); ++repeat) {
      for (const std::size_t dim : {1, 8, 15, 16, 17, 33, 40, 64, 80, 96, 100, 128, 256}) {
        for (const std::size_t rows : {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 17}) {
          if (dim > 64 && rows > 4 && rows % 4 != 1) continue;
          const std::size_t value_dim = rows % 3 == 0 ? 1 + random.below(100) : dim;
          one({dim, value_dim, rows, Values::kPlain, Values::kPlain, 2.0f});
          if (HasFatalFailure()) return;
        }
        one({dim, dim, 5, Values::kPlain, Values::kPlain, 2.0f, 1.5f});
        one({dim, dim, 13, Values::kPlain, Values::kSpecial, 100.0f, 50.0f});
        // Scores so far apart that exp reaches its cut, that overflow, that are NaN, that are subnormal.
        one({dim, dim, 3, Values::kPlain, Values::kPlain, 100.0f});
        one({dim, dim, 3, Values::kHuge, Values::kHuge, 1.0f});
        one({dim, dim, 5, Values::kPlain, Values::kSpecial, 1.0f});
        one({dim, dim, 3, Values::kTiny, Values::kTiny, 0x1p+100f});
        one({dim, dim, 2, Values::kPattern, Values::kPlain, 0x1p-60f});
        if (HasFatalFailure()) return;
      }
      for (const std::size_t rows : {18, 25, 31, 64, 100}) {
        one({64, 64, rows, Values::kPlain, Values::kPlain, 1.0f});
        one({24, 40, rows, Values::kPlain, Values::kSpecial, 1.0f});
        if (HasFatalFailure()) return;
      }
      one({192, 128, 14, Values::kPlain, Values::kPlain, 1.0f});
    }
  }

  /// Every window between places around the edges of blocks and pages, together with rows that see one key
  /// far away and nothing.
  template <typename Element>
  void check_windows() {
    const AttentionFn portable = portable_table().attention[kFormatIndex<Element>];
    const AttentionFn kernel = table().attention[kFormatIndex<Element>];
    constexpr std::size_t kDim = 20;
    constexpr std::int32_t kEdges[] = {0, 1, 15, 16, 17, 63, 64, 65, 79, 128, 191, 192, 193, 255, 256};
    Random random(test_seed() + sizeof(Element));
    const KvChunk<Element> kv(random, Values::kPlain, kDim, kDim);
    for (const std::int32_t begin : kEdges) {
      for (const std::int32_t end : kEdges) {
        if (begin >= end) continue;
        const std::int32_t far = begin >= 128 ? 3 : 250;
        std::vector<KeyRange> ranges = {{begin, end}, {end, begin}, {far, far + 1}, {end - 1, end}};
        if (end % 3 == 0) ranges.insert(ranges.end(), 11, {begin, begin + 1});
        AttentionState expected(ranges.size(), kDim, kDim);
        AttentionState found(ranges.size(), kDim, kDim);
        for (std::size_t i = 0; i < expected.q.size(); ++i) found.q[i] = expected.q[i] = random.uniform();
        attend(portable, kv, expected, kDim, 3.0f, ranges, false);
        attend(kernel, kv, found, kDim, 3.0f, ranges, false);
        compare(expected, found, "window " + std::to_string(begin) + " to " + std::to_string(end));
        if (HasFatalFailure()) return;
      }
    }
  }

  /// Scores of both infinities and NaN: rows whose largest score is not finite, beside rows with finite
  /// scores and with finite scores among negative infinities, each over a run of keys of one sign.
  template <typename Element>
  void check_not_finite() {
    const AttentionFn portable = portable_table().attention[kFormatIndex<Element>];
    const AttentionFn kernel = table().attention[kFormatIndex<Element>];
    Random random(test_seed() + sizeof(Element));
    const KvChunk<Element> kv(random, Values::kPlain, 1, 24);
    const auto negative = [&](std::int32_t key) {
      return std::signbit(kv.k(static_cast<std::size_t>(key), 0));
    };
    std::vector<KeyRange> ranges = {{0, 256}};
    for (std::int32_t begin = 0, end; begin < 256; begin = end) {
      for (end = begin + 1; end < 256 && negative(end) == negative(begin);) ++end;
      ranges.push_back({begin, end});
    }
    const auto nan_with_payload = std::bit_cast<float>(0x7fc001ffu);
    for (const float q :
         {0x1p+127f, -0x1p+127f, 1.0f, std::numeric_limits<float>::infinity(), nan_with_payload}) {
      AttentionState expected(ranges.size(), 1, 24);
      AttentionState found(ranges.size(), 1, 24);
      std::size_t nan = 0;
      for (std::size_t i = 0; i < ranges.size(); ++i) expected.q[i] = found.q[i] = i % 5 == 4 ? 2.0f : q;
      for (int chunk = 0; chunk < 2; ++chunk) {
        attend(portable, kv, expected, 24, 4.0f, ranges, false);
        attend(kernel, kv, found, 24, 4.0f, ranges, false);
        compare(expected, found, "query " + std::to_string(q) + ", chunk " + std::to_string(chunk));
        if (HasFatalFailure()) return;
      }
      for (const float sum : expected.sum) nan += std::isnan(sum) ? 1 : 0;
      // Of each query: the scores are what this test is about.
      ASSERT_GE(nan, q == 1.0f ? 0 : ranges.size() / 4);
      ASSERT_LE(nan, q == 1.0f ? 0 : ranges.size() - ranges.size() / 5);
    }
  }
};

TEST_P(AttentionEqual, F16) {
  check_all<std::uint16_t>();
}
TEST_P(AttentionEqual, F16Windows) {
  check_windows<std::uint16_t>();
}
TEST_P(AttentionEqual, F16NotFinite) {
  check_not_finite<std::uint16_t>();
}

TEST_P(AttentionEqual, F32) {
  check_all<float>();
}
TEST_P(AttentionEqual, F32Windows) {
  check_windows<float>();
}
TEST_P(AttentionEqual, F32NotFinite) {
  check_not_finite<float>();
}

TEST_P(AttentionEqual, Q8_0) {
  check_all<std::int8_t>();
}
TEST_P(AttentionEqual, Q8_0Windows) {
  check_windows<std::int8_t>();
}
TEST_P(AttentionEqual, Q8_0NotFinite) {
  check_not_finite<std::int8_t>();
}

INSTANTIATE_TEST_SUITE_P(Tables, AttentionEqual, all_variants(), variant_name);

}  // namespace
}  // namespace garam::test
