// Two models compared token by token, beside the same in double.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "evaluate/exact.h"
#include "model/harness.h"
#include "support/shared.h"

namespace garam::test {
namespace {

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(KlDivergence, OfAModelWithItselfIsZero) {
  const TinyOptions options{.weights = "mixed"};
  const Model model = load_tiny(options);
  const auto tokens = tiny_tokens(300, options.vocab);
  const TempDir dir;
  for (const std::size_t stride : {0, 7}) {
    PerplexityOptions cut{.chunk = 60, .stride = stride, .save_logits = dir.file("base")};
    const Perplexity base = perplexity(model, tokens, cut);
    cut.save_logits.clear();
    cut.base_logits = dir.file("base");
    const Perplexity found = perplexity(model, tokens, cut);
    EXPECT_EQ(found.perplexity.value, base.perplexity.value);
    ASSERT_TRUE(found.kl);
    const KlDivergence& kl = *found.kl;
    for (const double zero :
         {kl.mean.value, kl.mean.error, kl.maximum, kl.median, kl.percentile_99_9, kl.same_top.error,
          kl.probability_change.value, kl.probability_change.error, kl.probability_change_rms.value,
          kl.probability_change_rms.error, kl.perplexity_ratio.error}) {
      EXPECT_EQ(zero, 0.0);
    }
    EXPECT_EQ(kl.same_top.value, 1.0);
    EXPECT_EQ(kl.perplexity_ratio.value, 1.0);
    EXPECT_EQ(kl.base_perplexity.value, base.perplexity.value);
    EXPECT_EQ(kl.base_perplexity.error, base.perplexity.error);
  }
}

/// Every number of the two within `tolerance` of the larger one's size.
void expect_close(const KlDivergence& found, const KlDivergence& exact, double tolerance) {
  const auto close = [&](const char* name, double a, double b) {
    EXPECT_LT(relative(a, b), tolerance) << name << ": " << a << ", exact " << b;
  };
  const auto both = [&](const char* name, const Estimate& a, const Estimate& b) {
    close(name, a.value, b.value);
    close(name, a.error, b.error);
  };
  both("mean", found.mean, exact.mean);
  close("maximum", found.maximum, exact.maximum);
  close("median", found.median, exact.median);
  close("90 %", found.percentile_90, exact.percentile_90);
  close("95 %", found.percentile_95, exact.percentile_95);
  close("99 %", found.percentile_99, exact.percentile_99);
  close("99.9 %", found.percentile_99_9, exact.percentile_99_9);
  both("same top", found.same_top, exact.same_top);
  both("change", found.probability_change, exact.probability_change);
  both("rms", found.probability_change_rms, exact.probability_change_rms);
  both("base", found.base_perplexity, exact.base_perplexity);
  both("ratio", found.perplexity_ratio, exact.perplexity_ratio);
}

/// The model, and one whose output matrix is a little off.
std::pair<TinyModel, TinyModel> two_models(float distance) {
  const TinyModel base = TinyModel::make({.vocab = 67});
  TinyModel other = base;
  TinyTensor& output = other.tensor("output.weight");
  const TinyModel noise = TinyModel::make({.vocab = 67, .seed = 2});
  for (const TinyTensor& t : noise.tensors) {
    if (t.name != "output.weight") continue;
    for (std::size_t i = 0; i < t.data.size() / sizeof(float); ++i) {
      output.set(i, output.get(i) + distance * t.get(i));
    }
  }
  return {base, other};
}

TEST(KlDivergence, OfTwoModelsAgreesWithDouble) {
  // 0.03 moves few of the most likely tokens, 3 nearly all.
  for (const float distance : {0.03f, 0.3f, 3.0f}) {
    const auto [base, other] = two_models(distance);
    const TinyFile base_file(base), other_file(other);
    const auto tokens = tiny_tokens(610, 67);
    const TempDir dir;
    PerplexityOptions cut{.chunk = 200, .save_logits = dir.file("base")};
    perplexity(load_tiny(base), tokens, cut);
    cut.save_logits.clear();
    cut.base_logits = dir.file("base");
    const Perplexity found = perplexity(load_tiny(other), tokens, cut);
    const ExactRows p =
        exact_rows(ReferenceFile::read(base_file.path()), tokens, {.chunk = 200, .chunks = 3});
    const ExactRows q =
        exact_rows(ReferenceFile::read(other_file.path()), tokens, {.chunk = 200, .chunks = 3});
    const KlDivergence exact = exact_kl(p, q);
    ASSERT_TRUE(found.kl);
    // Logits of f32 arithmetic are off by some 1e-6; that is divided by differences of logits down to 1e-2.
    expect_close(*found.kl, exact, 5e-4);
    EXPECT_LT(relative(found.perplexity.value, exact_exp(exact_nll(q)).value), 1e-5);
    if (distance < 1) {
      EXPECT_GT(found.kl->same_top.value, 0.5);
    }
    EXPECT_LT(found.kl->same_top.value, 1.0);
  }
}

TEST(KlDivergence, SameBitsForAnyThreadsAndKernels) {
  const auto [base, other] = two_models(0.3f);
  const auto tokens = tiny_tokens(400, 67);
  const TempDir dir;
  std::string saved;
  Perplexity expected;
  for (const KernelSet kernels : available_kernel_sets()) {
    for (const unsigned threads : {1u, 2u, 3u}) {
      const std::string path = dir.file("base");
      perplexity(load_tiny(base, kernels, threads), tokens, {.chunk = 90, .save_logits = path});
      if (saved.empty()) saved = bytes_of(path);
      EXPECT_TRUE(bytes_of(path) == saved);
      const Perplexity found =
          perplexity(load_tiny(other, kernels, threads), tokens, {.chunk = 90, .base_logits = path});
      if (!expected.kl) expected = found;
      const auto same = [](const Estimate& a, const Estimate& b) {
        EXPECT_EQ(a.value, b.value);
        EXPECT_EQ(a.error, b.error);
      };
      same(found.kl->mean, expected.kl->mean);
      same(found.kl->same_top, expected.kl->same_top);
      same(found.kl->probability_change, expected.kl->probability_change);
      same(found.kl->probability_change_rms, expected.kl->probability_change_rms);
      same(found.kl->perplexity_ratio, expected.kl->perplexity_ratio);
      EXPECT_EQ(found.kl->maximum, expected.kl->maximum);
      EXPECT_EQ(found.kl->median, expected.kl->median);
    }
  }
}

TEST(SavedLogits, SayWhatTheyAreOf) {
  const TinyOptions options{.vocabulary = TinyVocabulary::kSentencePiece};
  const Model model = load_tiny(options);
  auto tokens = tiny_tokens(100, model.info().vocab);
  const TempDir dir;
  perplexity(model, tokens, {.chunk = 20, .stride = 6, .chunks = 3, .save_logits = dir.file("base")});
  const SavedLogits saved = inspect_saved_logits(dir.file("base"));
  EXPECT_EQ(saved.vocab, model.info().vocab);
  EXPECT_EQ(saved.chunk, 20u);
  EXPECT_EQ(saved.stride, 6u);
  EXPECT_EQ(saved.chunks, 3u);
  EXPECT_EQ(saved.bos, model.tokenizer().bos());
  tokens.resize(23 + 2 * 6);
  EXPECT_EQ(saved.tokens, tokens);
  // They can be replaced while they are compared with.
  const PerplexityOptions again{.chunk = saved.chunk,
                                .stride = saved.stride,
                                .chunks = saved.chunks,
                                .save_logits = dir.file("base"),
                                .base_logits = dir.file("base")};
  const std::string before = bytes_of(dir.file("base"));
  EXPECT_EQ(perplexity(model, saved.tokens, again).kl->mean.value, 0.0);
  EXPECT_TRUE(bytes_of(dir.file("base")) == before);
}

}  // namespace
}  // namespace garam::test
