// garam::convert: a folder as a GGUF file gives the same bits and the same ids, other types are those that
// their formats write, nothing is held but a piece, and what cannot be finished leaves nothing behind.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "io/gguf.h"
#include "model/harness.h"
#include "support/hf_files.h"
#include "support/refusal.h"
#include "tensor/weight_format.h"

namespace garam::test {
namespace {

struct Converted {
  explicit Converted(const HfFiles& files, const ConvertOptions& options = {}) {
    files.write(dir.path().string());
    convert(dir.path().string(), path(), options);
  }
  std::string path() const { return dir.file("out.gguf"); }
  TempDir dir;
};

std::vector<float> logits_of(const std::string& path) {
  const Model model = Model::load(path, {.threads = kWorkers});
  return all_logits(model, tiny_tokens(40, model.info().vocab));
}

class ConvertFamily : public testing::TestWithParam<const char*> {};

TEST_P(ConvertFamily, AsStoredItComputesTheSameBits) {
  for (const char* weights : {"f32", "f16", "bf16"}) {
    const TinyModel tiny = TinyModel::make({.architecture = GetParam(),
                                            .weights = weights,
                                            .layers = 3,
                                            .experts = std::string_view(GetParam()) == "qwen3moe" ? 4u : 0u});
    const Converted file(HfFiles::make(tiny));
    EXPECT_TRUE(equal_bits(logits_of(file.dir.path().string()), logits_of(file.path()))) << weights;
    const TinyFile original(tiny);
    EXPECT_TRUE(equal_bits(logits_of(original.path()), logits_of(file.path()))) << weights;
  }
}

INSTANTIATE_TEST_SUITE_P(All, ConvertFamily,
                         testing::Values("llama", "qwen3moe", "qwen2", "qwen3", "phi3", "gemma", "gemma2",
                                         "gemma3", "gpt2"));

TEST(Convert, KeepsTheVocabulary) {
  for (const TinyVocabulary vocabulary : {TinyVocabulary::kByteLevel, TinyVocabulary::kSentencePiece}) {
    HfFiles files = HfFiles::make(TinyModel::make({.vocabulary = vocabulary}));
    files.tokenizer["added_tokens"][0]["rstrip"] = true;
    files.generation_config["eos_token_id"] = {1, 5};
    files.tokenizer_config["chat_template"] = "{{ messages }}";
    const Converted file(files);
    const Tokenizer folder = load_tokenizer(file.dir.path().string()), gguf = load_tokenizer(file.path());
    const auto added = files.tokenizer["added_tokens"][0]["content"].get<std::string>();
    for (const std::string& text :
         {std::string("and the other"), std::string(" x\n"), added + "  a" + added}) {
      EXPECT_EQ(folder.encode(text, {true, true}), gguf.encode(text, {true, true})) << text;
    }
    for (std::int32_t id = 0; id < 10; ++id) {
      EXPECT_EQ(folder.is_end_of_generation(id), gguf.is_end_of_generation(id)) << id;
    }
    EXPECT_TRUE(gguf.is_end_of_generation(5));
    EXPECT_EQ(GgufFile::open(file.path()).get_string("tokenizer.chat_template"), "{{ messages }}");
  }
}

TEST(Convert, OtherTypesAreWhatTheirFormatsWrite) {
  const TinyModel tiny = TinyModel::make({.weights = "f32"});
  const HfFiles files = HfFiles::make(tiny);
  for (const char* type : {"f32", "f16", "bf16"}) {
    const Converted converted(files, {.type = type});
    const GgufFile file = GgufFile::open(converted.path());
    const WeightFormat& format = *find_weight_format(type);
    for (const TinyTensor& tensor : tiny.tensors) {
      const GgufTensor* written = file.find_tensor(tensor.name);
      ASSERT_NE(written, nullptr) << tensor.name;
      std::vector<std::byte> found(written->bytes);
      file.read(*written, 0, found);
      if (tensor.shape.size() == 1) {
        EXPECT_EQ(found, tensor.data) << tensor.name;
        continue;
      }
      EXPECT_EQ(written->type->name, type) << tensor.name;
      const std::size_t k = tensor.shape[1];
      std::vector<std::byte> expected(tensor.shape[0] * format.row_bytes(k));
      std::vector<float> row(k);
      for (std::size_t r = 0; r < tensor.shape[0]; ++r) {
        for (std::size_t i = 0; i < k; ++i) row[i] = tensor.get(r * k + i);
        format.encode(row.data(), k, expected.data() + r * format.row_bytes(k));
      }
      EXPECT_EQ(found, expected) << tensor.name << " as " << type;
    }
  }
}

TEST(Convert, TypesWithScalesAreTheQuantisers) {
  const TinyModel tiny = TinyModel::make({.weights = "bf16", .width = 256, .hidden = 256});
  const HfFiles files = HfFiles::make(tiny);
  const Converted kept(files, {});
  const TempDir dir;
  for (const char* type : {"q8_0", "Q4_K_M"}) {
    const Converted converted(files, {.type = type});
    quantize(kept.path(), dir.file("quantised.gguf"), type);
    std::ifstream a(converted.path(), std::ios::binary), b(dir.file("quantised.gguf"), std::ios::binary);
    const std::string of_a{std::istreambuf_iterator<char>(a), {}},
        of_b{std::istreambuf_iterator<char>(b), {}};
    EXPECT_TRUE(of_a == of_b) << type;
  }
}

TEST(Convert, TakesMemoryForAPieceOnly) {
  const std::size_t vocab = 16384;
  const TinyModel tiny = TinyModel::make(
      {.weights = "f32", .layers = 1, .width = 1024, .hidden = 64, .vocab = vocab, .separate_output = false});
  const TempDir dir;
  HfFiles::make(tiny).write(dir.path().string());
  for (const char* type : {"", "f16"}) {
    const MemoryCeiling ceiling(std::size_t{24} << 20);  // of 64 MiB of weights
    convert(dir.path().string(), dir.file("out.gguf"), {.type = type});
  }
  EXPECT_GT(std::filesystem::file_size(dir.file("out.gguf")), vocab * 1024);
}

TEST(Convert, WhatCannotBeFinishedLeavesNothing) {
  const TinyModel tiny = TinyModel::make({});
  HfFiles files = HfFiles::make(tiny);
  const TempDir dir;
  files.write(dir.path().string());
  std::ofstream(dir.file("out.gguf")) << "before";
  const auto entries = [&] {
    return std::distance(std::filesystem::directory_iterator(dir.path()),
                         std::filesystem::directory_iterator());
  };
  const auto before = entries();
  std::string message;
  EXPECT_EQ(error_of([&] { convert(dir.path().string(), dir.file("out.gguf"), {.type = "q4_9"}); }, &message),
            ErrorCode::kArgument);
  EXPECT_TRUE(helps(message, "type", {"q4_9"}));
  std::stop_source stop;
  std::vector<double> steps;
  EXPECT_EQ(error_of([&] {
              convert(dir.path().string(), dir.file("out.gguf"),
                      {.progress = [&](double done) { steps.push_back(done), stop.request_stop(); },
                       .stop = stop.get_token()});
            }),
            ErrorCode::kCancelled);
  EXPECT_EQ(steps.size(), 1u);
  const float large = 1e6f;
  std::memcpy(files.tensor("model.layers.1.mlp.up_proj.weight").data.data() + 64, &large, sizeof large);
  files.write(dir.path().string());
  EXPECT_EQ(error_of([&] { convert(dir.path().string(), dir.file("out.gguf"), {.type = "f16"}); }, &message),
            ErrorCode::kArgument);
  EXPECT_TRUE(helps(message, "model.safetensors", {"model.layers.1.mlp.up_proj.weight", "1000000"}));
  EXPECT_EQ(entries(), before);
  std::string kept;
  std::ifstream(dir.file("out.gguf")) >> kept;
  EXPECT_EQ(kept, "before");
}

TEST(Convert, ReportsProgressToTheEnd) {
  std::vector<double> steps;
  const Converted file(HfFiles::make(TinyModel::make({})),
                       {.type = "q8_0", .progress = [&](double done) { steps.push_back(done); }});
  ASSERT_FALSE(steps.empty());
  EXPECT_TRUE(std::is_sorted(steps.begin(), steps.end()));
  EXPECT_EQ(steps.back(), 1);
}

}  // namespace
}  // namespace garam::test
