// tokenize, detokenize, inspect, bench, logits and convert: their formats, which other programs read.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/program.h"
#include "support/hf_files.h"
#include "support/shared.h"

namespace garam::test {
namespace {

using Arguments = std::vector<std::string>;

Json json_of(const Finished& found) {
  EXPECT_TRUE(ended(found, 0));
  return Json::parse(found.out, nullptr, false);
}

std::vector<std::string> keys_of(const Json& json) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : json.items()) keys.push_back(key);
  return keys;
}

TEST(Tokenize, ThereAndBack) {
  for (const TinyVocabulary vocabulary : {TinyVocabulary::kSentencePiece, TinyVocabulary::kByteLevel}) {
    const ModelFolder model({.vocabulary = vocabulary});
    for (const std::string text : {"the hand", "", "  two  spaces\n",
                                   "sm\xc3\xb8rrebr\xc3\xb8"
                                   "d \xe2\x82\xac"}) {
      const Finished ids = garam_cli({"tokenize", "-m", model.path(), text});
      ASSERT_TRUE(ended(ids, 0));
      EXPECT_EQ(ids.out.find_first_not_of("0123456789 \n"), std::string::npos) << ids.out;
      EXPECT_EQ(garam_cli({"tokenize", "-m", model.path(), "-p", text}).out, ids.out);
      EXPECT_EQ(garam_cli({"tokenize", "-m", model.path()}, {.input = text}).out, ids.out);
      EXPECT_EQ(garam_cli({"tokenize", "-m", model.path(), "-f", "-"}, {.input = text}).out, ids.out);
      const Finished back = garam_cli({"detokenize", "-m", model.path()}, {.input = ids.out});
      EXPECT_TRUE(ended(back, 0));
      EXPECT_EQ(back.out, text + "\n");
      write_all(model.file("ids"), ids.out);
      EXPECT_EQ(garam_cli({"detokenize", "-m", model.path(), "-f", model.file("ids")}).out, back.out);
    }
  }
}

TEST(Tokenize, ControlTokensOnRequest) {
  const ModelFolder model;
  const auto ids = [&](Arguments arguments) {
    arguments.insert(arguments.begin(), {"tokenize", "-m", model.path()});
    const Finished found = garam_cli(arguments);
    EXPECT_TRUE(ended(found, 0));
    return found.out;
  };
  EXPECT_EQ(ids({"--parse-special", "--no-bos", "</s>"}), "2\n");
  EXPECT_NE(ids({"--no-bos", "</s>"}), "2\n");
  EXPECT_TRUE(ids({"x"}).starts_with("1 "));
  EXPECT_EQ(ids({"x"}), "1 " + ids({"x", "--no-special"}));
  EXPECT_EQ(garam_cli({"detokenize", "-m", model.path(), "1", "2"}).out, "\n");
  EXPECT_EQ(garam_cli({"detokenize", "-m", model.path(), "[1, 2]", "--special"}).out, "<s></s>\n");
}

TEST(Tokenize, LinesOfJson) {
  const ModelFolder model;
  const Finished found =
      garam_cli({"tokenize", "-m", model.path(), "--jsonl"},
                {.input = "{\"text\": \"x\"}\n"
                          "\n"
                          "{\"text\": \"x\", \"add_special\": false}\r\n"
                          "{\"add_special\": false, \"parse_special\": true, \"text\": \"</s>\"}\n"
                          "{\"text\": \"a\\u0000\\n\", \"other\": [1]}\n"
                          "{\"text\": \"\", \"add_special\": false}"});
  ASSERT_TRUE(ended(found, 0));
  std::vector<Json> answers;
  std::istringstream lines(found.out);
  for (std::string line; std::getline(lines, line);) answers.push_back(Json::parse(line));
  ASSERT_EQ(answers.size(), 5u);
  for (const Json& answer : answers) EXPECT_EQ(keys_of(answer), std::vector<std::string>{"ids"});
  EXPECT_EQ(answers[0]["ids"][0], 1);
  EXPECT_EQ(answers[0]["ids"].size(), answers[1]["ids"].size() + 1);
  EXPECT_EQ(answers[2]["ids"], Json({2}));
  EXPECT_GT(answers[3]["ids"].size(), 3u);
  EXPECT_EQ(answers[4]["ids"], Json::array());
  write_all(model.file("lines"), "{\"text\": \"x\"}\n");
  EXPECT_EQ(
      Json::parse(garam_cli({"tokenize", "-m", model.path(), "--jsonl", "-f", model.file("lines")}).out),
      answers[0]);
}

