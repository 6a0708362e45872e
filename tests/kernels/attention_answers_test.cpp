// Portable attention against a softmax in double over the stored keys and values.
#include <gtest/gtest.h>

#include <cmath>

#include "support/kv.h"

namespace garam::test {
namespace {

/// Three chunks, the last one partial, row i with a window of its own.
template <typename Element>
void check(std::size_t key_dim, std::size_t value_dim, float scale, float soft_cap = 0, bool sinks = false) {
  constexpr std::size_t kRows = 3;
  constexpr std::int32_t kKeys = 2 * 256 + 77;
  Random random(test_seed() + key_dim);
  AttentionState state(kRows, key_dim, value_dim);
  for (float& q : state.q) q = 2 * random.uniform();
  constexpr float kSinks[kRows] = {-3, 2, 20};
  for (std::size_t i = 0; sinks && i < kRows; ++i) {
    state.max[i] = kSinks[i];
    state.sum[i] = 1;
  }
  std::vector<KvChunk<Element>> chunks;
  Guarded<float> scratch(kernels::attention_scratch_floats(key_dim, value_dim), kernels::kAlignment);
  std::vector<KeyRange> visible;
  for (std::size_t i = 0; i < kRows; ++i) {
    const std::int32_t end = kKeys - static_cast<std::int32_t>(i) * 40;
    visible.push_back({i == 2 ? end - 300 : 0, end});  // the last row skips the first chunk, nearly
  }
  for (std::int32_t c = 0; c < 3; ++c) {
    chunks.emplace_back(random, Values::kPlain, key_dim, value_dim);
    std::vector<KeyRange> ranges;
    for (const KeyRange& v : visible) {
      ranges.push_back({std::clamp(v.begin - c * 256, 0, 256), std::clamp(v.end - c * 256, 0, 256)});
    }
    const auto pages = chunks.back().pages(ranges);
    const auto rows = state.rows(ranges);
    kernels::AttentionChunk chunk{};
    chunk.k_pages = pages.k;
    chunk.v_pages = pages.v;
    chunk.key_dim = key_dim;
    chunk.value_dim = value_dim;
    chunk.scale = scale;
    chunk.rows = rows.data();
    chunk.row_count = kRows;
    chunk.scratch = scratch.data();
    chunk.soft_cap = soft_cap;
    portable_table().attention[kFormatIndex<Element>](chunk);
  }

  for (std::size_t i = 0; i < kRows; ++i) {
    std::vector<double> scores;
    double score_error = 0;
    double max = -INFINITY;
    const auto at = [](std::int32_t key) { return static_cast<std::size_t>(key % 256); };
    for (std::int32_t key = visible[i].begin; key < visible[i].end; ++key) {
      const KvChunk<Element>& chunk = chunks[static_cast<std::size_t>(key / 256)];
      double dot = 0;
      double magnitude = 0;
      for (std::size_t d = 0; d < key_dim; ++d) {
        const double term = chunk.k(at(key), d) * state.q[i * key_dim + d];
        dot += term;
        magnitude += std::abs(term);
      }
      scores.push_back(soft_cap > 0 ? std::tanh(dot * scale / soft_cap) * soft_cap : dot * scale);
      // One rounding per dimension of at most the sum of magnitudes, one by the scale.
      score_error = std::max(score_error, static_cast<double>(key_dim + 1) * 0x1p-24 * magnitude * scale +
                                              8 * 0x1p-24 * soft_cap);
      max = std::max(max, scores.back());
    }
    if (sinks) max = std::max<double>(max, kSinks[i]);
    std::vector<double> out(value_dim, 0.0);
    double sum = sinks ? std::exp(kSinks[i] - max) : 0;
    for (std::int32_t key = visible[i].begin; key < visible[i].end; ++key) {
      const double p = std::exp(scores[static_cast<std::size_t>(key - visible[i].begin)] - max);
      sum += p;
      const KvChunk<Element>& chunk = chunks[static_cast<std::size_t>(key / 256)];
      for (std::size_t d = 0; d < value_dim; ++d) out[d] += p * chunk.v(at(key), d);
    }
    ASSERT_NEAR(state.max[i], max, score_error);
    // Relative to weights that sum to 1 and values up to 1: an error of every score moves numerator and sum
    // by itself each; 256 roundings of partial sums, and 30 for exp, its argument (scores below 16) and
    // merging.
    const double bound = 4 * score_error + (256 + 30) * 0x1p-24;
    for (std::size_t d = 0; d < value_dim; ++d) {
      ASSERT_NEAR(state.out[i * state.stride + d] / static_cast<double>(state.sum[i]), out[d] / sum, bound)
          << "row " << i << " dimension " << d << " key_dim " << key_dim;
    }
    for (std::size_t d = value_dim; d < state.stride; ++d) ASSERT_EQ(state.out[i * state.stride + d], 0.0f);
  }
}

TEST(AttentionAnswers, AgreeWithDouble) {
  for (const std::size_t dim : {8, 40, 64, 80, 128}) {
    check<float>(dim, dim, 0.3f);
    check<std::uint16_t>(dim, dim, 0.3f);
    check<std::int8_t>(dim, dim, 0.3f);
  }
  check<std::uint16_t>(64, 24, 0.125f);
  check<float>(24, 72, 0.125f);
  check<std::int8_t>(72, 24, 0.125f);
  check<std::int8_t>(24, 56, 0.125f);
  // Capping shrinks the errors of scores and adds its own, 8 roundings of at most 5.
  check<float>(64, 64, 0.3f, 5.0f);
  check<std::uint16_t>(40, 40, 0.3f, 5.0f);
  check<float>(64, 64, 0.3f, 0, true);
  check<std::uint16_t>(40, 72, 0.3f, 0, true);
}

/// One key: its probability is 1, whatever the score; the merge leaves the value as it is stored.
template <typename Element>
void check_one_key() {
  Random random(test_seed());
  const KvChunk<Element> kv(random, Values::kPlain, 16, 40);
  AttentionState state(1, 16, 40);
  for (float& q : state.q) q = random.uniform();
  const std::vector<KeyRange> ranges = {{133, 134}};
  const auto pages = kv.pages(ranges);
  const auto rows = state.rows(ranges);
  Guarded<float> scratch(kernels::attention_scratch_floats(16, 40), kernels::kAlignment);
  const kernels::AttentionChunk chunk{pages.k, pages.v, 16, 40, 0.25f, rows.data(), 1, scratch.data()};
  portable_table().attention[kFormatIndex<Element>](chunk);
  EXPECT_EQ(state.sum[0], 1.0f);
  for (std::size_t d = 0; d < 40; ++d) EXPECT_EQ(state.out[d], kv.v(133, d));
}

TEST(AttentionAnswers, OneKeyGivesItsValue) {
  check_one_key<float>();
  check_one_key<std::uint16_t>();
  check_one_key<std::int8_t>();
}

TEST(AttentionAnswers, ARowThatSeesNothingKeepsItsState) {
  AttentionState state(2, 16, 16);
  std::fill(state.out.begin(), state.out.end(), 3.5f);
  std::fill(state.max.begin(), state.max.end(), -2.0f);
  std::fill(state.sum.begin(), state.sum.end(), 1.5f);
  const void* none[kernels::kChunkPages] = {};
  const auto rows = state.rows({{7, 7}, {200, 100}});
  const kernels::AttentionChunk chunk{none, none, 16, 16, 1.0f, rows.data(), 2, nullptr};
  portable_table().attention[kFormatIndex<std::uint16_t>](chunk);
  for (const float v : state.out) EXPECT_EQ(v, 3.5f);
  EXPECT_EQ(state.max[1], -2.0f);
  EXPECT_EQ(state.sum[0], 1.5f);
}

}  // namespace
}  // namespace garam::test
