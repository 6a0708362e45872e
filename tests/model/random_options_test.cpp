// Models of shapes that nobody thought of: random sizes, options, lengths and chunks, each against the
// double-precision reference and, by bits, against the portable kernels on one thread. GARAM_TEST_SEED and
// GARAM_TEST_SCALE choose others and more.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

#include "model/harness.h"
#include "support/random.h"

namespace garam::test {
namespace {

// As in correctness_test.cpp: f32 arithmetic, and rounding activations to 8 bits.
constexpr double kF32Bound = 5e-6;
constexpr double kQ8Bound = 0.05;  // narrow models average over fewer roundings

std::size_t multiple(std::size_t n, std::size_t of) {
  return (n + of - 1) / of * of;
}

TinyOptions draw_options(Random& random) {
  TinyOptions o;
  const auto from = [&](std::size_t low, std::size_t high) { return low + random.below(high - low + 1); };
  constexpr const char* kWeights[] = {"f32", "f16", "bf16", "q8_0", "q4_0", "mixed"};
  o.weights = kWeights[random.below(std::size(kWeights))];
  const std::size_t block = o.weights == "f32" || o.weights == "f16" || o.weights == "bf16" ? 1 : 32;
  o.layers = from(1, 3);
  o.head_dim = 2 * from(1, 20);
  o.kv_heads = from(1, 3);
  o.heads = o.kv_heads * from(1, 4);
  o.width = multiple(from(8, 100), block);
  o.hidden = multiple(from(1, 130), block);
  o.vocab = from(2, 140);
  o.separate_output = random.below(2) == 0;
  o.seed = random.next();
  if (random.below(3) == 0) {
    o.architecture = "gpt2";
    o.head_dim = multiple(o.head_dim, block);
    o.width = o.heads * o.head_dim;
    return o;
  }
  o.value_dim = random.below(2) == 0 ? multiple(from(1, 40), block) : multiple(o.head_dim, block);
  o.rope_dims = random.below(2) == 0 ? 2 * from(1, o.head_dim / 2) : 0;
  o.window = random.below(3) == 0 ? from(1, 300) : 0;
  o.biases = random.below(2) == 0;
  constexpr TinyRope kRopes[] = {TinyRope::kPlain, TinyRope::kLinear, TinyRope::kOldLinear, TinyRope::kYarn,
                                 TinyRope::kFactors};
  o.rope = kRopes[random.below(std::size(kRopes))];
  return o;
}

std::string shown(const TinyOptions& o) {
  return o.architecture + ' ' + o.weights + ", layers " + std::to_string(o.layers) + ", heads " +
         std::to_string(o.heads) + '/' + std::to_string(o.kv_heads) + " of " + std::to_string(o.head_dim) +
         '/' + std::to_string(o.value_dim) + ", rope " + std::to_string(static_cast<int>(o.rope)) + " over " +
         std::to_string(o.rope_dims) + ", width " + std::to_string(o.width) + ", hidden " +
         std::to_string(o.hidden) + ", vocab " + std::to_string(o.vocab) + ", window " +
         std::to_string(o.window);
}

TEST(RandomOptions, AgreeWithTheReferenceAndInBits) {
  const std::uint64_t seed = test_seed();
  Random random(seed);
  const std::size_t rounds = 8 * test_scale();
  for (std::size_t round = 0; round < rounds; ++round) {
    const TinyOptions options = draw_options(random);
    SCOPED_TRACE("seed " + std::to_string(seed) + ", round " + std::to_string(round) + ": " + shown(options));
    const TinyFile file(options);
    const auto tokens = tiny_tokens(1 + random.below(330), options.vocab, random.next());
    const SessionOptions f32{.kv_type = KvType::kF32};
    const Model portable = Model::load(file.path(), {.kernels = KernelSet::kPortable, .threads = 1});
    const std::vector<float> expected = all_logits(portable, tokens, f32);
    const bool exact = options.weights == "f32" || options.weights == "f16";
    EXPECT_LT(relative_rms(expected, reference_logits(ReferenceFile::read(file.path()), tokens)),
              exact ? kF32Bound : kQ8Bound);
    const std::vector<float> expected_f16 = all_logits(portable, tokens);
    const SessionOptions q8{.kv_type = KvType::kQ8_0};
    const std::vector<float> expected_q8 = all_logits(portable, tokens, q8);
    for (const KernelSet set : available_kernel_sets()) {
      const Model model = Model::load(file.path(), {.kernels = set, .threads = kWorkers});
      const SessionOptions cut{.threads = static_cast<unsigned>(1 + random.below(kWorkers)),
                               .batch = 1 + random.below(tokens.size())};
      EXPECT_TRUE(equal_bits(expected_f16, all_logits(model, tokens, cut)))
          << to_string(set) << ", " << cut.threads << " threads, chunks of " << cut.batch;
      if (set == KernelSet::kPortable) continue;
      EXPECT_TRUE(equal_bits(expected, all_logits(model, tokens, f32))) << to_string(set);
      EXPECT_TRUE(equal_bits(expected_q8, all_logits(model, tokens, q8))) << to_string(set);
    }
  }
}

}  // namespace
}  // namespace garam::test
