// Each step of the chain against distributions worked out by hand, and the sampler as its users see it.
#include "garam/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "garam/error.h"
#include "support/random.h"

namespace garam {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/// A chain in which nothing happens: temperature 1, all tokens.
SamplerOptions plain() {
  return {.temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0};
}

/// Logits of these probabilities; 0 becomes -inf.
std::vector<float> logits_of(const std::vector<double>& probabilities) {
  std::vector<float> logits;
  for (const double p : probabilities) logits.push_back(p > 0 ? static_cast<float>(std::log(p)) : -kInfinity);
  return logits;
}

/// How often each token is drawn at positions 0 to draws - 1.
std::vector<std::size_t> frequencies(const SamplerOptions& options, const std::vector<float>& logits,
                                     std::size_t draws) {
  Sampler sampler(options);
  std::vector<std::size_t> counts(logits.size());
  std::vector<std::int32_t> history;
  for (std::size_t i = 0; i < draws; ++i) {
    ++counts[static_cast<std::size_t>(sampler.sample(logits, history))];
    history.push_back(0);
  }
  return counts;
}

/// The tokens that are ever drawn.
std::set<std::int32_t> support(const SamplerOptions& options, const std::vector<float>& logits,
                               std::size_t draws = 3000) {
  const auto counts = frequencies(options, logits, draws);
  std::set<std::int32_t> tokens;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] > 0) tokens.insert(static_cast<std::int32_t>(i));
  }
  return tokens;
}

/// Pearson's statistic; tokens that must not come make it infinite.
double chi_square(const std::vector<std::size_t>& counts, const std::vector<double>& probabilities) {
  double draws = 0, mass = 0, sum = 0;
  for (const std::size_t count : counts) draws += static_cast<double>(count);
  for (const double p : probabilities) mass += p;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = draws * probabilities[i] / mass;
    const double difference = static_cast<double>(counts[i]) - expected;
    if (expected > 0) sum += difference * difference / expected;
    if (expected == 0 && counts[i] > 0) return kInfinity;
  }
  return sum;
}

