// Numbers that must never change by accident: hashes of logits and one of sampled tokens. The same with
// gcc and clang, on any machine and with any kernels. Whoever changes a formula of docs/numerics.md changes
// them, and says so.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "model/harness.h"

namespace garam::test {
namespace {

constexpr std::uint64_t kGoldenLogits = 0xe7e59b19421cec3e;
constexpr std::uint64_t kGoldenQ8Logits = 0x54c4c0de70573cdd;
constexpr std::uint64_t kGoldenTokens = 0x8fde7c212321e3f5;

/// FNV-1a over 32-bit words, byte by byte, independent of the engine's own hash.
class Fnv {
 public:
  void add(std::uint32_t word) {
    for (int byte = 0; byte < 4; ++byte) {
      hash_ ^= word >> (8 * byte) & 0xff;
      hash_ *= 0x100000001b3;
    }
  }
  std::uint64_t value() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325;
};

class Golden : public testing::TestWithParam<KernelSet> {
 protected:
  void SetUp() override {
    const auto sets = available_kernel_sets();
    if (std::find(sets.begin(), sets.end(), GetParam()) == sets.end()) {
      GTEST_SKIP() << "SKIPPED: this CPU cannot run " << to_string(GetParam());
    }
  }
};

/// Both architectures, every weight type, KV of f16 and f32, 300 tokens, so that a second chunk takes part.
TEST_P(Golden, Logits) {
  Fnv hash;
  for (const char* architecture : {"gpt2", "llama"}) {
    for (const char* weights : {"f32", "f16", "bf16", "q8_0", "q4_0", "mixed"}) {
      const TinyOptions options{.architecture = architecture, .weights = weights, .rope = TinyRope::kYarn};
      const Model model = load_tiny(options, GetParam(), 2);
      const auto tokens = tiny_tokens(300, options.vocab);
      for (const KvType kv_type : {KvType::kF16, KvType::kF32}) {
        for (const float logit : all_logits(model, tokens, {.kv_type = kv_type})) {
          hash.add(std::bit_cast<std::uint32_t>(logit));
        }
      }
    }
  }
  EXPECT_EQ(hash.value(), kGoldenLogits) << "found 0x" << std::hex << hash.value();
}

/// The same with q8_0 keys and values; heads of 40 dimensions have a block that is not full.
TEST_P(Golden, LogitsOfQ8KeysAndValues) {
  Fnv hash;
  for (const char* architecture : {"gpt2", "llama"}) {
    const TinyOptions options{
        .architecture = architecture, .weights = "mixed", .heads = 4, .head_dim = 40, .width = 160};
    const Model model = load_tiny(options, GetParam(), 2);
    for (const float logit : all_logits(model, tiny_tokens(300, options.vocab), {.kv_type = KvType::kQ8_0})) {
      hash.add(std::bit_cast<std::uint32_t>(logit));
    }
  }
  EXPECT_EQ(hash.value(), kGoldenQ8Logits) << "found 0x" << std::hex << hash.value();
}

TEST_P(Golden, SampledTokens) {
  const TinyOptions options{.weights = "mixed"};
  const Model model = load_tiny(options, GetParam(), 2);
  Session session(model);
  session.prefill(tiny_tokens(20, options.vocab));
  Sampler sampler({.temperature = 0.9f, .top_k = 30, .top_p = 0.97f, .repeat_penalty = 1.1f, .seed = 12345});
  Fnv hash;
  std::vector<std::int32_t> tokens;
  for (int i = 0; i < 64; ++i) {
    tokens.push_back(sampler.sample(session.logits(), session.tokens()));
    hash.add(static_cast<std::uint32_t>(tokens.back()));
    session.step(tokens.back());
  }
  std::sort(tokens.begin(), tokens.end());
  const auto different = std::unique(tokens.begin(), tokens.end()) - tokens.begin();
  EXPECT_GT(different, 10) << "a hash of one token over and over would say little";
  EXPECT_EQ(hash.value(), kGoldenTokens) << "found 0x" << std::hex << hash.value();
}

INSTANTIATE_TEST_SUITE_P(Bits, Golden,
                         testing::Values(KernelSet::kPortable, KernelSet::kAvx2, KernelSet::kAvx512,
                                         KernelSet::kNeon),
                         [](const auto& info) { return std::string(to_string(info.param)); });

}  // namespace
}  // namespace garam::test
