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

TEST(HfFolders, HeadsOfClassifiers) {
  for (const char* architecture : {"llama", "qwen2", "qwen3", "phi3", "gemma2", "gpt2"}) {
    for (const std::size_t scores : {1, 3}) {
      const TinyOptions options{.architecture = architecture, .scores = scores};
      const TinyModel tiny = TinyModel::make(options);
      HfFiles files = HfFiles::make(tiny);
      if (scores > 1) files.config["id2label"] = {{"0", "good"}, {"2", "bad"}};
      const auto tokens = tiny_tokens(30, options.vocab);
      const auto scored = [&](const Model& model) {
        Session session(model);
        session.prefill(tokens);
        return copy(session.scores());
      };
      const std::vector<float> expected = scored(load_tiny(tiny));
      ASSERT_EQ(expected.size(), scores);
      const Model model = load_folder(files);
      EXPECT_TRUE(equal_bits(expected, scored(model))) << architecture;
      if (scores > 1) {
        EXPECT_EQ(model.info().score_labels, (std::vector<std::string>{"good", "LABEL_1", "bad"}));
      }
      // Classifiers come without the matrix of the logits.
      files.drop("lm_head.weight");
      EXPECT_TRUE(equal_bits(expected, scored(load_folder(files)))) << architecture;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, HfFamily,
    testing::Values(TinyOptions{}, TinyOptions{.weights = "f16"}, TinyOptions{.weights = "bf16"},
                    TinyOptions{.head_dim = 24, .separate_output = false}, TinyOptions{.window = 20},
                    TinyOptions{.biases = true}, TinyOptions{.rope = TinyRope::kLinear},
                    TinyOptions{.rope = TinyRope::kYarn}, TinyOptions{.architecture = "qwen2"},
                    TinyOptions{.architecture = "qwen2", .separate_output = false, .rope = TinyRope::kYarn},
                    TinyOptions{.architecture = "qwen3", .weights = "bf16", .head_dim = 32},
                    TinyOptions{.weights = "bf16", .experts = 4},
                    TinyOptions{.architecture = "qwen3moe", .experts = 5},
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

TEST(HfFolder, ThePackCacheServesIt) {
  const Folder folder(HfFiles::make(TinyModel::make({})), 2);
  const TempDir cache;
  const LoadOptions options{.threads = 2, .pack_cache = cache.path().string()};
  const Model packed = Model::load(folder.path(), options);
  EXPECT_EQ(packed.pack_cache().use, PackCacheUse::kWritten) << packed.pack_cache().reason;
  const Model mapped = Model::load(folder.path(), options);
  EXPECT_EQ(mapped.pack_cache().use, PackCacheUse::kHit) << mapped.pack_cache().reason;
  EXPECT_EQ(mapped.fingerprint(), packed.fingerprint());
  EXPECT_TRUE(equal_bits(logits_of(packed), logits_of(mapped)));
}

TEST(HfFolder, InspectShowsItAsGguf) {
  const TinyModel tiny = TinyModel::make({.architecture = "gemma2", .separate_output = false});
  const Folder folder(HfFiles::make(tiny));
  const ModelInfo info = inspect(folder.path());
  EXPECT_EQ(info.architecture, "gemma2");
  EXPECT_EQ(info.name, "tiny random weights");
  ASSERT_EQ(info.tensors.size(), tiny.tensors.size());
  EXPECT_GT(info.weight_bytes, 0u);
  EXPECT_EQ(info.tensors.front().name, "token_embd.weight");
}

TEST(HfFolder, TextPartOfAModelThatSeesImages) {
  const TinyModel tiny = TinyModel::make({.architecture = "gemma3", .layers = 7, .separate_output = false});
  HfFiles files = HfFiles::make(tiny);
  files.config = {{"model_type", "gemma3"}, {"text_config", files.config}, {"eos_token_id", {1, 2}}};
  for (HfTensor& tensor : files.tensors) tensor.name = "language_model." + tensor.name;
  files.tensors.push_back({"vision_tower.patch.weight", "F32", {2, 2}, std::vector<std::byte>(16)});
  EXPECT_TRUE(equal_bits(logits_of(load_tiny(tiny)), logits_of(load_folder(files))));
}

TEST(HfFolder, WindowsLayerByLayer) {
  const std::vector<bool> local = {false, true, true, false};
  for (const char* architecture : {"gemma2", "gemma3"}) {
    TinyModel tiny = TinyModel::make({.architecture = architecture, .layers = 4, .separate_output = false});
    HfFiles files = HfFiles::make(tiny);
    for (const bool sees_window : local) {
      files.config["layer_types"].push_back(sees_window ? "sliding_attention" : "full_attention");
    }
    const std::vector<float> regular = logits_of(load_tiny(tiny));
    tiny.set(std::string(architecture) + ".attention.sliding_window_pattern", GgufArray(local));
    const std::vector<float> expected = logits_of(load_tiny(tiny));
    EXPECT_NE(expected, regular);
    EXPECT_TRUE(equal_bits(expected, logits_of(load_folder(files)))) << architecture;
  }
}

TEST(HfFolder, BaseModelsWithoutAHead) {
  for (const char* architecture : {"qwen2", "gpt2"}) {
    const TinyModel tiny = TinyModel::make({.architecture = architecture, .separate_output = false});
    HfFiles files = HfFiles::make(tiny);
    for (HfTensor& tensor : files.tensors) tensor.name.erase(0, tensor.name.find('.') + 1);
    EXPECT_TRUE(equal_bits(logits_of(load_tiny(tiny)), logits_of(load_folder(files)))) << architecture;
  }
}

TEST(HfFolder, NewerConfigurationsHaveRopeParameters) {
  const TinyModel tiny = TinyModel::make({.architecture = "gemma3", .layers = 7, .rope = TinyRope::kLinear});
  HfFiles files = HfFiles::make(tiny);
  Json global = files.config["rope_scaling"];
  global["rope_theta"] = files.config["rope_theta"];
  files.config["rope_parameters"] = {
      {"full_attention", global}, {"sliding_attention", {{"rope_type", "default"}, {"rope_theta", 10000}}}};
  files.config.erase("rope_scaling");
  files.config.erase("rope_theta");
  EXPECT_TRUE(equal_bits(logits_of(load_tiny(tiny)), logits_of(load_folder(files))));
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
