// garam train-tokenizer as its users run it.
#include <algorithm>

#include "cli/program.h"
#include "train/runs.h"

namespace garam::test {
namespace {

TEST(TrainTokenizerCommand, WritesAVocabularyThatTokenizes) {
  const TempDir dir;
  const std::string text = dir.file("text.txt"), lines = dir.file("more.jsonl"), out = dir.file("v.gguf");
  write_contents(text, sentences(20000));
  write_contents(lines, "{\"prompt\": \"the queen\", \"answer\": \"the river\", \"other\": 1}\n");
  const Finished trained =
      garam_cli({"train-tokenizer", "--vocab-size", "300", "--special", "<|end|>", "--special", "<|user|>",
                 "--min-frequency", "2", "-t", "2", "-o", out, text, lines});
  ASSERT_EQ(trained.code, 0) << trained.err;
  // Fewer than asked: every word is a token then.
  EXPECT_TRUE(contains(trained.out, "293 tokens, 35 merges")) << trained.out;
  EXPECT_EQ(trained.err, "");  // no progress bar where there is no terminal
  const Finished tokens = garam_cli({"tokenize", "-m", out, " queen"});
  ASSERT_EQ(tokens.code, 0) << tokens.err;
  EXPECT_EQ(std::count(tokens.out.begin(), tokens.out.end(), ' '), 0) << "one token: " << tokens.out;
}

/// Whether the process has a handler for SIGINT, or is gone.
bool answers_interrupt(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("State:") && contains(line, "Z")) return true;
    if (line.starts_with("SigCgt:"))
      return (std::stoull(line.substr(7), nullptr, 16) >> (SIGINT - 1) & 1) != 0;
  }
  return true;
}

TEST(TrainTokenizerCommand, CtrlCLeavesNothing) {
  const TempDir dir;
  const std::string text = dir.file("text.txt"), out = dir.file("v.gguf");
  std::string part = sentences(1 << 20), all;
  for (int i = 0; i < 48; ++i) all += part;
  write_contents(text, all);
  const auto once_ready = [](pid_t pid) {
    while (!answers_interrupt(pid)) usleep(200);
    kill(pid, SIGINT);
  };
  // Something on stdin, so that `then` is not put off until the first output.
  const Finished found =
      garam_cli({"train-tokenizer", "-t", "1", "-o", out, text}, {.input = "x", .then = once_ready});
  EXPECT_EQ(found.code, 130) << found.err;
  EXPECT_FALSE(std::filesystem::exists(out));
}

TEST(TrainTokenizerCommand, Mistakes) {
  const TempDir dir;
  const std::string text = dir.file("text.txt"), out = dir.file("v.gguf");
  write_contents(text, "a line\n");
  EXPECT_EQ(garam_cli({"train-tokenizer"}).code, 2);
  EXPECT_EQ(garam_cli({"train-tokenizer", text}).code, 2);
  EXPECT_EQ(garam_cli({"train-tokenizer", "-o", out}).code, 2);
  EXPECT_EQ(garam_cli({"train-tokenizer", "-o", out, text, "--vocab-size", "many"}).code, 2);
  EXPECT_EQ(garam_cli({"train-tokenizer", "--help"}).code, 0);
  const Finished missing = garam_cli({"train-tokenizer", "-o", out, dir.file("none.txt")});
  EXPECT_EQ(missing.code, 1);
  EXPECT_TRUE(contains(missing.err, "none.txt")) << missing.err;
  const Finished nowhere = garam_cli({"train-tokenizer", "-o", dir.file("none/v.gguf"), text});
  EXPECT_EQ(nowhere.code, 1);
  EXPECT_TRUE(contains(nowhere.err, "none/v.gguf")) << nowhere.err;
  const Finished folder = garam_cli({"train-tokenizer", "-o", out, dir.path().string()});
  EXPECT_EQ(folder.code, 1);
  EXPECT_FALSE(std::filesystem::exists(out));
}

}  // namespace
}  // namespace garam::test
