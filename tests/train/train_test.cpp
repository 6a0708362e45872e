// Runs as users start them: the same bytes whatever computes them, going on where they stopped, learning.
#include <gtest/gtest.h>

#include <cmath>

#include "base/hash.h"
#include "support/shared.h"
#include "train/runs.h"

namespace garam::test {
namespace {

std::uint64_t hash_of(const std::string& bytes) {
  return hash_bytes(bytes.data(), bytes.size());
}

TEST(Train, TheSameFileForAnyThreadsKernelsAndMicroBatches) {
  TinyRun run;
  const std::string expected = run.run({.threads = 1});
  EXPECT_LT(run.report.loss, 2.0);
  for (const unsigned threads : {2u, 3u}) {
    EXPECT_TRUE(run.run({.threads = threads}) == expected) << threads << " threads";
  }
  for (const KernelSet set : available_kernel_sets()) {
    if (set == KernelSet::kPortable) continue;  // below
    EXPECT_TRUE(run.run({.threads = 2, .kernels = set}) == expected) << to_string(set);
  }
  run.config.micro_batch = 64;
  EXPECT_TRUE(run.run() == expected) << "a window at a time";
  run.config.micro_batch = 150;
  EXPECT_TRUE(run.run() == expected) << "two windows at a time";
  // The same with every compiler and on every machine: docs/training.md names it too.
  EXPECT_EQ(hash_of(expected), 17338200059378492559u);
}

TEST(Train, TheSameFileByPortableKernels) {
  TinyRun run;
  run.config.steps = 12;  // they take 50 times as long
  run.config.held_out_share = 0;
  const std::string expected = run.run();
  EXPECT_TRUE(run.run({.kernels = KernelSet::kPortable}) == expected);
  run.config.model.architecture = "gpt2";
  run.config.model.kv_heads = 0;
  const std::string gpt2 = run.run();
  EXPECT_TRUE(run.run({.threads = 3, .kernels = KernelSet::kPortable}) == gpt2);
}

TEST(Train, GoesOnFromACheckpointToTheSameFile) {
  TinyRun run;
  const std::string expected = run.run();
  const std::string curve = contents(run.config.output + ".csv"),
                    picture = contents(run.config.output + ".svg");
  std::filesystem::remove(run.config.output);

  std::stop_source stop;
  TrainOptions options;
  options.stop = stop.get_token();
  options.on_step = [&](const TrainStatus& status) {
    if (status.step == 100) stop.request_stop();
  };
  try {
    train(run.config, options);
    FAIL() << "was not interrupted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
    EXPECT_NE(std::string(error.what()).find("step 100"), std::string::npos) << error.what();
  }
  EXPECT_FALSE(std::filesystem::exists(run.config.output));
  const std::string checkpoint = run.config.output + ".checkpoint";
  EXPECT_TRUE(std::filesystem::exists(checkpoint));

  // Nobody's work is overwritten unasked.
  EXPECT_THROW(train(run.config), Error);
  run.report = train(run.config, {.threads = 3, .resume = Resume::kResume});
  EXPECT_TRUE(contents(run.config.output) == expected);
  EXPECT_EQ(contents(run.config.output + ".csv"), curve);
  EXPECT_EQ(contents(run.config.output + ".svg"), picture);
  EXPECT_EQ(run.report.steps, 200u);
  EXPECT_FALSE(std::filesystem::exists(checkpoint));
}

TEST(Train, ACheckpointOfAnotherRunIsRefused) {
  TinyRun run;
  run.config.steps = 6;
  run.config.checkpoint_every = 3;
  std::string saved;
  const std::string checkpoint = run.config.output + ".checkpoint";
  run.run({.on_step = [&](const TrainStatus& status) {
    if (status.step == 4) saved = contents(checkpoint);
  }});
  ASSERT_FALSE(saved.empty());
  const auto refused = [&](const TrainConfig& config, const std::string& bytes, const char* part) {
    write_contents(checkpoint, bytes);
    try {
      train(config, {.resume = Resume::kResume});
      ADD_FAILURE() << "nothing was refused: " << part;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  };
  TrainConfig other = run.config;
  other.seed = 2;
  refused(other, saved, "another configuration");
  other = run.config;
  other.learning_rate *= 2;
  refused(other, saved, "another configuration");
  for (const std::size_t size : {std::size_t{0}, std::size_t{20}, saved.size() / 2, saved.size() - 1}) {
    refused(run.config, saved.substr(0, size), "checkpoint");
  }
  // A model is no checkpoint.
  refused(run.config, contents(run.config.output), "checkpoint");
}

TEST(Train, LearnsATextByHeart) {
  TinyRun run;
  write_contents(run.dir.file("text.txt"), sentences(3000));
  run.config.held_out_share = 0;
  run.config.shuffle = true;
  run.config.context = 128;
  run.config.batch = 8;
  run.config.model = {.layers = 2, .width = 64, .heads = 4, .hidden = 128};
  run.config.steps = 700;
  run.config.learning_rate = 1e-2;
  run.config.min_learning_rate = 0;
  run.config.weight_decay = 0;
  run.run();
  EXPECT_LT(run.report.loss, 0.05);
}

TEST(Train, ModelsAreReadByInferenceWithTheSameLoss) {
  for (const char* architecture : {"llama", "qwen2", "gpt2"}) {
    TinyRun run;
    run.config.model.architecture = architecture;
    if (run.config.model.architecture == "gpt2") run.config.model.kv_heads = 0;
    run.config.steps = 30;
    run.config.held_out_share = 0;
    run.run();
    // The loss of one more step that changes nothing, over the first window, beside that of inference.
    TrainConfig again = run.config;
    again.base = run.config.output;
    again.tokenizer.clear();
    again.output = run.dir.file("again.gguf");
    again.steps = 1;
    again.batch = 1;
    again.shuffle = false;
    again.learning_rate = again.min_learning_rate = 0;
    const double loss = train(again).loss;
    EXPECT_TRUE(contents(again.output) == contents(run.config.output))
        << "a step of length 0 changed something";

    const Model model = Model::load(run.config.output);
    const auto tokens =
        model.tokenizer().encode(contents(run.config.data[0]).substr(0, 2000), {.add_special = false});
    Session session(model, {.context = 64, .kv_type = KvType::kF32});
    double sum = 0;
    for (std::size_t i = 0; i < 64; ++i) {
      const auto logits = session.step(tokens[i]);
      double all = 0;
      for (const float z : logits) all += std::exp(static_cast<double>(z));
      sum += std::log(all) - static_cast<double>(logits[static_cast<std::size_t>(tokens[i + 1])]);
    }
    // Both are f32 computations of one number, in different orders.
    EXPECT_NEAR(loss, sum / 64, 2e-6 * loss) << architecture;
  }
}

TEST(Train, OtherWeightTypesOnRequest) {
  TinyRun run;
  run.config.steps = 2;
  run.config.type = "bf16";
  run.run();
  EXPECT_EQ(inspect(run.config.output).tensors.front().type, "bf16");
  EXPECT_FALSE(std::filesystem::exists(run.config.output + ".f32"));
}

TEST(Train, PairsAreLearnedFromTheirAnswers) {
  TinyRun run;
  std::string lines;
  for (int i = 0; i < 40; ++i) {
    lines +=
        R"({"prompt": "q)" + std::to_string(i % 4) + R"(? ", "answer": "a)" + std::to_string(i % 4) + "\"}\n";
  }
  run.config.data = {run.dir.file("pairs.jsonl")};
  write_contents(run.config.data[0], lines);
  run.config.held_out_share = 0;
  run.config.steps = 150;
  run.config.learning_rate = 1e-2;
  run.run();
  EXPECT_LT(run.report.loss, 0.05);  // the question's own tokens could not be foretold that well
}

}  // namespace
}  // namespace garam::test