TEST(Tokenize, LinesThatAreNoSuchJson) {
  const ModelFolder model;
  const std::string deep(200000, '[');
  for (const std::string line :
       {"x", "{", "{}", "[]", "\"text\"", "{\"text\": 5}", "{\"text\": \"\xff\"}", "{\"text\": \"\\ud800\"}",
        "{\"text\": \"x\", \"add_special\": \"no\"}", deep.c_str()}) {
    const Finished found = garam_cli({"tokenize", "-m", model.path(), "--jsonl"},
                                     {.input = "{\"text\": \"x\"}\n" + line + "\n"});
    EXPECT_EQ(found.code, 1);
    EXPECT_EQ(std::count(found.out.begin(), found.out.end(), '\n'), 1) << "the line before is answered";
    EXPECT_TRUE(found.err.starts_with("garam: line 2: expected {\"text\"")) << found.err;
  }
}

TEST(Detokenize, RefusesWhatIsNoId) {
  const ModelFolder model;
  const auto refused = [&](const char* ids, const char* message) {
    EXPECT_TRUE(ended(garam_cli({"detokenize", "-m", model.path()}, {.input = ids}), 1, message));
  };
  refused("1 x 2", "stdin: number 2: expected a token id, found \"x\"");
  refused("-1", "found -1");
  refused("99999", "found 99999");
  refused("99999999999999", "expected a token id");
  EXPECT_EQ(garam_cli({"detokenize", "-m", model.path()}).out, "\n");
}

TEST(Inspect, KeysTensorsAndMemory) {
  const ModelFolder model({.weights = "q8_0", .vocabulary = TinyVocabulary::kSentencePiece});
  const Finished text = garam_cli({"inspect", "-m", model.path()});
  ASSERT_TRUE(ended(text, 0));
  EXPECT_EQ(garam_cli({"inspect", model.path()}).out, text.out);
  for (const char* part :
       {"architecture  llama", "memory ", "general.architecture", "blk.1.attn_q.weight", "q8_0", "64 x 64"}) {
    EXPECT_TRUE(contains(text.out, part)) << part << " is missing in\n" << text.out;
  }
  const Json json = json_of(garam_cli({"inspect", model.path(), "--json", "-c", "100"}));
  EXPECT_EQ(json["file_bytes"], read_all(model.path()).size());
  EXPECT_EQ(json["layers"], 2);
  EXPECT_EQ(json["memory"]["kv_context"], 100);
  EXPECT_EQ(json["memory"]["kv"], 2 * json["memory"]["kv_per_page"].get<std::uint64_t>());
  EXPECT_EQ(json["memory"]["kv_type"], "f16");
  EXPECT_GT(json["memory"]["weights"], 0);
  const auto kv_of = [&](const char* type) {
    return json_of(garam_cli(
        {"inspect", model.path(), "--json", "-c", "100", "--cache-type", type}))["memory"]["kv"]
        .get<std::uint64_t>();
  };
  EXPECT_EQ(kv_of("f32"), 2 * kv_of("f16"));
  // Heads of 16 dimensions: 16 bytes and a scale of 2 instead of 32 bytes.
  EXPECT_EQ(kv_of("q8_0") * 16, kv_of("f16") * 9);
  EXPECT_FALSE(json["tensors"].empty());
}

