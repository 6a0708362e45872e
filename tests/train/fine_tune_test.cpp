// Training that begins with a model: whole, from any weight type, or by low-rank adapters.
#include <gtest/gtest.h>

#include "io/gguf.h"
#include "support/refusal.h"
#include "train/runs.h"

namespace garam::test {
namespace {

TEST(FineTuning, EveryFamilyAndWeightTypeBecomesABetterModelThatInferenceReads) {
  for (const char* architecture : {"llama", "qwen2", "gpt2"}) {
    for (const char* weights : {"q8_0", "f32", "f16", "bf16"}) {
      if (kSanitized && std::string_view(weights) != "q8_0") break;
      TinyRun run;
      run.begin_with(architecture, weights);
      double first = 0;
      run.run({.on_step = [&](const TrainStatus& status) {
        if (status.step == 1) first = status.loss;
      }});
      EXPECT_LT(run.report.loss, 0.8 * first) << architecture << " " << weights;
      EXPECT_EQ(run.report.trained, run.report.parameters);
      const Model model = Model::load(run.config.output);
      EXPECT_EQ(model.info().architecture, architecture);
    }
  }
}

TEST(FineTuning, LlamaWithFactorsOfRopeKeepsThem) {
  TinyRun run;
  run.begin_with("llama", "f32");
  TinyOptions options;
  options.vocabulary = TinyVocabulary::kByteLevel;
  options.rope = TinyRope::kFactors;
  TinyModel::make(options).write(run.config.base);
  run.config.steps = 1;
  run.config.learning_rate = run.config.min_learning_rate = 0;
  run.run();
  const GgufFile base = GgufFile::open(run.config.base), result = GgufFile::open(run.config.output);
  ASSERT_EQ(base.tensors().size(), result.tensors().size());
  for (const GgufTensor& tensor : base.tensors()) {
    const GgufTensor* same = result.find_tensor(tensor.name);
    ASSERT_NE(same, nullptr) << tensor.name;
    std::vector<std::byte> a(tensor.bytes), b(same->bytes);
    base.read(tensor, 0, a);
    result.read(*same, 0, b);
    EXPECT_TRUE(a == b) << tensor.name;
  }
}

TEST(FineTuning, AdaptersLearnWhileTheBaseStays) {
  for (const char* architecture : {"llama", "gpt2"}) {
    TinyRun run;
    run.begin_with(architecture, "q8_0");
    const std::string base = contents(run.config.base);
    run.config.lora = TrainLora{.rank = 4, .alpha = 8};
    if (run.config.base.empty() || std::string(architecture) == "gpt2")
      run.config.lora->targets = {"attn_qkv", "ffn_up"};
    run.config.learning_rate = 2e-2;
    double first = 0;
    const std::string adapter = run.run({.on_step = [&](const TrainStatus& status) {
      if (status.step == 1) first = status.loss;
    }});
    EXPECT_LT(run.report.loss, 0.95 * first) << architecture;
    EXPECT_LT(run.report.trained, run.report.parameters / 4);
    EXPECT_TRUE(contents(run.config.base) == base);
    EXPECT_TRUE(run.run({.threads = 3}) == adapter);

    const GgufFile file = GgufFile::open(run.config.output);
    EXPECT_EQ(file.get_string("general.type"), "adapter");
    EXPECT_EQ(file.get_string("adapter.type"), "lora");
    EXPECT_EQ(file.get_string("general.architecture"), architecture);
    EXPECT_EQ(file.get_f32("adapter.lora.alpha"), 8.0f);
    std::size_t pairs = 0;
    for (const GgufTensor& tensor : file.tensors()) {
      if (!tensor.name.ends_with(".lora_a")) continue;
      ++pairs;
      EXPECT_EQ(tensor.shape, (std::vector<std::uint64_t>{64, 4})) << tensor.name;
      const GgufTensor* b = file.find_tensor(tensor.name.substr(0, tensor.name.size() - 1) + "b");
      ASSERT_NE(b, nullptr);
      EXPECT_EQ(b->shape[0], 4u);
    }
    EXPECT_EQ(pairs, run.config.lora->targets.size() * 2) << "layers";
  }
}

TEST(FineTuning, TargetsThatAreNotThere) {
  TinyRun run;
  run.begin_with("llama", "f32");
  run.config.lora = TrainLora{.targets = {"attn_qkv"}};
  try {
    run.run();
    FAIL() << "nothing was refused";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("attn_qkv"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace garam::test
