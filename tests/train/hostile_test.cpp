// Configurations and data from strangers: a clear error naming file, place and what to do, and nothing
// written.
#include <gtest/gtest.h>

#include <functional>

#include "train/runs.h"

namespace garam::test {
namespace {

std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

bool has(const std::string& message, const std::string& part) {
  return message.find(part) != std::string::npos;
}

TEST(HostileTraining, Configurations) {
  const TempDir dir;
  const std::string path = dir.file("config.json");
  const struct {
    const char* text;
    const char* part;
  } kCases[] = {
      {"", "config.json"},
      {"[]", "object"},
      {"{\"model\": {}, \"stepz\": 3}", "stepz: unknown key"},
      {"{\"model\": {\"widht\": 3}}", "widht: unknown key"},
      {"{\"model\": {}, \"steps\": -1}", "steps"},
      {"{\"model\": {}, \"steps\": 0}", "steps"},
      {"{\"model\": {}, \"steps\": 1.5}", "steps"},
      {"{\"model\": {}, \"steps\": \"many\"}", "steps"},
      {"{\"model\": {}, \"batch\": 99999999999999999999}", "batch"},
      {"{\"model\": {\"layers\": -3}}", "layers"},
      {"{\"model\": {}, \"learning_rate\": 1e999}", "config.json"},
      {"{\"model\": {}, \"learning_rate\": -1}", "learning_rate"},
      {"{\"model\": {}, \"data\": [3]}", "data"},
      {"{\"model\": {}, \"lora\": {\"rank\": 0}}", "rank"},
      {"{\"model\": {}, \"held_out_share\": 1}", "held_out_share"},
      {"{\"model\": {}, \"model\": {}}", "model"},
      {"{}", "either model"},
  };
  for (const auto& c : kCases) {
    write_contents(path, c.text);
    const std::string message = refusal([&] { TrainConfig::read(path); });
    EXPECT_TRUE(has(message, c.part) && has(message, path)) << c.text << "\n" << message;
  }
  EXPECT_TRUE(has(refusal([&] { TrainConfig::read(dir.file("none.json")); }), "none.json"));
  EXPECT_TRUE(has(refusal([&] { TrainConfig::read(dir.path().string()); }), "folder"));
}

TEST(HostileTraining, NumbersThatDoNotGoTogether) {
  using Change = std::function<void(TrainConfig&)>;
  const struct {
    Change change;
    const char* part;
  } kCases[] = {
      {[](TrainConfig& c) { c.model.architecture = "gemma"; }, "expected llama, qwen2 or gpt2"},
      {[](TrainConfig& c) { c.model.heads = 5; }, "heads"},
      {[](TrainConfig& c) { c.model.heads = 0; }, "heads"},
      {[](TrainConfig& c) { c.model.kv_heads = 3; }, "kv_heads"},
      {[](TrainConfig& c) { c.model.head_dim = 7; }, "head_dim"},
      {[](TrainConfig& c) { c.model.layers = 0; }, "layers"},
      {[](TrainConfig& c) { c.model.width = std::size_t{1} << 60; }, "width"},
      {[](TrainConfig& c) { c.context = 0; }, "context"},
      {[](TrainConfig& c) { c.batch = std::size_t{1} << 40; }, "batch"},
      {[](TrainConfig& c) { c.steps = 0; }, "steps"},
      {[](TrainConfig& c) { c.micro_batch = 3; }, "micro_batch"},
      {[](TrainConfig& c) { c.schedule = "sideways"; }, "schedule"},
      {[](TrainConfig& c) { c.min_learning_rate = 1; }, "min_learning_rate"},
      {[](TrainConfig& c) { c.output.clear(); }, "output"},
      {[](TrainConfig& c) { c.data.clear(); }, "data"},
      {[](TrainConfig& c) { c.tokenizer.clear(); }, "tokenizer"},
      {[](TrainConfig& c) { c.lora = TrainLora{}; }, "base"},
      {[](TrainConfig& c) { c.type = "q9_9"; }, "q9_9"},
      {[](TrainConfig& c) { c.output = c.data[0] + "/model.gguf"; }, "text.txt/model.gguf"},
      {[](TrainConfig& c) { c.output += "/none/model.gguf"; }, "none/model.gguf"},
      {[](TrainConfig& c) { c.tokenizer = c.data[0]; }, "text.txt"},
  };
  for (const auto& c : kCases) {
    TinyRun run;
    run.config.steps = 1;
    c.change(run.config);
    const std::string message = refusal([&] { train(run.config); });
    EXPECT_TRUE(has(message, c.part)) << c.part << ": " << message;
    EXPECT_FALSE(std::filesystem::exists(run.dir.file("model.gguf")));
  }
}

TEST(HostileTraining, Data) {
  const struct {
    const char* name;
    std::string text;
    const char* part;
  } kCases[] = {
      {"empty.txt", "", "empty"},
      {"one.jsonl", "\n\n", "expected two tokens"},
      {"bad.jsonl", "{\"text\": \"good\"}\n{\"text\": ", "bad.jsonl:2"},
      {"number.jsonl", "{\"text\": 3}", "number.jsonl:1: text"},
      {"other.jsonl", "{\"story\": \"x\"}", "other.jsonl:1"},
      {"half.jsonl", "{\"prompt\": \"x\"}", "half.jsonl:1"},
      {"list.jsonl", "[1]", "list.jsonl:1"},
      {"long.jsonl", "{\"prompt\": \"" + sentences(4000) + "\", \"answer\": \"x\"}",
       "leaves none for the answer"},
      {"utf8.jsonl", "{\"text\": \"\xff\xfe\"}", "utf8.jsonl: byte 10"},
  };
  for (const auto& c : kCases) {
    TinyRun run;
    run.config.steps = 1;
    run.config.data = {run.dir.file(c.name)};
    std::string text = c.text;
    for (std::size_t at = 0; (at = text.find(".\n", at)) != text.npos;)
      text.replace(at, 2, ". ");  // one line
    write_contents(run.config.data[0], text);
    const std::string message = refusal([&] { train(run.config); });
    EXPECT_TRUE(has(message, c.part) && has(message, c.name)) << c.name << ": " << message;
  }
  TinyRun run;
  run.config.data = {run.dir.file("none.txt")};
  EXPECT_TRUE(has(refusal([&] { train(run.config); }), "none.txt"));
  run.config.data = {run.dir.path().string()};
  EXPECT_TRUE(has(refusal([&] { train(run.config); }), "folder"));
}

TEST(HostileTraining, TextThatIsNotUtf8NamesTheByte) {
  TinyRun run;
  write_contents(run.config.data[0], std::string(70, 'a') + "\xc3\xa9 \xff");
  EXPECT_TRUE(has(refusal([&] { train(run.config); }), "text.txt: byte 73: expected UTF-8, found 0xff"));
}

TEST(HostileTraining, AnyCharactersAreText) {
  TinyRun run;
  std::string bytes(10, '\0');
  bytes += "\x01\x7f\xc3\xa9\xe2\x80\x8b\xf0\x9f\xa6\x8a";
  bytes += std::string(3 << 20, 'a');  // a line without an end, longer than a block
  write_contents(run.config.data[0], bytes);
  run.config.steps = 2;
  EXPECT_FALSE(run.run().empty());
}

TEST(HostileTraining, ALossThatIsNotFiniteNamesTheLastCheckpoint) {
  TinyRun run;
  run.config.steps = 50;
  run.config.checkpoint_every = 2;
  run.config.warmup = 1;
  run.config.learning_rate = run.config.min_learning_rate = 1e3;
  run.config.weight_decay = 1e3;  // weights are multiplied by -1e6 a step
  run.config.clip = 0;
  const std::string message = refusal([&] { train(run.config); });
  EXPECT_TRUE(has(message, "not finite") && has(message, "learning_rate")) << message;
  const std::string checkpoint = run.config.output + ".checkpoint";
  EXPECT_EQ(has(message, checkpoint), std::filesystem::exists(checkpoint)) << message;
  EXPECT_FALSE(std::filesystem::exists(run.config.output));
}

TEST(HostileTraining, ModelsThatGaramDoesNotTrain) {
  const struct {
    TinyOptions options;
    const char* part;
  } kCases[] = {
      {{.architecture = "gemma2"}, "gemma2"},
      {{.experts = 4}, "mixtures"},
      {{.window = 32}, "windows"},
  };
  for (const auto& c : kCases) {
    TinyRun run;
    TinyOptions options = c.options;
    options.vocabulary = TinyVocabulary::kByteLevel;
    run.config.base = run.dir.file("base.gguf");
    TinyModel::make(options).write(run.config.base);
    const std::string message = refusal([&] { train(run.config); });
    EXPECT_TRUE(has(message, c.part) && has(message, "base.gguf")) << message;
  }
}

TEST(HostileTraining, BasesWithTensorsThatAreNotTheirs) {
  TinyRun run;
  run.config.base = run.dir.file("base.gguf");
  TinyOptions options;
  options.vocabulary = TinyVocabulary::kByteLevel;
  TinyModel model = TinyModel::make(options);
  model.drop("blk.1.ffn_up.weight");
  model.write(run.config.base);
  EXPECT_TRUE(has(refusal([&] { train(run.config); }), "blk.1.ffn_up.weight: missing"));
  model.add("blk.1.ffn_up.weight", "f32", {32, 32});
  model.write(run.config.base);
  EXPECT_TRUE(has(refusal([&] { train(run.config); }), "blk.1.ffn_up.weight: expected shape"));
}

}  // namespace
}  // namespace garam::test
