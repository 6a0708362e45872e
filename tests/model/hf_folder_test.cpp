// A Hugging Face folder computes the same bits as the same model in GGUF, for every family, in one file or in
// shards, and tokenizes the same.
#include <gtest/gtest.h>

#include <cmath>

#include "model/harness.h"
#include "support/hf_files.h"

namespace garam::test {
namespace {

struct Folder {
  explicit Folder(const HfFiles& files, std::size_t shards = 1) { files.write(path(), shards); }
  std::string path() const { return dir.path().string(); }
  TempDir dir;
};

Model load_folder(const HfFiles& files, std::size_t shards = 1) {
  const Folder folder(files, shards);
  return Model::load(folder.path(), {.threads = kWorkers});
}

/// Logits of some tokens, past every window of the tiny models.
std::vector<float> logits_of(const Model& model) {
  return all_logits(model, tiny_tokens(70, model.info().vocab));
}

class HfFamily : public testing::TestWithParam<TinyOptions> {};

TEST_P(HfFamily, ComputesTheSameBitsAsGguf) {
  const TinyModel tiny = TinyModel::make(GetParam());
  const std::vector<float> expected = logits_of(load_tiny(tiny));
  const HfFiles files = HfFiles::make(tiny);
  const Model model = load_folder(files);
  EXPECT_EQ(model.info().architecture, GetParam().architecture);
  EXPECT_TRUE(equal_bits(expected, logits_of(model)));
  EXPECT_TRUE(equal_bits(expected, logits_of(load_folder(files, 3)))) << "three shards";
}

INSTANTIATE_TEST_SUITE_P(
    All, HfFamily,
    testing::Values(TinyOptions{}, TinyOptions{.weights = "f16"}, TinyOptions{.weights = "bf16"},
                    TinyOptions{.head_dim = 24, .separate_output = false}, TinyOptions{.window = 20},
                    TinyOptions{.biases = true}, TinyOptions{.rope = TinyRope::kLinear},
                    TinyOptions{.rope = TinyRope::kYarn}, TinyOptions{.architecture = "qwen2"},
                    TinyOptions{.architecture = "qwen2", .separate_output = false, .rope = TinyRope::kYarn},
                    TinyOptions{.architecture = "qwen3", .weights = "bf16", .head_dim = 32},
                    TinyOptions{.architecture = "phi3"}, TinyOptions{.architecture = "phi3", .window = 20},
                    TinyOptions{.architecture = "phi3", .head_dim = 16, .rope_dims = 12},
                    TinyOptions{.architecture = "phi3", .rope = TinyRope::kLong},
                    TinyOptions{.architecture = "gemma", .separate_output = false},
                    TinyOptions{.architecture = "gemma2", .layers = 4, .separate_output = false},
                    TinyOptions{.architecture = "gemma3", .layers = 7, .separate_output = false},
                    TinyOptions{.architecture = "gemma3", .layers = 7, .rope = TinyRope::kLinear},
                    TinyOptions{.architecture = "gpt2", .separate_output = false},
                    TinyOptions{.architecture = "gpt2", .weights = "f16"}));

TEST(HfFolder, TokenizesAsGguf) {
  for (const TinyVocabulary vocabulary : {TinyVocabulary::kByteLevel, TinyVocabulary::kSentencePiece}) {
    const TinyModel tiny = TinyModel::make({.vocabulary = vocabulary});
    const Model gguf = load_tiny(tiny);
    const Folder folder(HfFiles::make(tiny));
    const Model model = Model::load(folder.path(), {.threads = 1});
    const Tokenizer alone = load_tokenizer(folder.path());
    EXPECT_EQ(model.tokenizer().size(), gguf.tokenizer().size());
    EXPECT_EQ(model.tokenizer().bos(), gguf.tokenizer().bos());
    EXPECT_EQ(model.tokenizer().eos(), gguf.tokenizer().eos());
    EXPECT_EQ(model.tokenizer().add_bos(), gguf.tokenizer().add_bos());
    for (const char* text :
         {"and the other one was in the morning", " two  spaces", "Z\n\xe6\x97\xa5<tool>", ""}) {
      const auto expected = gguf.tokenizer().encode(text);
      EXPECT_EQ(model.tokenizer().encode(text), expected) << text;
      EXPECT_EQ(alone.encode(text), expected) << text;
      EXPECT_EQ(model.tokenizer().decode(expected), gguf.tokenizer().decode(expected)) << text;
    }
  }
}

TEST(HfFolder, Llama3FactorsAreThoseOfTheirFormula) {
  TinyOptions options{.head_dim = 32, .rope = TinyRope::kFactors};
  TinyModel tiny = TinyModel::make(options);
  TinyTensor& factors = tiny.tensor("rope_freqs.weight");
  const double factor = 8, low = 1, high = 4, context = 256, pi = std::acos(-1.0);
  for (std::size_t i = 0; i < 16; ++i) {
    const double wave = 2 * pi * std::pow(10000.0, 2.0 * static_cast<double>(i) / 32);
    const double smooth = (context / wave - low) / (high - low);
    const double value = wave < context / high  ? 1
                         : wave > context / low ? factor
                                                : 1 / ((1 - smooth) / factor + smooth);
    factors.set(i, static_cast<float>(value));
  }
  HfFiles files = HfFiles::make(tiny);
  files.config["rope_scaling"] = {{"rope_type", "llama3"},
                                  {"factor", factor},
                                  {"low_freq_factor", low},
                                  {"high_freq_factor", high},
                                  {"original_max_position_embeddings", 256}};
  EXPECT_TRUE(equal_bits(logits_of(load_tiny(tiny)), logits_of(load_folder(files))));
}

}  // namespace
}  // namespace garam::test
