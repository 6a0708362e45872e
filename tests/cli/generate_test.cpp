// garam generate: the same text however it is asked for, and everything that ends it. What the text must be
// is decided by the tests of models; here by the program itself, told differently.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/program.h"
#include "support/shared.h"

namespace garam::test {
namespace {

using Arguments = std::vector<std::string>;
using Json = nlohmann::json;

/// Of a deterministic run; ends the test where that fails.
std::string text_of(Arguments arguments, const Program& program = {}) {
  arguments.insert(arguments.begin(), "generate");
  const Finished found = garam_cli(arguments, program);
  EXPECT_TRUE(ended(found, 0));
  return found.out;
}

TEST(Generate, ThePromptFromEverywhere) {
  const ModelFolder model;
  write_all(model.file("prompt"), "on the\n");
  const Arguments common = {"-m", model.path(), "-n", "8", "--temp", "0"};
  const auto with = [&](Arguments arguments, std::string input = "") {
    arguments.insert(arguments.end(), common.begin(), common.end());
    return text_of(arguments, {.input = std::move(input)});
  };
  const std::string expected = with({"-p", "on the"});
  EXPECT_GT(expected.size(), 8u);
  EXPECT_EQ(with({"on the"}), expected);
  EXPECT_EQ(with({"--prompt=on the"}), expected);
  EXPECT_EQ(with({"-f", model.file("prompt")}), expected);
  EXPECT_EQ(with({"-f", "-"}, "on the"), expected);
  EXPECT_EQ(with({"-e", "on\\x20the"}), expected);
  EXPECT_EQ(with({"-p", "on the", "--display-prompt"}), "on the" + expected);
  // Nothing but BOS, which is not nothing.
  EXPECT_EQ(with({"-p", ""}), with({"--prompt="}));
  EXPECT_NE(with({"-p", ""}), expected);
  // Texts that a parser of options might take for something else.
  for (const std::string prompt : {"{}", "[]", "[a,b]", "\"\"", "%%", "a=b", "-x", "--n", "-n", "--"}) {
    EXPECT_EQ(text_of({"-m", model.path(), "-n", "0", "--display-prompt", "-p", prompt}), prompt + "\n");
    EXPECT_EQ(text_of({"-m", model.path(), "-n", "0", "--display-prompt", "--", prompt}), prompt + "\n");
  }
  EXPECT_TRUE(
      ended(garam_cli({"generate", "-m", model.path(), "-f", model.file("missing")}), 1, "missing: No such"));
}

TEST(Generate, TheSeedDecidesAndNothingElse) {
  const ModelFolder model;
  const Arguments common = {"-m", model.path(), "-p", "the", "-n", "40", "--top-k", "0", "--top-p", "1"};
  const auto with = [&](Arguments arguments) {
    arguments.insert(arguments.end(), common.begin(), common.end());
    return text_of(arguments);
  };
  const std::string expected = with({"-s", "7"});
  EXPECT_EQ(with({"--seed", "7", "-t", "1"}), expected);
  EXPECT_EQ(with({"-s", "7", "--kernels", "portable", "-t", "3", "-b", "1"}), expected);
  EXPECT_EQ(with({"-s", "7", "-c", "1000", "-ub", "2", "-no-cnv"}), expected);
  EXPECT_NE(with({"-s", "8"}), expected);
  // A random seed is told, and gives the same text again.
  Arguments random = {"generate"};
  random.insert(random.end(), common.begin(), common.end());
  const Finished first = garam_cli(random);
  ASSERT_TRUE(first.err.starts_with("seed: ")) << first.err;
  EXPECT_EQ(with({"-s", first.err.substr(6, first.err.find('\n') - 6)}), first.out);
  EXPECT_NE(garam_cli(random).out, first.out);
}

TEST(Generate, EndsWhereItWasToldTo) {
  const ModelFolder model;
  const Arguments common = {"generate", "-m", model.path(), "-p", "the", "-s", "3"};
  const auto with = [&](Arguments arguments) {
    arguments.insert(arguments.begin(), common.begin(), common.end());
    return garam_cli(arguments);
  };
  EXPECT_TRUE(ended(with({"-n", "5"}), 0, "generated: 5 tokens"));
  EXPECT_TRUE(ended(with({"-n", "5"}), 0, "stopped: max-tokens"));
  EXPECT_EQ(with({"-n", "0"}).out, "\n");
  // BOS and the prompt, then what fits; the last token is never fed.
  const Finished full = with({"-c", "20", "--ignore-eos"});
  EXPECT_TRUE(ended(full, 0, "stopped: context-full"));
  EXPECT_EQ(with({"-c", "20", "--ignore-eos", "-n", "-1"}).out, full.out);
  const Finished more = with({"-c", "20", "--ignore-eos", "-n", "50"});
  EXPECT_EQ(more.code, 1) << "a number of tokens that does not fit is an error";
  EXPECT_EQ(more.out, full.out) << "what was generated before it is kept";
  EXPECT_TRUE(contains(more.err, "context full")) << more.err;
  EXPECT_TRUE(ended(with({"-c", "1", "-n", "5"}), 1, "context full"));
  // EOS is token 2: make it come.
  EXPECT_TRUE(ended(with({"-l", "2+1000"}), 0, "stopped: end-of-generation"));
  EXPECT_EQ(with({"-l", "2+1000"}).out, "\n");
  EXPECT_EQ(with({"-l", "2+1000", "--special"}).out, "\n");
  EXPECT_FALSE(contains(with({"-l", "2+1000", "--ignore-eos", "-n", "5"}).err, "end-of-generation"));
}

TEST(Generate, StopStringsAcrossTokens) {
  const ModelFolder model;
  // The letters a to z are tokens of their own; only x and y may come, each a token.
  Arguments arguments = {"generate", "-m",     model.path(), "-p",           "the", "-s",
                         "3",        "-n",     "200",        "--top-k",      "2",   "--min-p",
                         "0",        "--temp", "3",          "--log-disable"};
  const Finished ids = garam_cli({"tokenize", "-m", model.path(), "--no-bos", "qxyyx"});
  ASSERT_TRUE(ended(ids, 0));
  const std::size_t last = ids.out.find_last_not_of(" \n");
  const std::string x = ids.out.substr(ids.out.rfind(' ', last) + 1, last - ids.out.rfind(' ', last));
  const std::string y = std::to_string(std::stoi(x) + 1);
  arguments.insert(arguments.end(), {"-l", x + "+1000", "-l", y + "+1000"});
  const std::string whole = garam_cli(arguments).out;
  ASSERT_EQ(whole.size(), 201u) << whole;
  ASSERT_EQ(whole.find_first_not_of("xy"), 200u) << whole;
  for (const std::string stop : {"yyxx", "xyxyx", "yy", "xxyyx"}) {
    ASSERT_TRUE(contains(whole, stop)) << whole << ": choose another seed";
    Arguments stopped = arguments;
    stopped.insert(stopped.end(), {"-r", "never", "-r", stop});
    EXPECT_EQ(garam_cli(stopped).out, whole.substr(0, whole.find(stop)) + "\n");
    stopped.back() = "\\x" + std::string(stop[0] == 'x' ? "78" : "79") + stop.substr(1);
    stopped.push_back("-e");
    EXPECT_EQ(garam_cli(stopped).out, whole.substr(0, whole.find(stop)) + "\n");
  }
  EXPECT_EQ(garam_cli({"generate", "-m", model.path(), "-p", "the", "-r", ""}).code, 1);
}

TEST(Generate, LogProbabilitiesAsJson) {
  const ModelFolder model;
  const Finished found = garam_cli({"generate", "-m", model.path(), "-p", "the", "-n", "6", "--temp", "0",
                                    "--logprobs", "3", "--no-timings"});
  ASSERT_TRUE(ended(found, 0));
  std::istringstream lines(found.err);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    const Json json = Json::parse(line);
    ASSERT_EQ(json.at("top").size(), 3u);
    EXPECT_EQ(json.at("top")[0].at("id"), json.at("id")) << "greedy, so the first";
    EXPECT_EQ(json.at("top")[0].at("logprob"), json.at("logprob"));
    EXPECT_LE(json.at("top")[1].at("logprob"), json.at("logprob"));
    EXPECT_LT(json.at("logprob"), 0.0);
  }
  EXPECT_EQ(count, 6u);
}

TEST(Generate, ThePromptsTokensOnRequest) {
  const ModelFolder model;
  const Finished found =
      garam_cli({"generate", "-m", model.path(), "-p", "the", "-n", "0", "--verbose-prompt"});
  EXPECT_TRUE(ended(found, 0, "prompt: 2 tokens\n       1  \"<s>\"\n"));
  EXPECT_TRUE(contains(found.err, "\" the\"")) << found.err;
}

/// The 260 thousand parameters of a real model, greedily, as llama2.c and llama.cpp write them.
TEST(Generate, TheStoriesOfARealModel) {
  const auto path = shared_path("models/stories260K.gguf");
  const auto expected = shared_path("models/stories260K.expected.txt");
  const auto table = shared_path("models/stories260K.greedy.tsv");
  if (!path || !expected || !table) GTEST_SKIP() << "SKIPPED: " << shared_missing("models/stories260K.gguf");
  for (const char* kernels : {"auto", "portable"}) {
    EXPECT_EQ(text_of({"-m", *path, "-p", "", "--temp", "0", "-n", "200", "--kernels", kernels}),
              read_all(*expected) + "\n");
  }
  std::istringstream lines(read_all(*table));
  std::string line;
  std::getline(lines, line);
  std::size_t prompts = 0;
  for (; std::getline(lines, line); ++prompts) {
    const std::string prompt = line.substr(0, line.find('\t')), ids = line.substr(line.find('\t') + 1);
    const auto count = 1 + std::count(ids.begin(), ids.end(), ' ');
    const Finished found = garam_cli({"generate", "-m", *path, "-p", prompt, "--temp", "0", "-n",
                                      std::to_string(count), "--logprobs", "0", "--no-timings"});
    ASSERT_TRUE(ended(found, 0));
    std::istringstream tokens(found.err);
    std::string generated;
    for (std::string token; std::getline(tokens, token);) {
      generated += (generated.empty() ? "" : " ") + Json::parse(token).at("id").dump();
    }
    EXPECT_EQ(generated, ids) << prompt;
  }
  EXPECT_EQ(prompts, 3u);
}

}  // namespace
}  // namespace garam::test