TEST(Inspect, SaysThatAWindowIsHonoured) {
  const ModelFolder whole, all({.window = 30}), some({.architecture = "gemma2", .layers = 3, .window = 30});
  EXPECT_FALSE(contains(garam_cli({"inspect", whole.path()}).out, "honoured"));
  EXPECT_TRUE(
      contains(garam_cli({"inspect", all.path()}).out, "window        30 tokens in 2 of 2 layers: honoured"));
  EXPECT_TRUE(contains(garam_cli({"inspect", some.path()}).out,
                       "window        30 tokens in 2 of 3 layers: honoured"));
  const Json json = json_of(garam_cli({"inspect", some.path(), "--json"}));
  EXPECT_EQ(json["window"], 30);
  EXPECT_EQ(json["window_layers"], 2);
}

TEST(Score, LabelsAndTheirScores) {
  const ModelFolder model({.architecture = "qwen3", .scores = 2, .vocabulary = TinyVocabulary::kByteLevel});
  const Finished found = garam_cli({"score", "-m", model.path(), "-p", "some text"});
  ASSERT_TRUE(ended(found, 0));
  std::istringstream lines(found.out);
  std::string first, second;
  double a = 0, b = 0;
  ASSERT_TRUE(std::getline(lines, first, '\t') >> a);
  lines.ignore();
  ASSERT_TRUE(std::getline(lines, second, '\t') >> b);
  EXPECT_EQ(first + second, "label 0label 1");
  EXPECT_NEAR(a + b, 1, 1e-6);
  EXPECT_EQ(garam_cli({"score", "-m", model.path(), "-f", "-"}, {.input = "some text"}).out, found.out);
  EXPECT_TRUE(ended(garam_cli({"score", "-m", model.path()}), 2, "a text is needed"));
  const ModelFolder plain({.vocabulary = TinyVocabulary::kByteLevel});
  EXPECT_TRUE(ended(garam_cli({"score", "-m", plain.path(), "-p", "x"}), 1, "classification head"));
}

TEST(Bench, AtADepth) {
  const ModelFolder model;
  const Json json = json_of(garam_cli({"bench", "-m", model.path(), "-p", "20", "-n", "3", "-b", "2", "-d",
                                       "70", "-ctk", "q8_0", "-ctv", "q8_0", "-r", "2", "-o", "json"}));
  ASSERT_EQ(json["results"].size(), 2u);
  EXPECT_EQ(json["results"][0]["test"], "pp20 @ d70");
  EXPECT_EQ(json["results"][1]["test"], "tg3@2 @ d70");
}

TEST(Bench, JsonWithTheseKeys) {
  const ModelFolder model;
  const Json json = json_of(garam_cli(
      {"bench", "-m", model.path(), "-p", "20", "-n", "3", "-b", "1,4", "-t", "2", "-r", "2", "-o", "json"}));
  EXPECT_EQ(keys_of(json), (std::vector<std::string>{"model", "size_bytes", "threads", "kernels",
                                                     "load_seconds", "peak_rss_bytes", "results"}));
  EXPECT_EQ(json["model"], model.path());
  EXPECT_EQ(json["size_bytes"], read_all(model.path()).size());
  EXPECT_EQ(json["threads"], 2);
  EXPECT_TRUE(json["kernels"].is_string());
  EXPECT_GT(json["load_seconds"], 0.0);
  EXPECT_GT(json["peak_rss_bytes"], 100000);
  std::vector<std::string> tests;
  for (const Json& result : json["results"]) {
    EXPECT_EQ(keys_of(result), (std::vector<std::string>{"test", "tokens_per_second", "stddev"}));
    EXPECT_GT(result["tokens_per_second"], 0.0);
    EXPECT_GE(result["stddev"], 0.0);
    tests.push_back(result["test"]);
  }
  EXPECT_EQ(tests, (std::vector<std::string>{"pp20", "tg3", "tg3@4"}));
}

