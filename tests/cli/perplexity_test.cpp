// garam perplexity: its report, its JSON, comparing two models, and Ctrl-C.
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/program.h"

namespace garam::test {
namespace {

using Arguments = std::vector<std::string>;
using Json = nlohmann::ordered_json;

class PerplexityCommand : public testing::Test {
 protected:
  PerplexityCommand() {
    std::string text;
    for (int i = 0; i < 200; ++i) text += i % 3 == 0 ? "the hand " : i % 3 == 1 ? "in a " : "and ";
    write_all(text_, text);
    TinyModel::make({.vocabulary = TinyVocabulary::kSentencePiece, .seed = 2}).write(other_);
  }

  Finished perplexity(Arguments more, const Program& program = {}) const {
    more.insert(more.begin(), "perplexity");
    return garam_cli(more, program);
  }
  Json json(Arguments more) const {
    more.push_back("--json");
    const Finished found = perplexity(more);
    EXPECT_TRUE(ended(found, 0));
    EXPECT_EQ(found.err, "");
    return Json::parse(found.out, nullptr, false);
  }

  const ModelFolder model_;
  const std::string text_ = model_.file("text"), other_ = model_.file("other.gguf"),
                    base_ = model_.file("base");
};

TEST_F(PerplexityCommand, ReportAndJsonAgree) {
  const Arguments arguments = {"-m", model_.path(), "-f", text_, "-c", "32"};
  const Json report = json(arguments);
  const std::size_t tokens = report["tokens"];
  EXPECT_EQ(report["chunk"], 32);
  EXPECT_EQ(report["stride"], 0);
  EXPECT_EQ(report["chunks"], tokens / 32);
  EXPECT_EQ(report["scored"], tokens / 32 * 15);
  const double nll = report["nll"]["value"], value = report["perplexity"]["value"],
               error = report["perplexity"]["error"];
  EXPECT_NEAR(value, std::exp(nll), 1e-9 * value);
  EXPECT_GT(error, 0);
  EXPECT_FALSE(report.contains("kl"));
  char line[100];
  std::snprintf(line, sizeof line, "PPL = %.4f +/- %.5f\n", value, error);
  const Finished found = perplexity(arguments);
  EXPECT_TRUE(ended(found, 0));
  EXPECT_TRUE(contains(found.out, line)) << found.out;
  EXPECT_EQ(found.err, "");
  for (const Arguments& same : {Arguments{"-t", "1"}, {"-t", "3"}, {"--kernels", "portable"}}) {
    Arguments again = arguments;
    again.insert(again.end(), same.begin(), same.end());
    EXPECT_EQ(perplexity(again).out, found.out);
  }
  Arguments verbose = arguments;
  verbose.push_back("-v");
  EXPECT_TRUE(contains(perplexity(verbose).err, "chunk 2 of "));
  EXPECT_EQ(perplexity(verbose).out, found.out);
  EXPECT_EQ(perplexity({"-m", model_.path(), "-f", "-", "-c", "32"}, {.input = read_all(text_)}).out,
            found.out);
}

TEST_F(PerplexityCommand, WindowsChunksAndTypes) {
  const Json stride = json({"-m", model_.path(), "-f", text_, "-c", "32", "--stride", "8", "--chunks", "5"});
  EXPECT_EQ(stride["chunks"], 5);
  EXPECT_EQ(stride["scored"], 40);
  EXPECT_EQ(stride["stride"], 8);
  EXPECT_EQ(json({"-m", model_.path(), "-f", text_, "-c", "32", "--ppl-stride", "8", "--chunks", "5"}),
            stride);
  const Arguments plain = {"-m", model_.path(), "-f", text_, "-c", "32"};
  Arguments f16 = plain, f32 = plain;
  f16.insert(f16.end(), {"-ctk", "f16", "-ctv", "f16"});
  f32.insert(f32.end(), {"--cache-type", "f32"});
  EXPECT_EQ(json(f32), json(plain));
  EXPECT_NE(json(f16), json(plain));
}

TEST_F(PerplexityCommand, ComparesTwoModels) {
  const Finished saved =
      perplexity({"-m", model_.path(), "-f", text_, "-c", "32", "--chunks", "6", "--save-kl", base_});
  ASSERT_TRUE(ended(saved, 0));
  // Text, chunks and size of a chunk are those of the file.
  const Json self = json({"-m", model_.path(), "--kl-base", base_});
  EXPECT_EQ(self["chunks"], 6);
  EXPECT_EQ(self["kl"]["mean"]["value"], 0.0);
  EXPECT_EQ(self["kl"]["max"], 0.0);
  EXPECT_EQ(self["kl"]["same_top"]["value"], 1.0);
  EXPECT_EQ(self["kl"]["perplexity_ratio"]["value"], 1.0);
  const Json other = json({"-m", other_, "--kl-base", base_});
  EXPECT_GT(other["kl"]["mean"]["value"].get<double>(), 0.01);
  EXPECT_LT(other["kl"]["same_top"]["value"].get<double>(), 1.0);
  EXPECT_EQ(other["kl"]["base_perplexity"], self["perplexity"]);
  Json with_text = json({"-m", other_, "-f", text_, "--kl-base", base_});
  EXPECT_EQ(with_text["kl"], other["kl"]);
  const Finished report = perplexity({"-m", other_, "--kl-base", base_});
  for (const char* line : {"PPL = ", "PPL of the base ", "KL mean ", "KL 99.9 % ", "same top token "}) {
    EXPECT_TRUE(contains(report.out, line)) << report.out;
  }
}

TEST_F(PerplexityCommand, RefusesOtherBases) {
  ASSERT_TRUE(ended(perplexity({"-m", model_.path(), "-f", text_, "-c", "32", "--save-kl", base_}), 0));
  EXPECT_TRUE(
      ended(perplexity({"-m", model_.path(), "--kl-base", base_, "-c", "30"}), 1, "chunk: expected 30"));
  write_all(model_.file("else"), read_all(text_) + "another text");
  EXPECT_TRUE(ended(perplexity({"-m", model_.path(), "--kl-base", base_, "-f", model_.file("else")}), 0));
  write_all(model_.file("else"), "another " + read_all(text_));
  EXPECT_TRUE(ended(perplexity({"-m", model_.path(), "--kl-base", base_, "-f", model_.file("else")}), 1,
                    "another text"));
  std::string bytes = read_all(base_);
  bytes.resize(bytes.size() / 2);
  write_all(base_, bytes);
  EXPECT_TRUE(ended(perplexity({"-m", model_.path(), "--kl-base", base_}), 1, "cut short"));
  EXPECT_TRUE(ended(perplexity({"-m", model_.path(), "--kl-base", text_}), 1, "GARAMKL"));
  EXPECT_TRUE(ended(perplexity({"-m", model_.path(), "--kl-base", model_.file("missing")}), 1, "missing"));
}

TEST_F(PerplexityCommand, WrongUsage) {
  EXPECT_TRUE(ended(perplexity({"-m", model_.path()}), 2, "a text is needed: -f FILE"));
  EXPECT_TRUE(ended(perplexity({"-m", model_.path(), "-f", text_, "--chunks", "-1"}), 2, "--chunks"));
  EXPECT_TRUE(ended(perplexity({"-m", model_.path(), "-f", text_, "-c", "2"}), 1, "chunk: expected 3"));
  EXPECT_TRUE(
      ended(perplexity({"-m", model_.path(), "-f", text_, "-c", "32", "--stride", "32"}), 1, "stride"));
  write_all(model_.file("short"), "a hand");
  EXPECT_TRUE(ended(perplexity({"-m", model_.path(), "-f", model_.file("short")}), 1, "a longer text"));
}

TEST_F(PerplexityCommand, CtrlCEndsItWithoutAFile) {
  std::string text;
  for (int i = 0; i < 400; ++i) text += read_all(text_);
  write_all(text_, text);
  Program program;
  program.then = interrupt;
  const Finished found = perplexity(
      {"-m", model_.path(), "-f", text_, "-c", "64", "--stride", "1", "--save-kl", base_}, program);
  EXPECT_TRUE(ended(found, 130, "interrupted"));
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(base_).parent_path())) {
    EXPECT_FALSE(entry.path().filename().string().starts_with("base")) << entry.path();
  }
}

}  // namespace
}  // namespace garam::test
