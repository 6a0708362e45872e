// Log-probabilities against long double arithmetic, and their bits.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "garam/error.h"
#include "garam/sampler.h"
#include "support/random.h"

namespace garam {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> random_logits(std::size_t count, float scale) {
  test::Random random(count);
  std::vector<float> logits(count);
  for (float& logit : logits) logit = scale * random.uniform();
  return logits;
}

TEST(Logprob, IsTheLogarithmOfSoftmax) {
  for (const std::size_t vocab : {1u, 2u, 15u, 16u, 17u, 1000u, 128256u}) {
    for (const float scale : {0.0f, 0.5f, 20.0f, 3000.0f}) {
      const auto logits = random_logits(vocab, scale);
      long double max = logits[0], sum = 0;
      for (const float logit : logits) max = std::max<long double>(max, logit);
      for (const float logit : logits) sum += std::exp(logit - max);
      for (std::size_t i = 0; i < vocab; i += 1 + vocab / 7) {
        const long double expected = logits[i] - max - std::log(sum);
        EXPECT_NEAR(logprob(logits, static_cast<std::int32_t>(i)), static_cast<double>(expected),
                    1e-7 * (1 - static_cast<double>(expected)));
      }
    }
  }
}

TEST(Logprob, OfEqualLogitsAndOfOneToken) {
  EXPECT_EQ(logprob(std::vector<float>{-12.5f}, 0), 0.0f);
  EXPECT_EQ(logprob(std::vector<float>{3, 3, 3, 3}, 2), static_cast<float>(-std::log(4.0)));
  EXPECT_EQ(logprob(std::vector<float>{1, -kInfinity}, 0), 0.0f);
  EXPECT_EQ(logprob(std::vector<float>{1, -kInfinity}, 1), -kInfinity);
}

TEST(Logprob, TopTokensInRankOrder) {
  const std::vector<float> logits = {1, 3, 2, 3, -kInfinity, 0};
  const auto top = top_logprobs(logits, 3);
  ASSERT_EQ(top.size(), 3u);
  EXPECT_EQ(top[0].token, 1);
  EXPECT_EQ(top[1].token, 3);
  EXPECT_EQ(top[2].token, 2);
  for (const auto& [token, value] : top) EXPECT_EQ(value, logprob(logits, token));
  EXPECT_EQ(top_logprobs(logits, 100).size(), 5u);
  EXPECT_TRUE(top_logprobs(logits, 0).empty());
}

TEST(Logprob, RefusesWrongArguments) {
  const auto code = [](const std::vector<float>& logits, std::int32_t token) {
    try {
      logprob(logits, token);
    } catch (const Error& error) {
      return error.code();
    }
    ADD_FAILURE() << "no error";
    return ErrorCode::kIo;
  };
  EXPECT_EQ(code({1, 2}, 2), ErrorCode::kArgument);
  EXPECT_EQ(code({1, 2}, -1), ErrorCode::kArgument);
  EXPECT_EQ(code({1, std::nanf("")}, 0), ErrorCode::kNonFinite);
  EXPECT_EQ(code({1, kInfinity}, 0), ErrorCode::kNonFinite);
  EXPECT_EQ(code({-kInfinity}, 0), ErrorCode::kNonFinite);
}

}  // namespace
}  // namespace garam