TEST(Bench, TableAndDefaults) {
  const ModelFolder model;
  const Finished found = garam_cli({"bench", "-m", model.path(), "-r", "1"});
  ASSERT_TRUE(ended(found, 0));
  EXPECT_TRUE(contains(found.out, "\n| pp256 | ")) << found.out;
  EXPECT_TRUE(contains(found.out, "\n| tg32 | ")) << found.out;
  const Json json =
      json_of(garam_cli({"bench", "-m", model.path(), "-p", "0", "-n", "2", "-r", "1", "-o", "json"}));
  EXPECT_EQ(json["results"].size(), 1u);
  EXPECT_EQ(json["results"][0]["stddev"], 0.0);
}

class Logits : public testing::Test {
 protected:
  static constexpr std::size_t kTokens = 70, kVocab = 67;

  Logits() {
    std::string text;
    for (const std::int32_t token : tiny_tokens(kTokens, kVocab)) text += std::to_string(token) + "\n";
    write_all(model_.file("tokens"), text);
  }
  Finished compute(Arguments more) {
    more.insert(more.begin(), {"logits", "-m", model_.path(), "--tokens", model_.file("tokens"), "--out",
                               model_.file("out.f32")});
    return garam_cli(more);
  }
  std::string bits(Arguments more) {
    const Finished found = compute(std::move(more));
    EXPECT_TRUE(ended(found, 0));
    EXPECT_EQ(found.out, "");
    return read_all(model_.file("out.f32"));
  }

  ModelFolder model_{TinyOptions{.weights = "mixed", .vocab = kVocab}};
};

TEST_F(Logits, SameBitsForEveryChunkThreadAndKernelSet) {
  const std::string expected = bits({});
  ASSERT_EQ(expected.size(), kTokens * kVocab * sizeof(float));
  for (std::size_t i = 0; i < kTokens * kVocab; ++i) {
    float logit = 0;
    std::memcpy(&logit, &expected[i * sizeof(float)], sizeof logit);
    ASSERT_LT(std::abs(logit), 1e6f) << "not plausible, or not finite";
  }
  std::istringstream sets(garam_cli({"--kernels"}).out);
  for (std::string set; std::getline(sets, set);) {
    for (const char* threads : {"1", "2", "3"}) {
      EXPECT_EQ(bits({"--kernels", set, "-t", threads, "--chunk", "all"}), expected) << set << threads;
    }
    for (const char* chunk : {"1", "3", "16", "64", "1000000"}) {
      EXPECT_EQ(bits({"--kernels", set, "--chunk", chunk}), expected) << set << ", chunks of " << chunk;
    }
  }
  EXPECT_EQ(bits({"-c", "1000"}), expected);
  EXPECT_EQ(bits({"--cache-type", "f16"}), expected);
  const std::string precise = bits({"--cache-type", "f32"});
  const std::string small = bits({"--cache-type", "q8_0"});
  EXPECT_NE(small, expected);
  EXPECT_EQ(bits({"-ctk", "q8_0", "-ctv", "q8_0", "--chunk", "7"}), small);
  EXPECT_NE(precise, expected);
  EXPECT_EQ(bits({"-ctk", "f32", "-ctv", "f32", "--chunk", "5"}), precise);
  EXPECT_EQ(garam_cli({"logits", "-m", model_.path(), "--tokens", model_.file("tokens"), "--out", "-"}).out,
            expected);
}

