// A host program that rounds upwards and flushes subnormals to zero gets the same tokens and the same bits,
// and its own settings back.
#include <gtest/gtest.h>

#include <bit>
#include <cfenv>

#include "garam/sampler.h"
#include "support/caller_state.h"
#include "support/random.h"

namespace garam {
namespace {

struct Results {
  std::vector<std::int32_t> tokens;
  std::vector<std::uint32_t> bits;
  bool operator==(const Results&) const = default;
};

Results everything(const std::vector<float>& logits) {
  Results results;
  SamplerOptions options{.temperature = 0.7f, .top_k = 100, .top_p = 0.97f, .min_p = 0.001f};
  options.repeat_penalty = 1.1f;
  options.frequency_penalty = 0.1f;
  options.logit_bias = {{3, 0.3f}};
  Sampler sampler(options);
  for (int i = 0; i < 300; ++i) results.tokens.push_back(sampler.sample(logits, results.tokens));
  // Equal to a machine that takes subnormals for zero; the penalty is a subnormal too.
  options = {.temperature = 0, .presence_penalty = 0x1p-141f};
  results.tokens.push_back(Sampler(options).sample(std::vector<float>{0, 0x1p-140f}, {}));
  results.tokens.push_back(Sampler(options).sample(std::vector<float>{0, 0}, std::vector<std::int32_t>{0}));
  for (std::int32_t token = 0; token < 500; ++token) {
    results.bits.push_back(std::bit_cast<std::uint32_t>(logprob(logits, token)));
  }
  for (const auto& [token, value] : top_logprobs(logits, 20)) {
    results.tokens.push_back(token);
    results.bits.push_back(std::bit_cast<std::uint32_t>(value));
  }
  return results;
}

TEST(SamplerEnvironment, TheCallersFloatingPointStateChangesNothing) {
  test::Random random(9);
  std::vector<float> logits(500);
  for (float& logit : logits) logit = 5 * random.uniform();
  logits[7] = 0x1p-140f;
  const Results expected = everything(logits);
  // Also the rounding of the x87 unit, which is all that fegetround() looks at on x86-64.
  const int usual = std::fegetround();
  const test::CallerState hostile(test::kHostileStates[0]);
  std::fesetround(FE_UPWARD);
  const Results found = everything(logits);
  EXPECT_EQ(std::fegetround(), FE_UPWARD);
  EXPECT_EQ(test::float_state() & test::kHostileStates[0], test::kHostileStates[0]);
  std::fesetround(usual);
  EXPECT_EQ(found, expected);
}

}  // namespace
}  // namespace garam
