// Exit codes and messages: 0 done, 1 failed, 2 wrong usage; wrong values are refused before a model is read.
#include "cli/program.h"

namespace garam::test {
namespace {

using Arguments = std::vector<std::string>;

TEST(Usage, HelpAndVersionAreAnswers) {
  for (const Arguments& arguments : {Arguments{"--help"}, {"-h"}, {"help"}}) {
    const Finished found = garam_cli(arguments);
    EXPECT_TRUE(ended(found, 0));
    for (const char* command :
         {"generate", "tokenize", "detokenize", "inspect", "bench", "logits", "perplexity"}) {
      EXPECT_TRUE(contains(found.out, command)) << command;
      EXPECT_TRUE(contains(garam_cli({command, "--help"}).out, std::string("garam ") + command));
    }
    EXPECT_EQ(found.err, "");
  }
  const std::string version = garam_cli({"--version"}).out;
  EXPECT_TRUE(version.starts_with("garam ")) << version;
  EXPECT_EQ(garam_cli({"bench", "--version"}).out, version);
}

TEST(Usage, WrongCommandsAndOptions) {
  const ModelFolder model;
  const auto usage = [](const Arguments& arguments, std::string_view message) {
    const Finished found = garam_cli(arguments);
    EXPECT_TRUE(ended(found, 2, message));
    EXPECT_TRUE(contains(found.err, "--help`")) << found.err;
  };
  usage({}, "a command is needed");
  usage({"frobnicate"}, "frobnicate: unknown command");
  usage({"generate", "-m", model.path()}, "a prompt is needed");
  usage({"generate", "-m", model.path(), "-p", "x", "--bogus"}, "--bogus");
  usage({"generate", "-m", model.path(), "-p", "x", "-ngl", "3"}, "-ngl: unknown option");
  usage({"generate", "-m", model.path(), "-p", "x", "y"}, "TEXT");
  usage({"generate", "-m", model.path(), "-p", "x", "-f", "y"}, "--file");
  usage({"generate", "-p", "x", "-m"}, "--model");
  usage({"tokenize", "-m", model.path(), "x", "-p", "y"}, "--prompt");
  usage({"tokenize", "-m", model.path(), "--jsonl", "x"}, "--jsonl reads from");
  usage({"detokenize", "-m", model.path(), "1", "-f", "y"}, "--file");
  usage({"logits", "-m", model.path(), "--out", "x"}, "--tokens FILE is needed");
  usage({"logits", "-m", model.path(), "--tokens", "x"}, "--out FILE is needed");
}

TEST(Usage, WrongValues) {
  const ModelFolder model;
  const std::vector<std::pair<Arguments, const char*>> generate = {
      {{"-n", "-5"}, "--predict: expected a whole number from -1 to 9223372036854775807, found \"-5\""},
      {{"-n", "1e3"}, "--predict"},
      {{"-n", ""}, "--predict"},
      {{"-n", "99999999999999999999"}, "--predict"},
      {{"-t", "-2"}, "--threads: expected a whole number from -1 to 1024, found \"-2\""},
      {{"-t", "1025"}, "--threads"},
      {{"-t", "two"}, "--threads"},
      {{"-c", "-1"}, "--ctx-size: expected a whole number from 0 to 1073741824, found \"-1\""},
      {{"-c", "1073741825"}, "--ctx-size"},
      {{"-c", "99999999999999999999999999"}, "--ctx-size"},
      {{"-b", "0"}, "--batch-size"},
      {{"-ub", "0"}, "--ubatch-size"},
      {{"-ub", "65537"}, "--ubatch-size"},
      {{"-s", "-2"}, "--seed"},
      {{"--temp", "nan"}, "temperature: expected a finite number, found nan"},
      {{"--temp", "inf"}, "temperature"},
      {{"--temp", "warm"}, "--temp: expected a number, found \"warm\""},
      {{"--top-k", "-2"}, "top_k"},
      {{"--top-p", "1.5"}, "top_p"},
      {{"--min-p", "-0.1"}, "min_p"},
      {{"--repeat-penalty", "0"}, "repeat_penalty"},
      {{"--repeat-last-n", "-2"}, "repeat_last_n"},
      {{"-l", "5"}, "--logit-bias: expected ID+BIAS or ID-BIAS, found \"5\""},
      {{"-l", "+5"}, "--logit-bias"},
      {{"-l", "5+nan"}, "logit_bias"},
      {{"-l", "5+inf"}, "logit_bias"},
      {{"--kernels", "sse9"}, "--kernels: "},
      {{"-ctk", "f64"}, "--cache-type-k"},
      {{"-ctk", "f32", "-ctv", "f16"}, "--cache-type-k and --cache-type-v"},
      {{"--logprobs", "-1"}, "--logprobs"},
  };
  for (const auto& [arguments, message] : generate) {
    Arguments all = {"generate", "-m", "no-such-file", "-p", "x"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    EXPECT_TRUE(ended(garam_cli(all), 2, message));
  }
  for (const char* chunk : {"0", "-1", "x", "", "1x", "99999999999999999999"}) {
    EXPECT_TRUE(
        ended(garam_cli({"logits", "-m", model.path(), "--tokens", "x", "--out", "y", "--chunk", chunk}), 2,
              "--chunk: expected a number above 0 or all"));
  }
  for (const char* batch : {"0", "-1", "1,x", "", "5000"}) {
    EXPECT_TRUE(ended(garam_cli({"bench", "-m", model.path(), "-b", batch}), 2, "--batch"));
  }
  EXPECT_TRUE(ended(garam_cli({"bench", "-m", model.path(), "-n", "-1"}), 2, "--n-gen"));
  EXPECT_TRUE(ended(garam_cli({"bench", "-m", model.path(), "-r", "0"}), 2, "--repetitions"));
  EXPECT_TRUE(ended(garam_cli({"bench", "-m", model.path(), "-o", "xml"}), 2, "--output"));
}

TEST(Usage, NumbersAreDecimal) {
  const ModelFolder model;
  const Finished found = garam_cli({"generate", "-m", model.path(), "-p", "x", "--temp", "0", "-n", "010"});
  EXPECT_TRUE(ended(found, 0, "generated: 10 tokens"));
}

TEST(Usage, FilesThatAreNoModel) {
  const ModelFolder model;
  write_all(model.file("empty"), "");
  write_all(model.file("text"), "this is no model");
  const std::string whole = read_all(model.path());
  write_all(model.file("cut"), whole.substr(0, whole.size() / 2));
  const std::vector<std::pair<std::string, const char*>> files = {
      {model.file("missing"), "No such file"}, {model.file("empty"), "expected 4 bytes"},
      {model.file("text"), "magic"},           {model.file("cut"), "cut"},
      {model.file(""), "found a folder"},      {"/dev/null", "expected a regular file"},
  };
  for (const auto& [path, message] : files) {
    EXPECT_TRUE(ended(garam_cli({"generate", "-m", path, "-p", "x", "-n", "1"}), 1, message)) << path;
    EXPECT_TRUE(contains(garam_cli({"inspect", path}).err, path)) << "the file is not named";
    EXPECT_TRUE(ended(garam_cli({"bench", "-m", path}), 1));
  }
  // The header alone is whole here: these do not read weights.
  for (const auto& [path, message] : files) {
    if (path == model.file("cut")) continue;
    EXPECT_TRUE(ended(garam_cli({"tokenize", "-m", path, "x"}), 1, message)) << path;
    EXPECT_TRUE(ended(garam_cli({"inspect", path}), 1, message)) << path;
  }
  // What a name may not do to a terminal.
  const Finished found = garam_cli({"inspect", "\x1b[31m\xff"});
  EXPECT_TRUE(ended(found, 1, "\\x1b[31m\\xff"));
}

TEST(Usage, ModelsWithoutVocabulary) {
  const ModelFolder model({.vocabulary = TinyVocabulary::kNone});
  EXPECT_TRUE(ended(garam_cli({"generate", "-m", model.path(), "-p", "x"}), 1, "no vocabulary"));
  EXPECT_TRUE(ended(garam_cli({"tokenize", "-m", model.path(), "x"}), 1, "no vocabulary"));
  EXPECT_TRUE(ended(garam_cli({"bench", "-m", model.path(), "-p", "4", "-n", "2", "-r", "1"}), 0));
}

TEST(Usage, KernelsThatTheCpuHasAndLacks) {
  const ModelFolder model;
  const std::string sets = garam_cli({"--kernels"}).out;
  EXPECT_TRUE(sets.starts_with("portable\n")) << sets;
  EXPECT_EQ(garam_cli({"generate", "--kernels", "list"}).out, sets);
  for (const char* set : {"portable", "avx2", "avx512", "neon"}) {
    const bool has = contains(sets, std::string(set) + "\n");
    const Arguments arguments = {"generate", "-m", model.path(), "-p", "x", "-n", "1", "-v"};
    Arguments forced = arguments;
    forced.insert(forced.end(), {"--kernels", set});
    const std::string variable = std::string("GARAM_KERNELS=") + set;
    if (has) {
      EXPECT_TRUE(ended(garam_cli(forced), 0, std::string("kernels: ") + set));
      EXPECT_TRUE(
          ended(garam_cli(arguments, {.environment = {variable}}), 0, std::string("kernels: ") + set));
    } else {
      EXPECT_TRUE(ended(garam_cli(forced), 1, std::string("this CPU cannot run ") + set));
      EXPECT_TRUE(ended(garam_cli(arguments, {.environment = {variable}}), 1,
                        std::string("GARAM_KERNELS: this CPU cannot run ") + set));
    }
    // The argument comes first.
    forced.back() = "portable";
    EXPECT_TRUE(ended(garam_cli(forced, {.environment = {variable}}), 0, "kernels: portable"));
  }
  EXPECT_TRUE(ended(garam_cli({"bench", "-m", model.path()}, {.environment = {"GARAM_KERNELS=sse9"}}), 1,
                    "GARAM_KERNELS: expected one of auto, portable, avx2, avx512, neon, found \"sse9\""));
}

TEST(Usage, EnvironmentStandsInForOptions) {
  const ModelFolder model;
  const std::string variable = "GARAM_ARG_MODEL=" + model.path();
  const auto shown = [&](const Arguments& arguments, std::vector<std::string> environment) {
    Arguments all = {"generate", "-n", "0", "--display-prompt", "--log-disable"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    environment.push_back(variable);
    const Finished found = garam_cli(all, {.environment = environment});
    EXPECT_TRUE(ended(found, 0));
    return found.out;
  };
  EXPECT_EQ(shown({"here"}, {}), "here\n");
  EXPECT_EQ(shown({}, {"GARAM_ARG_PROMPT=there"}), "there\n");
  // An argument comes before the environment, however it is spelled.
  EXPECT_EQ(shown({"here"}, {"GARAM_ARG_PROMPT=there"}), "here\n");
  EXPECT_EQ(shown({"--", "-here"}, {"GARAM_ARG_PROMPT=there"}), "-here\n");
  EXPECT_EQ(shown({"-p", "here"}, {"GARAM_ARG_PROMPT=there"}), "here\n");
  EXPECT_EQ(shown({"-p", "here"}, {"GARAM_ARG_FILE=there"}), "here\n");
  for (const char* yes : {"1", "true", "on", "enabled"}) {
    EXPECT_EQ(shown({"a\\tb"}, {std::string("GARAM_ARG_ESCAPE=") + yes}), "a\tb\n") << yes;
  }
  for (const char* no : {"0", "false", "off", "disabled"}) {
    EXPECT_EQ(shown({"a\\tb"}, {std::string("GARAM_ARG_ESCAPE=") + no}), "a\\tb\n") << no;
  }
  EXPECT_TRUE(ended(garam_cli({"bench"}, {.environment = {variable, "GARAM_ARG_N_GEN=x"}}), 2, "--n-gen"));
}

}  // namespace
}  // namespace garam::test