TEST_F(Logits, AFileAppearsWholeOrNotAtAll) {
  write_all(model_.file("out.f32"), "older");
  const auto refused = [&](Arguments arguments, const char* message) {
    EXPECT_TRUE(ended(compute(std::move(arguments)), 1, message));
    EXPECT_EQ(read_all(model_.file("out.f32")), "older");
  };
  refused({"-c", "5"}, "context full");
  refused({"--kernels", "avx2", "-m", model_.file("missing")}, "");
  for (const char* tokens : {"", " \n", "1 2 x", "1 67", "1 -1", "1 99999999999"}) {
    write_all(model_.file("tokens"), tokens);
    refused({}, "");
  }
  std::filesystem::remove(model_.file("tokens"));
  refused({}, "tokens: No such file");
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(model_.file(""))) ++files;
  EXPECT_EQ(files, 2u) << "more than the model and the older file";
}

TEST_F(Logits, GoThroughLinks) {
  const std::string expected = bits({});
  write_all(model_.file("target"), "older");
  std::filesystem::remove(model_.file("out.f32"));
  std::filesystem::create_symlink("target", model_.file("out.f32"));
  EXPECT_EQ(bits({}), expected);
  EXPECT_TRUE(std::filesystem::is_symlink(model_.file("out.f32")));
  EXPECT_EQ(read_all(model_.file("target")), expected);
}

TEST_F(Logits, SameBitsFromThePackCache) {
  const std::string expected = bits({});
  const std::string folder = model_.file("cache");
  const auto files = [&] {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) found.push_back(entry.path());
    return found;
  };
  EXPECT_EQ(bits({"--pack-cache", folder}), expected);
  ASSERT_EQ(files().size(), 1u);
  const std::string cache = files().front();
  const auto written = std::filesystem::last_write_time(cache);
  EXPECT_EQ(bits({"--pack-cache", folder}), expected);
  EXPECT_EQ(bits({"--pack-cache", folder, "--check-tensors"}), expected);
  EXPECT_EQ(bits({"--check-tensors"}), expected);
  EXPECT_EQ(std::filesystem::last_write_time(cache), written) << "not written again";
  std::string damaged = read_all(cache);
  damaged.back() ^= 1;
  write_all(cache, damaged);
  EXPECT_EQ(bits({"--pack-cache", folder, "--check-tensors"}), expected);
  damaged.back() ^= 1;
  EXPECT_EQ(read_all(cache), damaged);
  write_all(cache, "garbage");
  EXPECT_EQ(bits({"--pack-cache", folder}), expected);
  EXPECT_EQ(files(), std::vector{cache});
}

TEST_F(Logits, WithoutAPackCacheThatCannotBeWritten) {
  const std::string expected = bits({});
  const Finished found = compute({"--pack-cache", model_.path()});
  EXPECT_TRUE(ended(found, 0, "garam: pack cache: "));
  EXPECT_TRUE(ended(found, 0, "loaded without it"));
  EXPECT_EQ(read_all(model_.file("out.f32")), expected);
}

TEST(PackCache, OfAllCommandsThatLoad) {
  const ModelFolder model(TinyOptions{.vocabulary = TinyVocabulary::kByteLevel});
  const std::string variable = "GARAM_ARG_PACK_CACHE=" + model.file("cache");
  const Arguments generate = {"generate", "-m", model.path(), "-p", "in the", "-n", "8", "-s", "3"};
  const std::string expected = garam_cli(generate).out;
  EXPECT_NE(expected, "");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(garam_cli(generate, {.environment = {variable}}).out, expected);
    EXPECT_TRUE(ended(garam_cli({"bench", "-m", model.path(), "-p", "4", "-n", "0", "-r", "1"},
                                {.environment = {variable}}),
                      0));
  }
  EXPECT_TRUE(std::filesystem::exists(model.file("cache")));
}

