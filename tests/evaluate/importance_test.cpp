// Importance matrices: mean squares of what the products really read, the same bytes however computed.
#include "garam/importance.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "garam/error.h"
#include "garam/session.h"
#include "quantize/importance.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"

namespace garam::test {
namespace {

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class MeasureImportance : public testing::Test {
 protected:
  Model load(TinyOptions options, const LoadOptions& how = {}) {
    options.vocabulary = TinyVocabulary::kSentencePiece;
    TinyModel::make(options).write(model_);
    return Model::load(model_, how);
  }
  TempDir folder_;
  std::string model_ = folder_.file("model.gguf"), out_ = folder_.file("imatrix.gguf");
};

TEST_F(MeasureImportance, FirstProjectionReadsTheNormedEmbedding) {
  const Model model = load({.layers = 1, .context = 64});
  const auto tokens = tiny_tokens(30, model.tokenizer().size());
  const ImportanceReport report = measure_importance(model, tokens, out_, {.chunk = 16});
  EXPECT_EQ(report.chunks, 2u);
  const auto importance = quant::Importance::read(out_);
  const auto found = importance.of("blk.0.attn_q.weight", 64, 1, 0);
  ASSERT_EQ(found.size(), 64u);

  // RMSNorm of the embedding in double, from the file.
  TinyOptions options{.layers = 1, .context = 64};
  options.vocabulary = TinyVocabulary::kSentencePiece;
  TinyModel file = TinyModel::make(options);
  const TinyTensor &embedding = file.tensor("token_embd.weight"),
                   &norm = file.tensor("blk.0.attn_norm.weight");
  std::vector<double> expected(64);
  std::size_t rows = 0;
  for (std::size_t chunk = 0; chunk < 2; ++chunk) {
    for (std::size_t i = 0; i < 16; ++i, ++rows) {
      const auto id =
          static_cast<std::size_t>(i == 0 ? *model.tokenizer().bos() : tokens[chunk * 15 + i - 1]);
      double squares = 0;
      for (std::size_t c = 0; c < 64; ++c) squares += std::pow(embedding.get(id * 64 + c), 2.0);
      for (std::size_t c = 0; c < 64; ++c) {
        const double x = embedding.get(id * 64 + c) / std::sqrt(squares / 64 + 1e-5) * norm.get(c);
        expected[c] += x * x;
      }
    }
  }
  // f32 rounding of the norm, and of the sum in the file: 1e-6. The epsilon is the file's, near 1e-5.
  for (std::size_t c = 0; c < 64; ++c) {
    EXPECT_NEAR(found[c], expected[c] / static_cast<double>(rows),
                1e-4 * expected[c] / static_cast<double>(rows));
  }
  EXPECT_TRUE(importance.of("output.weight", 64, 1, 0).empty());
}

TEST_F(MeasureImportance, TheSameBytesForAnyThreadsAndKernels) {
  for (const std::size_t experts : {0u, 4u}) {
    std::string expected;
    for (const KernelSet set : available_kernel_sets()) {
      for (const unsigned threads : {1u, 2u, 3u}) {
        const Model model = load({.experts = experts, .context = 64}, {.kernels = set, .threads = threads});
        measure_importance(model, tiny_tokens(64, model.tokenizer().size()), out_, {.chunk = 32});
        if (expected.empty()) expected = contents(out_);
        EXPECT_TRUE(contents(out_) == expected) << to_string(set) << ", " << threads << ", " << experts;
      }
    }
  }
}

TEST_F(MeasureImportance, EveryExpertCountsItsOwnRows) {
  const Model model = load({.layers = 1, .experts = 4, .context = 64});
  const std::size_t rows = 32;
  measure_importance(model, tiny_tokens(rows - 1, model.tokenizer().size()), out_, {.chunk = rows});
  const auto importance = quant::Importance::read(out_);
  const auto a = importance.of("blk.0.ffn_up_exps.weight", 64, 4, 0);
  const auto b = importance.of("blk.0.ffn_up_exps.weight", 64, 4, 1);
  ASSERT_EQ(a.size(), 64u);
  EXPECT_FALSE(std::equal(a.begin(), a.end(), b.begin()));
}

TEST_F(MeasureImportance, Refusals) {
  const Model model = load({.context = 64});
  const auto tokens = tiny_tokens(10, model.tokenizer().size());
  EXPECT_THROW(measure_importance(model, tokens, out_, {.chunk = 64}), Error);
  EXPECT_THROW(measure_importance(model, tokens, out_, {.chunk = 0}), Error);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(measure_importance(model, tokens, out_, {.chunk = 4, .stop = stop.get_token()}), Error);
  EXPECT_FALSE(std::filesystem::exists(out_));
}

}  // namespace
}  // namespace garam::test
