// The whole chain on random logits and random options against the same definition in double-precision
// mathematics, written here once more in the plainest way; and the draws against that by Pearson's test.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "garam/sampler.h"
#include "support/random.h"

namespace garam {
namespace {

/// Logits after penalties and bias.
std::vector<double> adjusted(const std::vector<float>& logits, const SamplerOptions& o,
                             const std::vector<std::int32_t>& history) {
  std::vector<double> result(logits.begin(), logits.end());
  std::vector<int> counts(logits.size());
  const std::size_t recent = o.repeat_last_n < 0
                                 ? history.size()
                                 : std::min(history.size(), static_cast<std::size_t>(o.repeat_last_n));
  for (std::size_t i = history.size() - recent; i < history.size(); ++i) {
    ++counts[static_cast<std::size_t>(history[i])];
  }
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (counts[i] == 0) continue;
    result[i] = result[i] > 0 ? result[i] / o.repeat_penalty : result[i] * o.repeat_penalty;
    result[i] -= counts[i] * static_cast<double>(o.frequency_penalty) + o.presence_penalty;
  }
  for (const auto& [token, bias] : o.logit_bias) result[static_cast<std::size_t>(token)] += bias;
  return result;
}

/// The probability of each token to be drawn; nothing where a cut lies so near a boundary that rounding may
/// decide about it.
std::vector<double> probabilities(const std::vector<float>& logits, const SamplerOptions& o,
                                  const std::vector<std::int32_t>& history) {
  const std::vector<double> values = adjusted(logits, o, history);
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return values[a] > values[b]; });
  const double max = values[order[0]];
  const auto near = [](double a, double b) { return std::abs(a - b) < 1e-5 * std::max(1.0, std::abs(b)); };
  const auto keep = [&](std::size_t count) -> bool {
    if (count < order.size() && near(values[order[count - 1]], values[order[count]])) return false;
    order.resize(std::min(count, order.size()));
    return true;
  };

  if (o.top_k > 0 && !keep(static_cast<std::size_t>(o.top_k))) return {};
  if (o.top_p < 1) {
    double total = 0, sum = 0;
    for (const std::size_t token : order) total += std::exp(values[token] - max);
    std::size_t count = 0;
    for (; count < order.size() && sum < o.top_p * total; ++count) {
      sum += std::exp(values[order[count]] - max);
      if (near(sum, o.top_p * total)) return {};
    }
    if (!keep(std::max<std::size_t>(count, 1))) return {};
  }
  std::vector<std::size_t> kept;
  for (const std::size_t token : order) {
    const double share = std::exp(values[token] - max);
    if (o.min_p > 0 && near(std::log(share), std::log(static_cast<double>(o.min_p)))) return {};
    if (share >= o.min_p) kept.push_back(token);
  }

  std::vector<double> result(values.size());
  double total = 0;
  for (const std::size_t token : kept) total += std::exp((values[token] - max) / o.temperature);
  for (const std::size_t token : kept) {
    result[token] = std::exp((values[token] - max) / o.temperature) / total;
  }
  return result;
}

/// Above this lies Pearson's statistic once in 10^7 runs (Wilson and Hilferty).
double bound(std::size_t freedom) {
  const double n = static_cast<double>(freedom), a = 2 / (9 * n);
  return n * std::pow(1 - a + 5.2 * std::sqrt(a), 3);
}

template <typename T>
T one_of(test::Random& random, std::initializer_list<T> values) {
  return values.begin()[random.below(values.size())];
}

TEST(Distribution, OfRandomChainsIsThatOfMathematics) {
  constexpr std::size_t kDraws = 20000;
  test::Random random(test::test_seed());
  std::size_t checked = 0, freedom = 0;
  double total = 0;
  for (std::size_t round = 0; round < 60 * test::test_scale(); ++round) {
    std::vector<float> logits(1 + random.below(60));
    const float scale = one_of(random, {0.5f, 2.0f, 6.0f});
    for (float& logit : logits) logit = scale * random.uniform();
    for (std::size_t i = random.below(3); i > 0; --i) {
      logits[random.below(logits.size())] = -std::numeric_limits<float>::infinity();
    }
    std::vector<std::int32_t> history(random.below(40));
    for (std::int32_t& token : history) token = static_cast<std::int32_t>(random.below(logits.size()));
    SamplerOptions o{.temperature = one_of(random, {0.3f, 0.8f, 1.0f, 1.7f}),
                     .top_k = one_of<std::int32_t>(random, {0, -1, 1, 3, 40}),
                     .top_p = one_of(random, {0.0f, 0.5f, 0.95f, 1.0f}),
                     .min_p = one_of(random, {0.0f, 0.05f, 0.4f}),
                     .repeat_penalty = one_of(random, {1.0f, 1.3f, 0.8f}),
                     .presence_penalty = one_of(random, {0.0f, 0.7f, -0.4f}),
                     .frequency_penalty = one_of(random, {0.0f, 0.2f}),
                     .repeat_last_n = one_of<std::int32_t>(random, {-1, 0, 10, 64}),
                     .seed = random.next()};
    if (random.below(2) == 0) o.logit_bias = {{0, 1.5f}, {static_cast<std::int32_t>(logits.size() - 1), -2}};
    if (*std::max_element(logits.begin(), logits.end()) < -1e30f) continue;
    const std::vector<double> expected = probabilities(logits, o, history);
    if (expected.empty()) continue;
    ++checked;

    // Different streams: the history, and with it the position, must stay what it is.
    std::vector<std::size_t> counts(logits.size());
    for (std::uint32_t stream = 0; stream < kDraws; ++stream) {
      o.stream = stream;
      ++counts[static_cast<std::size_t>(Sampler(o).sample(logits, history))];
    }
    double statistic = 0, rare = 0, rare_count = 0;
    std::size_t cells = 0;
    const auto add = [&](double mean, double count) {
      statistic += (count - mean) * (count - mean) / mean;
      ++cells;
    };
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const double mean = kDraws * expected[i], count = static_cast<double>(counts[i]);
      if (expected[i] == 0) {
        ASSERT_EQ(counts[i], 0u) << "round " << round << ", token " << i << " was cut";
      }
      if (mean >= 8) {
        add(mean, count);
      } else {  // too rare for a cell of its own
        rare += mean;
        rare_count += count;
      }
    }
    if (rare >= 8) add(rare, rare_count);
    // Of one cell the statistic is that of the tokens outside of it: at most a few.
    EXPECT_LT(statistic, cells > 1 ? bound(cells - 1) : 0.1) << "round " << round;
    if (cells > 1) {
      total += statistic;
      freedom += cells - 1;
    }
  }
  // All rounds together show what is too small for one: a temperature wrong by 5 %.
  EXPECT_LT(total, bound(freedom));
  EXPECT_GT(checked, 40u) << "too many were left out as too near a boundary";
}

}  // namespace
}  // namespace garam