ErrorCode code_of(const SamplerOptions& options, const std::vector<float>& logits,
                  const std::vector<std::int32_t>& history = {}) {
  try {
    Sampler(options).sample(logits, history);
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "no error";
  return ErrorCode::kIo;
}

// The bounds are the 99.9 % points of the chi-square distribution with n - 1 degrees of freedom: 20.52 for
// 5, 18.47 for 4, 16.27 for 3, 13.82 for 2. The seeds are fixed, so a pass stays a pass.
TEST(Sampler, DrawsWithTheProbabilitiesOfTheLogits) {
  const std::vector<double> p = {0.05, 0.4, 0.2, 0.01, 0.04, 0.3};
  for (const std::uint64_t seed : {0ull, 1ull, 0x123456789abcdefull}) {
    SamplerOptions options = plain();
    options.seed = seed;
    EXPECT_LT(chi_square(frequencies(options, logits_of(p), 60000), p), 20.52) << seed;
  }
}

TEST(Sampler, TemperatureIsAPowerOfTheProbabilities) {
  const std::vector<double> p = {0.1, 0.5, 0.4}, squared = {0.01, 0.25, 0.16};
  const std::vector<double> root = {std::sqrt(0.1), std::sqrt(0.5), std::sqrt(0.4)};
  SamplerOptions options = plain();
  options.temperature = 0.5f;
  EXPECT_LT(chi_square(frequencies(options, logits_of(p), 30000), squared), 13.82);
  options.temperature = 2;
  EXPECT_LT(chi_square(frequencies(options, logits_of(p), 30000), root), 13.82);
  options.temperature = 1e30f;
  EXPECT_LT(chi_square(frequencies(options, logits_of(p), 30000), {1, 1, 1}), 13.82);
  options.temperature = 1e-30f;
  EXPECT_EQ(support(options, logits_of(p)), std::set<std::int32_t>{1});
}

TEST(Sampler, StreamsAndSeedsAreIndependentDraws) {
  const std::vector<double> p = {0.25, 0.25, 0.5};
  std::vector<std::size_t> pairs(9);
  SamplerOptions first = plain(), second = plain();
  second.stream = 1;
  Sampler a(first), b(second);
  const auto logits = logits_of(p);
  std::vector<std::int32_t> history;
  for (int i = 0; i < 30000; ++i, history.push_back(0)) {
    ++pairs[static_cast<std::size_t>(3 * a.sample(logits, history) + b.sample(logits, history))];
  }
  std::vector<double> expected;
  for (const double x : p) {
    for (const double y : p) expected.push_back(x * y);
  }
  EXPECT_LT(chi_square(pairs, expected), 26.12);  // 8 degrees of freedom
}

TEST(Sampler, TopKKeepsTheFirstK) {
  const auto logits = logits_of({0.1, 0.2, 0.3, 0.2, 0.2});
  SamplerOptions options = plain();
  options.top_k = 1;
  EXPECT_EQ(support(options, logits), (std::set<std::int32_t>{2}));
  options.top_k = 3;  // cuts through a tie of three: the lower ids stay
  EXPECT_EQ(support(options, logits), (std::set<std::int32_t>{1, 2, 3}));
  EXPECT_LT(chi_square(frequencies(options, logits, 30000), {0, 0.2, 0.3, 0.2, 0}), 13.82);
  for (const std::int32_t all : {0, -1, 5, 1000000}) {
    options.top_k = all;
    EXPECT_EQ(support(options, logits).size(), 5u) << all;
  }
}

TEST(Sampler, TopPKeepsTheSmallestSetWithThatMass) {
  const auto logits = logits_of({0.05, 0.4, 0.3, 0.2, 0.05});
  SamplerOptions options = plain();
  const auto with = [&](float p) {
    options.top_p = p;
    return support(options, logits);
  };
  EXPECT_EQ(with(0), (std::set<std::int32_t>{1}));
  EXPECT_EQ(with(0.39f), (std::set<std::int32_t>{1}));
  EXPECT_EQ(with(0.41f), (std::set<std::int32_t>{1, 2}));
  EXPECT_EQ(with(0.69f), (std::set<std::int32_t>{1, 2}));
  EXPECT_EQ(with(0.71f), (std::set<std::int32_t>{1, 2, 3}));
  EXPECT_EQ(with(0.92f), (std::set<std::int32_t>{0, 1, 2, 3}));
  EXPECT_EQ(with(1).size(), 5u);
  options.top_p = 0.71f;
  EXPECT_LT(chi_square(frequencies(options, logits, 30000), {0, 0.4, 0.3, 0.2, 0}), 13.82);
}

TEST(Sampler, TopPMeasuresTheMassThatTopKLeft) {
  // Of 0.4 + 0.3, 0.4 is 57 %: enough for top_p 0.5, not for 0.6.
  const auto logits = logits_of({0.4, 0.3, 0.2, 0.1});
  SamplerOptions options = plain();
  options.top_k = 2;
  options.top_p = 0.5f;
  EXPECT_EQ(support(options, logits), (std::set<std::int32_t>{0}));
  options.top_p = 0.6f;
  EXPECT_EQ(support(options, logits), (std::set<std::int32_t>{0, 1}));
}

TEST(Sampler, MinPIsRelativeToTheMostLikely) {
  const auto logits = logits_of({0.5, 0.24, 0.15, 0.06, 0.05});
  SamplerOptions options = plain();
  const auto with = [&](float p) {
    options.min_p = p;
    return support(options, logits);
  };
  EXPECT_EQ(with(0.09f).size(), 5u);
  EXPECT_EQ(with(0.11f), (std::set<std::int32_t>{0, 1, 2, 3}));
  EXPECT_EQ(with(0.29f), (std::set<std::int32_t>{0, 1, 2}));
  EXPECT_EQ(with(0.5f), (std::set<std::int32_t>{0}));
  EXPECT_EQ(with(1), (std::set<std::int32_t>{0}));
  EXPECT_EQ(support(
                [] {
                  SamplerOptions o = plain();
                  o.min_p = 1;
                  return o;
                }(),
                {1, 3, 3, 2}),
            (std::set<std::int32_t>{1, 2}));
}

TEST(Sampler, MinPDoesNotMoveTheTopPBoundary) {
  // top-p runs first: 0.75 of everything takes three tokens, whatever min-p drops later.
  const auto logits = logits_of({0.4, 0.2, 0.2, 0.1, 0.1});
  SamplerOptions options = plain();
  options.top_p = 0.75f;
  options.min_p = 0.4f;
  EXPECT_EQ(support(options, logits), (std::set<std::int32_t>{0, 1, 2}));
}

TEST(Sampler, TemperatureComesLast) {
  // At temperature 10 all four are nearly alike, but the cut saw them at temperature 1.
  const auto logits = logits_of({0.7, 0.2, 0.05, 0.05});
  SamplerOptions options = plain();
  options.temperature = 10;
  options.top_p = 0.8f;
  EXPECT_EQ(support(options, logits), (std::set<std::int32_t>{0, 1}));
  options.top_p = 1;
  options.min_p = 0.2f;
  EXPECT_EQ(support(options, logits), (std::set<std::int32_t>{0, 1}));
}

TEST(Sampler, RepeatPenaltyDividesAndMultiplies) {
  SamplerOptions options = plain();
  options.temperature = 0;
  options.repeat_penalty = 2;
  const auto greedy = [&](const std::vector<float>& logits, const std::vector<std::int32_t>& history) {
    return Sampler(options).sample(logits, history);
  };
  EXPECT_EQ(greedy({4, 3, 1}, {}), 0);
  EXPECT_EQ(greedy({4, 3, 1}, {0}), 1);        // 2 3 1
  EXPECT_EQ(greedy({4, 3, 1}, {0, 0, 0}), 1);  // once, not per occurrence
  EXPECT_EQ(greedy({4, 3, 1}, {0, 1}), 0);     // 2 1.5 1
  EXPECT_EQ(greedy({-1, -1.5f, -9}, {0}), 1);  // -2 -1.5 -9
  EXPECT_EQ(greedy({-1, -3, -9}, {0}), 0);     // -2 -3 -9
  EXPECT_EQ(greedy({0, -1, -9}, {0}), 0);      // 0 stays 0
}

TEST(Sampler, PresenceAndFrequencyAreSubtracted) {
  SamplerOptions options = plain();
  options.temperature = 0;
  const auto greedy = [&](const std::vector<float>& logits, const std::vector<std::int32_t>& history) {
    return Sampler(options).sample(logits, history);
  };
  options.presence_penalty = 1.5f;
  EXPECT_EQ(greedy({4, 3, 2}, {0}), 1);
  EXPECT_EQ(greedy({4, 2, 2}, {0, 0, 0, 0}), 0);
  options.presence_penalty = 0;
  options.frequency_penalty = 0.4f;
  EXPECT_EQ(greedy({4, 3, 2}, {0, 0}), 0);     // 3.2 3 2
  EXPECT_EQ(greedy({4, 3, 2}, {0, 0, 0}), 1);  // 2.8 3 2
  options.frequency_penalty = -2;
  EXPECT_EQ(greedy({4, 3, 2}, {2, 2}), 2);  // 4 3 6
}

TEST(Sampler, PenaltiesLookAtTheLastN) {
  SamplerOptions options = plain();
  options.temperature = 0;
  options.presence_penalty = 10;
  const std::vector<float> logits = {4, 3, 2};
  std::vector<std::int32_t> history(100, 2);
  history[95] = 0;  // fifth from the end
  const auto with = [&](std::int32_t n) {
    options.repeat_last_n = n;
    return Sampler(options).sample(logits, history);
  };
  EXPECT_EQ(with(4), 0);
  EXPECT_EQ(with(5), 1);
  EXPECT_EQ(with(1000), 1);
  EXPECT_EQ(with(-1), 1);
  history[2] = 1;
  EXPECT_EQ(with(97), 1);
  EXPECT_EQ(with(98), 0);  // all three recent: 4 - 10, 3 - 10, 2 - 10
  options.presence_penalty = 3;
  EXPECT_EQ(with(0), 0);
}

TEST(Sampler, PenaltiesForgetTheLastCall) {
  SamplerOptions options = plain();
  options.temperature = 0;
  options.frequency_penalty = 1;
  Sampler sampler(options);
  const std::vector<float> logits = {2, 1.5f};
  for (int i = 0; i < 5; ++i) EXPECT_EQ(sampler.sample(logits, std::vector<std::int32_t>{0}), 1);
  EXPECT_EQ(sampler.sample(logits, {}), 0);
}

TEST(Sampler, PenaltiesSaturate) {
  SamplerOptions options = plain();
  options.repeat_penalty = 1e-38f;
  options.frequency_penalty = -3e38f;
  options.presence_penalty = -3e38f;
  // 10 / 1e-38 and -10 * 1e-38 + 6e38 both end at the largest float; the draw still works and ties.
  const auto counts = frequencies(options, {10, -10, 0}, 1);
  EXPECT_EQ(counts[0] + counts[1] + counts[2], 1u);
  Sampler sampler(options);
  const std::vector<std::int32_t> history = {0, 1};
  std::set<std::int32_t> drawn;
  for (std::uint32_t stream = 0; stream < 100; ++stream) {
    SamplerOptions other = options;
    other.stream = stream;
    drawn.insert(Sampler(other).sample(std::vector<float>{10, -10, 0}, history));
  }
  EXPECT_EQ(drawn, (std::set<std::int32_t>{0, 1}));
}

TEST(Sampler, BiasAddsAndBans) {
  SamplerOptions options = plain();
  options.temperature = 0;
  options.logit_bias = {{2, 5.0f}};
  EXPECT_EQ(Sampler(options).sample(std::vector<float>{1, 2, 0}, {}), 2);
  options.logit_bias = {{2, 5.0f}, {2, -4.5f}};
  EXPECT_EQ(Sampler(options).sample(std::vector<float>{1, 2, 0}, {}), 1);
  options.logit_bias = {{1, -kInfinity}, {1, 1e38f}};
  EXPECT_EQ(Sampler(options).sample(std::vector<float>{1, 2, 0}, {}), 0);
  options.temperature = 5;
  EXPECT_EQ(support(options, {1, 2, 0}), (std::set<std::int32_t>{0, 2}));
  options.logit_bias = {{0, 100.0f}};  // nothing lifts -inf
  EXPECT_EQ(support(options, {-kInfinity, 2, 0}), (std::set<std::int32_t>{1, 2}));
}

TEST(Sampler, GreedyTakesTheLowestIdOfATie) {
  for (const float temperature : {0.0f, -1.0f}) {
    SamplerOptions options = plain();
    options.temperature = temperature;
    EXPECT_EQ(Sampler(options).sample(std::vector<float>{-3, 7, 7, 7}, {}), 1);
    EXPECT_EQ(Sampler(options).sample(std::vector<float>{-0.0f, 0.0f}, {}), 0);
    EXPECT_EQ(Sampler(options).sample(std::vector<float>{-kInfinity, -1e38f}, {}), 1);
  }
}

TEST(Sampler, TheDrawDependsOnSeedStreamAndPositionOnly) {
  test::Random random(1);
  std::vector<float> logits(500);
  for (float& logit : logits) logit = random.uniform();
  SamplerOptions options = plain();
  options.seed = 42;
  const std::vector<std::int32_t> zeros(1000, 0), ones(1000, 1);
  Sampler first(options), second(options);
  std::set<std::int32_t> tokens;
  for (std::size_t i = 1000; i-- > 0;) second.sample(logits, std::span(zeros).first(i));
  for (std::size_t i = 0; i < 1000; ++i) {
    const std::int32_t token = first.sample(logits, std::span(zeros).first(i));
    EXPECT_EQ(token, second.sample(logits, std::span(ones).first(i)));
    tokens.insert(token);
  }
  EXPECT_GT(tokens.size(), 300u);
}

// These ids are a promise to users: same seed, same text, in every later version. Worked out by an
// independent program in 60-digit decimal arithmetic.
TEST(Sampler, DrawsAreTheSameForEver) {
  std::vector<float> logits(1000);
  for (std::size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(i * 37 % 101) * 0.125f;
  SamplerOptions options = plain();
  options.seed = 7;
  options.temperature = 0.75f;
  options.top_k = 200;
  options.top_p = 0.9f;
  Sampler sampler(options);
  std::vector<std::int32_t> history;
  for (int i = 0; i < 16; ++i) history.push_back(sampler.sample(logits, history));
  EXPECT_EQ(history, (std::vector<std::int32_t>{715, 543, 30, 565, 521, 191, 322, 322, 562, 30, 824, 27, 827,
                                                16, 767, 434}));
}

TEST(Sampler, LargeVocabularyLikeSmallOne) {
  // The same candidates spread over 128,256 ids among hopeless ones: the same ranks must be drawn.
  constexpr std::size_t kVocab = 128256;
  test::Random random(5);
  std::vector<float> small(300), large(kVocab, -90);
  std::vector<std::size_t> ids(small.size());
  for (std::size_t i = 0; i < small.size(); ++i) {
    small[i] = static_cast<float>(random.below(40)) * 0.25f;
    ids[i] = i * 427 + 5;
    large[ids[i]] = small[i];
  }
  for (const std::int32_t top_k : {0, 40, 299}) {
    SamplerOptions options = plain();
    options.top_k = top_k;
    Sampler a(options), b(options);
    std::vector<std::int32_t> history;
    for (int i = 0; i < 20; ++i, history.push_back(0)) {
      const auto expected =
          static_cast<std::int32_t>(ids[static_cast<std::size_t>(a.sample(small, history))]);
      EXPECT_EQ(b.sample(large, history), expected) << top_k;
    }
  }
}

TEST(Sampler, RefusesWrongLogits) {
  SamplerOptions options = plain();
  for (const float temperature : {0.0f, 1.0f}) {
    options.temperature = temperature;
    EXPECT_EQ(code_of(options, {1, kNaN, 2}), ErrorCode::kNonFinite);
    EXPECT_EQ(code_of(options, {1, kInfinity, 2}), ErrorCode::kNonFinite);
    EXPECT_EQ(code_of(options, {-kInfinity, -kInfinity}), ErrorCode::kNonFinite);
    EXPECT_EQ(code_of(options, {}), ErrorCode::kArgument);
  }
  options.logit_bias = {{1, -kInfinity}};
  EXPECT_EQ(code_of(options, {1, kNaN, 2}), ErrorCode::kNonFinite);  // banned or not, it is wrong
  EXPECT_EQ(code_of(options, {-kInfinity, 3}), ErrorCode::kArgument);
  EXPECT_EQ(code_of(options, {3}), ErrorCode::kArgument);  // token 1 does not exist
  options.logit_bias.clear();
  options.presence_penalty = 1;
  EXPECT_EQ(code_of(options, {1, 2}, {2}), ErrorCode::kArgument);
  EXPECT_EQ(code_of(options, {1, 2}, {-1}), ErrorCode::kArgument);
}

TEST(Sampler, RefusesOptionsOutOfRangeByName) {
  const auto refused = [](const char* name, auto&& change) {
    SamplerOptions options;
    change(options);
    try {
      Sampler sampler(options);
      ADD_FAILURE() << name << " accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kArgument);
      EXPECT_EQ(std::string(error.what()).rfind(name, 0), 0u) << error.what();
    }
  };
  for (const float bad : {kNaN, kInfinity, -kInfinity}) {
    refused("temperature", [&](auto& o) { o.temperature = bad; });
    refused("top_p", [&](auto& o) { o.top_p = bad; });
    refused("min_p", [&](auto& o) { o.min_p = bad; });
    refused("repeat_penalty", [&](auto& o) { o.repeat_penalty = bad; });
    refused("presence_penalty", [&](auto& o) { o.presence_penalty = bad; });
    refused("frequency_penalty", [&](auto& o) { o.frequency_penalty = bad; });
  }
  refused("top_p", [](auto& o) { o.top_p = -0.1f; });
  refused("top_p", [](auto& o) { o.top_p = 1.1f; });
  refused("min_p", [](auto& o) { o.min_p = 1.1f; });
  refused("top_k", [](auto& o) { o.top_k = -2; });
  refused("repeat_last_n", [](auto& o) { o.repeat_last_n = -2; });
  refused("repeat_penalty", [](auto& o) { o.repeat_penalty = 0; });
  refused("logit_bias", [](auto& o) { o.logit_bias = {{-1, 1.0f}}; });
  refused("logit_bias", [](auto& o) { o.logit_bias = {{1, kNaN}}; });
  refused("logit_bias", [](auto& o) { o.logit_bias = {{1, kInfinity}}; });
}

}  // namespace
}  // namespace garam