/// Of the model in the program, which is used where there is no -m.
TEST(LogitsOfARealModel, SameBitsForEveryChunkThreadAndKernelSet) {
  const TempDir dir;
  std::string text;
  for (const std::int32_t token : tiny_tokens(80, 3072)) text += std::to_string(token) + " ";
  write_all(dir.file("tokens"), text);
  std::string expected;
  std::istringstream sets(garam_cli({"--kernels"}).out);
  for (std::string set; std::getline(sets, set);) {
    for (const char* threads : {"1", "2", "3"}) {
      for (const char* chunk : {"1", "3", "16", "64", "all"}) {
        const Finished found = garam_cli({"logits", "--tokens", dir.file("tokens"), "--out", dir.file("out"),
                                          "--kernels", set, "-t", threads, "--chunk", chunk});
        ASSERT_TRUE(ended(found, 0));
        const std::string bits = read_all(dir.file("out"));
        if (expected.empty()) expected = bits;
        ASSERT_EQ(bits.size(), 80u * 3072u * sizeof(float));
        ASSERT_TRUE(bits == expected) << set << ", " << threads << " threads, chunks of " << chunk;
      }
    }
  }
}

TEST(StoryModel, IsThereWithoutAFile) {
  EXPECT_EQ(garam_cli({"inspect"}).out, garam_cli({"inspect", "-m", GARAM_STORY_MODEL}).out);
  const std::string story = garam_cli({"generate", "Once upon a time", "-s", "1", "--log-disable"}).out;
  EXPECT_GT(story.size(), 100u);
  EXPECT_EQ(
      story,
      garam_cli({"generate", "-m", GARAM_STORY_MODEL, "Once upon a time", "-s", "1", "--log-disable"}).out);
  const std::string ids = garam_cli({"tokenize", "Once upon a time"}).out;
  EXPECT_EQ(ids, garam_cli({"tokenize", "-m", GARAM_STORY_MODEL, "Once upon a time"}).out);
}

/// The README's example, as it is.
TEST(Minimal, GeneratesText) {
  const ModelFolder model;
  const Finished found = run({.path = GARAM_MINIMAL}, {model.path()});
  EXPECT_EQ(found.code, 0) << found.err;
  EXPECT_GT(found.out.size(), 64u);
  EXPECT_EQ(found.err, "");
  EXPECT_EQ(run({.path = GARAM_MINIMAL}, {model.path()}).out, found.out);
  const Finished missing = run({.path = GARAM_MINIMAL}, {model.file("missing")});
  EXPECT_EQ(missing.code, 1);
  EXPECT_TRUE(contains(missing.err, "missing: cannot be opened")) << missing.err;
}

TEST(Convert, AFolderComputesAsTheFileThatItBecomes) {
  const TempDir dir;
  HfFiles::make(TinyModel::make({.vocabulary = TinyVocabulary::kSentencePiece})).write(dir.path().string());
  const std::string folder = dir.path().string(), file = dir.file("out.gguf");
  const Finished converted = garam_cli({"convert", folder, file});
  ASSERT_TRUE(ended(converted, 0));
  EXPECT_EQ(converted.out + converted.err, "") << "the bar is for terminals";
  const auto generated = [](const std::string& model) {
    const Finished found = garam_cli({"generate", "-m", model, "-p", "the hand", "-n", "8", "--temp", "0"});
    EXPECT_TRUE(ended(found, 0));
    return found.out;
  };
  EXPECT_EQ(generated(folder), generated(file));
  EXPECT_EQ(garam_cli({"tokenize", "-m", folder, "the hand"}).out,
            garam_cli({"tokenize", "-m", file, "the hand"}).out);
  EXPECT_TRUE(ended(garam_cli({"convert", folder, dir.file("q8.gguf"), "--type", "q8_0"}), 0));
  EXPECT_LT(std::filesystem::file_size(dir.file("q8.gguf")), std::filesystem::file_size(file));
  EXPECT_TRUE(ended(garam_cli({"convert", folder}), 2));
  EXPECT_TRUE(ended(garam_cli({"convert", folder, file, "--type", "q4_9"}), 2));
  EXPECT_TRUE(ended(garam_cli({"convert", dir.file("nothing"), file}), 1));
}

}  // namespace
}  // namespace garam::test
