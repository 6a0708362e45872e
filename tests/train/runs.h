// A small training run in a folder of its own, to be varied.
#pragma once

#include <garam/garam.h>
#include <garam/train.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "support/temp_dir.h"
#include "support/tiny_model.h"

namespace garam::test {

inline std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_contents(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

/// Sentences that can be learned, the same everywhere.
inline std::string sentences(std::size_t bytes) {
  const char* const who[] = {"fox", "queen", "boat", "tree"};
  const char* const what[] = {"lamp", "river", "kite"};
  std::string text;
  for (std::uint64_t state = 1; text.size() < bytes;) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    text += std::string("the ") + who[state >> 62] + " finds a " + what[(state >> 40) % 3] + ".\n";
  }
  return text;
}

/// Width 32, 2 layers, context 64, batch 4.
class TinyRun {
 public:
  TinyRun() {
    TinyOptions options;
    options.vocabulary = TinyVocabulary::kByteLevel;
    options.width = 32;
    TinyModel::make(options).write(dir.file("vocabulary.gguf"));
    write_contents(dir.file("text.txt"), sentences(40000));
    config.model = {.layers = 2, .width = 32, .heads = 4, .kv_heads = 2, .hidden = 64};
    config.tokenizer = dir.file("vocabulary.gguf");
    config.data = {dir.file("text.txt")};
    config.context = 64;
    config.batch = 4;
    config.steps = 200;
    config.warmup = 20;
    config.learning_rate = 3e-3;
    config.min_learning_rate = 3e-4;
    config.held_out_share = 0.05;
    config.evaluate_every = 50;
    config.checkpoint_every = 0;
    config.output = dir.file("model.gguf");
  }

  /// 30 steps from a random model of another family and weight type, without held-out text.
  void begin_with(const std::string& architecture, const std::string& weights) {
    TinyOptions options;
    options.architecture = architecture;
    options.weights = weights;
    options.vocabulary = TinyVocabulary::kByteLevel;
    config.base = dir.file("base.gguf");
    TinyModel::make(options).write(config.base);
    config.tokenizer.clear();
    config.steps = 30;
    config.held_out_share = 0;
  }

  /// The bytes of the model.
  std::string run(TrainOptions options = {}) {
    options.resume = Resume::kRestart;
    report = train(config, options);
    return contents(config.output);
  }

  TempDir dir;
  TrainConfig config;
  TrainReport report;
};

}  // namespace garam::test
