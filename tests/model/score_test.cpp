// Classification heads: scores beside the logits, against the reference and by bits.
#include <gtest/gtest.h>

#include "model/hostile.h"

namespace garam::test {
namespace {

constexpr SessionOptions kF32Kv{.kv_type = KvType::kF32};
// As of logits (correctness_test.cpp); softmax adds the error of the scores it reads.
constexpr double kBound = 5e-6;

std::vector<float> all_scores(const Model& model, std::span<const std::int32_t> tokens,
                              const SessionOptions& options = {}) {
  Session session(model, options);
  session.prefill(tokens, {.all_logits = true});
  return copy(session.scores());
}

TEST(Scores, AgreeWithTheReference) {
  for (const std::size_t scores : {1, 2, 35}) {
    for (const bool biases : {false, true}) {
      const TinyOptions options{.architecture = "qwen3", .biases = biases, .scores = scores};
      const auto tokens = tiny_tokens(70, options.vocab);
      const Model model = load_tiny(options);
      EXPECT_EQ(model.info().scores, scores);
      EXPECT_EQ(model.info().score_labels.size(), scores > 1 ? scores : 0);
      const std::vector<double> exact = reference_logits(reference_of(options), tokens, {.scores = true});
      EXPECT_LT(relative_rms(all_scores(model, tokens, kF32Kv), exact), kBound) << scores;
      EXPECT_LT(
          relative_rms(all_logits(model, tokens, kF32Kv), reference_logits(reference_of(options), tokens)),
          kBound);
    }
  }
}

TEST(Scores, OfEveryArchitecture) {
  for (const char* architecture :
       {"llama", "qwen2", "qwen2moe", "phi3", "gemma", "gemma2", "gemma3", "gpt2", "gptneox", "stablelm",
        "starcoder2", "falcon", "olmo2", "command-r", "gpt-oss"}) {
    const TinyOptions options{.architecture = architecture, .scores = 2};
    const auto tokens = tiny_tokens(40, options.vocab);
    const std::vector<double> exact = reference_logits(reference_of(options), tokens, {.scores = true});
    EXPECT_LT(relative_rms(all_scores(load_tiny(options), tokens, kF32Kv), exact), kBound) << architecture;
  }
}

TEST(Scores, SameBitsWithAnyKernelsThreadsAndChunks) {
  const TinyOptions options{.architecture = "qwen3", .weights = "mixed", .scores = 3};
  const auto tokens = tiny_tokens(70, options.vocab);
  const std::vector<float> expected = all_scores(load_tiny(options, KernelSet::kPortable, 1), tokens);
  for (const KernelSet set : available_kernel_sets()) {
    const Model model = load_tiny(options, set);
    for (const std::size_t chunk : {1, 16, 512}) {
      EXPECT_TRUE(equal_bits(expected, all_scores(model, tokens, {.threads = 2, .batch = chunk})));
    }
  }
}

TEST(Scores, BelongToTheRowsOfLogits) {
  const TinyOptions options{.architecture = "qwen3", .scores = 3};
  const auto tokens = tiny_tokens(20, options.vocab);
  const Model model = load_tiny(options);
  const std::vector<float> every = all_scores(model, tokens);
  ASSERT_EQ(every.size(), 60u);
  Session a(model), b(model);
  EXPECT_TRUE(a.scores().empty());
  forward(std::vector<Row>{{&a, tokens[0], true}, {&b, tokens[0], false}, {&b, tokens[1], true}});
  EXPECT_TRUE(equal_bits(std::span(every).subspan(0, 3), a.scores()));
  EXPECT_TRUE(equal_bits(std::span(every).subspan(3, 3), b.scores()));
  b.prefill(std::span(tokens).subspan(2));
  EXPECT_TRUE(equal_bits(std::span(every).last(3), b.scores()));
  EXPECT_TRUE(b.fork().scores().empty());
  b.truncate(5);
  EXPECT_TRUE(b.scores().empty());
  const Model without = load_tiny({.architecture = "qwen3"});
  Session plain(without);
  plain.prefill(tokens);
  EXPECT_TRUE(plain.scores().empty());
  EXPECT_EQ(without.info().scores, 0u);
}

TEST(Scores, HostileHeads) {
  const TinyModel base = TinyModel::make({.architecture = "qwen3", .scores = 3});
  const char* const key = "qwen3.classifier.output_labels";
  TinyModel tiny = base;
  tiny.set(key, GgufArray(std::vector<std::string>{"yes", "no"}));
  EXPECT_TRUE(refused(tiny, {"cls.output.weight"}));
  tiny.set(key, GgufArray(std::vector<std::string>(70000, "x")));
  EXPECT_TRUE(refused(tiny, {key}));
  tiny.set(key, GgufArray(std::vector<std::uint32_t>{1, 2, 3}));
  EXPECT_TRUE(refused(tiny, {key}));
  tiny.set(key, std::string("yes"));
  EXPECT_TRUE(refused(tiny, {key}));
  tiny.erase(key);
  EXPECT_TRUE(refused(tiny, {"cls.output.weight"})) << "one score where no labels are";
  tiny = base;
  tiny.drop("cls.output.weight");
  EXPECT_TRUE(works(tiny)) << "labels of nothing";
  tiny = base;
  tiny.add("cls.weight", "f32", {64, 64});
  EXPECT_TRUE(refused(tiny, {"cls.weight"})) << "no decoder has it";
}

}  // namespace
}  // namespace garam::test
