// --lora and export-lora as their users run them.
#include <filesystem>

#include "cli/program.h"
#include "support/tiny_adapter.h"

namespace garam::test {
namespace {

const TinyOptions kOptions{.vocabulary = TinyVocabulary::kSentencePiece};

class Lora : public testing::Test {
 protected:
  Lora() {
    make_adapter(TinyModel::make(kOptions)).write(adapter_);
    write_all(model_.file("tokens"), "1 2 3 4 5");
  }
  /// The logits that the program writes with these options.
  std::string logits(const std::vector<std::string>& options, const Program& program = {}) {
    std::vector<std::string> arguments = {
        "logits", "-m", model_.path(), "--tokens", model_.file("tokens"), "--out", model_.file("out")};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const Finished found = garam_cli(arguments, program);
    EXPECT_TRUE(ended(found, 0));
    return read_all(model_.file("out"));
  }

  const ModelFolder model_{kOptions};
  const std::string adapter_ = model_.file("adapter.gguf");
};

TEST_F(Lora, ScalesAndOrder) {
  const std::string base = logits({}), once = logits({"--lora", adapter_});
  EXPECT_TRUE(base != once);
  EXPECT_TRUE(logits({"--lora", adapter_ + ":1"}) == once);
  EXPECT_TRUE(logits({"--lora-scaled", adapter_ + ":1.0"}) == once);
  EXPECT_TRUE(logits({"--lora", adapter_ + ":0"}) == base);
  const std::string half = logits({"--lora", adapter_ + ":0.5"});
  EXPECT_TRUE(half != once && half != base);
  const std::string twice = logits({"--lora", adapter_, "--lora", adapter_ + ":-0.25"});
  EXPECT_TRUE(twice != half && twice != once);
  EXPECT_TRUE(logits({"--lora", adapter_, "--lora-scaled", adapter_ + ":-0.25"}) == twice);
  EXPECT_TRUE(logits({}, {.environment = {"GARAM_ARG_LORA=" + adapter_ + ":0.5"}}) == half);
}

TEST_F(Lora, PathsWithColons) {
  const std::string once = logits({"--lora", adapter_});
  for (const char* name : {"a:b.gguf", "my:7b", ":x"}) {
    const std::string path = model_.file(name);
    std::filesystem::copy_file(adapter_, path);
    EXPECT_TRUE(logits({"--lora", path}) == once) << name;
    EXPECT_TRUE(logits({"--lora", path + ":1"}) == once) << name;
  }
  std::filesystem::copy_file(adapter_, model_.file("x:2"));
  EXPECT_TRUE(logits({"--lora", model_.file("x:2:1")}) == once);
}

TEST_F(Lora, GeneratesWithIt) {
  const Finished found =
      garam_cli({"generate", "-m", model_.path(), "--lora", adapter_, "-p", "the", "-n", "4", "--temp", "0"});
  EXPECT_TRUE(ended(found, 0));
}

TEST_F(Lora, Mistakes) {
  const auto usage = [&](const std::vector<std::string>& options, std::string_view message) {
    std::vector<std::string> arguments = {"generate", "-m", model_.path(), "-p", "x"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    EXPECT_TRUE(ended(garam_cli(arguments), 2, message));
  };
  usage({"--lora", ":0.5"}, "--lora: expected FILE or FILE:SCALE, found \":0.5\"");
  usage({"--lora", ""}, "--lora");
  usage({"--lora", adapter_ + ":inf"}, "--lora: expected a finite scale");
  usage({"--lora", adapter_ + ":nan"}, "--lora: expected a finite scale");
  usage({"--lora-scaled", adapter_}, "--lora-scaled: expected FILE:SCALE");
  EXPECT_TRUE(ended(garam_cli({"generate", "-m", model_.path(), "-p", "x", "--lora", "none.gguf"}), 1,
                    "No such file"));
  EXPECT_TRUE(ended(garam_cli({"generate", "-m", model_.path(), "-p", "x", "--lora", model_.path()}), 1,
                    "expected \"adapter\""));
  EXPECT_TRUE(ended(garam_cli({"generate", "-m", adapter_, "-p", "x"}), 1, "found an adapter"));
}

TEST_F(Lora, Exports) {
  const std::string out = model_.file("merged.gguf");
  const Finished found =
      garam_cli({"export-lora", "-m", model_.path(), "--lora", adapter_ + ":0.5", "-o", out, "-t", "2"});
  ASSERT_TRUE(ended(found, 0, "15 tensors merged, 6 copied"));
  EXPECT_EQ(found.out, "");
  EXPECT_TRUE(ended(garam_cli({"generate", "-m", out, "-p", "the", "-n", "4", "--temp", "0"}), 0));
  EXPECT_TRUE(ended(
      garam_cli({"export-lora", "-m", model_.path(), "--lora", adapter_, "-o", out, "--type", "q8_0"}), 0));
  EXPECT_TRUE(contains(garam_cli({"inspect", out}).out, "q8_0"));
  EXPECT_TRUE(
      ended(garam_cli({"export-lora", "-m", out, "--lora", adapter_, "-o", model_.file("x")}), 1, "--type"));
  EXPECT_TRUE(ended(garam_cli({"export-lora", "-m", model_.path(), "--lora", adapter_}), 2, "-o FILE"));
  EXPECT_TRUE(ended(garam_cli({"export-lora", "-m", model_.path(), "-o", out}), 2, "--lora FILE"));
  EXPECT_TRUE(ended(garam_cli({"export-lora", "--lora", adapter_, "-o", out}), 2, "-m FILE"));
}

}  // namespace
}  // namespace garam::test
