// Loading: what a model says about itself, progress, cancelling, and files that are not there.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "model/harness.h"

namespace garam::test {
namespace {

TEST(Load, SaysWhatTheFileSays) {
  const TinyOptions options{.weights = "q8_0", .vocabulary = TinyVocabulary::kSentencePiece};
  const TinyModel tiny = TinyModel::make(options);
  const TinyFile file(tiny);
  const Model model = Model::load(file.path(), {.threads = 2});
  EXPECT_EQ(model.threads(), 2u);
  const ModelInfo& info = model.info();
  EXPECT_EQ(info.architecture, "llama");
  EXPECT_EQ(info.name, "tiny random weights");
  EXPECT_EQ(info.file_bytes, std::filesystem::file_size(file.path()));
  EXPECT_EQ(info.context, 1024u);
  EXPECT_EQ(info.width, 64u);
  EXPECT_EQ(info.layers, 2u);
  EXPECT_EQ(info.heads, 4u);
  EXPECT_EQ(info.kv_heads, 2u);
  EXPECT_EQ(info.head_dim, 16u);
  EXPECT_EQ(info.hidden, 96u);
  EXPECT_EQ(info.vocab, model.tokenizer().size());
  ASSERT_EQ(info.tensors.size(), tiny.tensors.size());
  std::uint64_t parameters = 0, bytes = 0;
  for (std::size_t i = 0; i < tiny.tensors.size(); ++i) {
    const TinyTensor& expected = tiny.tensors[i];
    EXPECT_EQ(info.tensors[i].name, expected.name);
    EXPECT_EQ(info.tensors[i].shape, expected.shape);
    EXPECT_EQ(info.tensors[i].bytes, expected.data.size());
    EXPECT_EQ(info.tensors[i].type, expected.type == 0 ? "f32" : "q8_0");
    std::uint64_t values = 1;
    for (const std::uint64_t dimension : expected.shape) values *= dimension;
    parameters += values;
    bytes += expected.data.size();
  }
  EXPECT_EQ(info.parameters, parameters);
  EXPECT_GT(info.weight_bytes, bytes / 2);
  EXPECT_LT(info.weight_bytes, bytes * 2) << "rows of tiny matrices are padded to panels of 32";
  ASSERT_EQ(info.keys.size(), tiny.keys.size());
  for (std::size_t i = 0; i < tiny.keys.size(); ++i) EXPECT_EQ(info.keys[i].first, tiny.keys[i].first);
  EXPECT_NE(model.kernel_description().find("q8_0"), std::string::npos) << model.kernel_description();
  EXPECT_NE(model.kernel_description().find(to_string(model.kernels())), std::string::npos);
}

TEST(Load, InspectSaysTheSameWithoutWeights) {
  const TinyFile file(TinyOptions{.architecture = "gpt2", .vocabulary = TinyVocabulary::kByteLevel});
  const Model model = Model::load(file.path(), {.threads = 1});
  const ModelInfo info = inspect(file.path());
  EXPECT_EQ(info.keys, model.info().keys);
  EXPECT_EQ(info.weight_bytes, model.info().weight_bytes);
  EXPECT_EQ(info.kv_bytes_per_page, model.info().kv_bytes_per_page);
  EXPECT_EQ(info.vocab, model.info().vocab);
  EXPECT_EQ(info.context, model.info().context);
}

TEST(Load, FromMemoryTheSame) {
  const TinyFile file(TinyOptions{.architecture = "gpt2", .vocabulary = TinyVocabulary::kByteLevel});
  const auto read_all = [&] {
    std::ifstream in(file.path(), std::ios::binary);
    return std::string{std::istreambuf_iterator<char>(in), {}};
  };
  std::string bytes = read_all();
  const Model model = Model::load(file.path(), {.threads = 1});
  const auto in_memory = [&] { return ModelBytes{std::as_bytes(std::span(bytes)), "embedded.gguf"}; };
  const Model copy = Model::load(in_memory(), {.threads = 1});
  EXPECT_EQ(copy.fingerprint(), model.fingerprint());
  EXPECT_EQ(inspect(in_memory()).keys, model.info().keys);
  EXPECT_EQ(inspect(in_memory()).file_bytes, bytes.size());
  const std::vector<std::int32_t> ids = load_tokenizer(in_memory()).encode("in the hand");
  EXPECT_EQ(ids, model.tokenizer().encode("in the hand"));
  bytes.assign(bytes.size(), 'x');  // nothing depends on them any more
  Session one(model), other(copy);
  one.prefill(ids);
  other.prefill(ids);
  EXPECT_TRUE(std::ranges::equal(one.logits(), other.logits()));

  bytes = read_all().substr(0, bytes.size() / 2);
  std::string message;
  EXPECT_EQ(error_of([&] { Model::load(in_memory()); }, &message), ErrorCode::kFormat);
  EXPECT_EQ(message.find("embedded.gguf: "), 0u) << message;
  bytes.clear();
  EXPECT_EQ(error_of([&] { Model::load(in_memory()); }), ErrorCode::kFormat);
}

/// A file that garam cannot compute with can still be looked at.
TEST(Load, InspectOfWhatCannotBeComputed) {
  TinyModel tiny = TinyModel::make({});
  tiny.set("general.architecture", std::string("mamba"));
  const TinyFile file(tiny);
  EXPECT_EQ(error_of([&] { Model::load(file.path()); }), ErrorCode::kUnsupported);
  const ModelInfo info = inspect(file.path());
  EXPECT_EQ(info.architecture, "mamba");
  EXPECT_EQ(info.tensors.size(), tiny.tensors.size());
  EXPECT_EQ(info.weight_bytes, 0u);
}

TEST(Load, WithoutVocabulary) {
  const Model model = load_tiny(TinyOptions{});
  EXPECT_EQ(model.info().vocab, 67u);
  std::string message;
  EXPECT_EQ(error_of([&] { model.tokenizer(); }, &message), ErrorCode::kUnsupported);
  EXPECT_NE(message.find("no vocabulary"), std::string::npos) << message;
}

TEST(Load, VocabulariesSpellAnyText) {
  const std::string text =
      "The tool was \xc3\xa9\xe2\x82\xac in the hand, 12 of them\n\n and \xf0\x9f\x98\x80.";
  for (const TinyVocabulary vocabulary : {TinyVocabulary::kByteLevel, TinyVocabulary::kSentencePiece}) {
    const Model model = load_tiny({.layers = 1, .vocabulary = vocabulary});
    const Tokenizer& tokenizer = model.tokenizer();
    const auto ids = tokenizer.encode(text);
    EXPECT_EQ(tokenizer.decode(ids), text);
    EXPECT_LT(ids.size(), text.size()) << "some merges apply";
    Session session(model);
    session.prefill(ids);
    EXPECT_EQ(session.logits().size(), tokenizer.size());
  }
}

TEST(Load, FingerprintFollowsWhatDecidesLogits) {
  const auto fingerprint = [](const TinyModel& tiny) { return load_tiny(tiny).fingerprint(); };
  const TinyModel base = TinyModel::make({});
  const std::uint64_t same = fingerprint(base);
  EXPECT_EQ(fingerprint(base), same);
  EXPECT_EQ(load_tiny(base, KernelSet::kPortable, 1).fingerprint(), same);
  TinyModel changed = base;
  changed.set("llama.rope.freq_base", 10001.0f);
  EXPECT_NE(fingerprint(changed), same);
  for (const char* name : {"token_embd.weight", "blk.1.ffn_norm.weight", "blk.0.attn_q.weight"}) {
    changed = base;
    TinyTensor& tensor = changed.tensor(name);
    tensor.set(3, tensor.get(3) + 0.125f);
    EXPECT_NE(fingerprint(changed), same) << name;
  }
  // Two rows exchanged: the sum of all weights is the same, the model is not.
  changed = base;
  TinyTensor& tensor = changed.tensor("token_embd.weight");
  std::swap_ranges(tensor.data.begin(), tensor.data.begin() + 64 * 4, tensor.data.begin() + 64 * 4);
  EXPECT_NE(fingerprint(changed), same);
  changed = base;
  std::swap(changed.tensor("blk.0.ffn_up.weight").data, changed.tensor("blk.0.ffn_gate.weight").data);
  EXPECT_NE(fingerprint(changed), same);
}

TEST(Load, ProgressRisesToOne) {
  const TinyFile file(TinyOptions{});
  for (const unsigned threads : {1u, 3u}) {
    std::vector<double> shares;
    const auto id = std::this_thread::get_id();
    Model::load(file.path(), {.threads = threads, .progress = [&](double done) {
                                EXPECT_EQ(std::this_thread::get_id(), id);
                                shares.push_back(done);
                              }});
    ASSERT_FALSE(shares.empty());
    EXPECT_TRUE(std::is_sorted(shares.begin(), shares.end()));
    EXPECT_EQ(shares.back(), 1);
  }
}

TEST(Load, Cancelled) {
  const TinyFile file(TinyOptions{});
  for (const bool at_once : {true, false}) {
    for (const unsigned threads : {1u, 3u}) {
      std::stop_source source;
      if (at_once) source.request_stop();
      std::string message;
      const ErrorCode code = error_of(
          [&] {
            Model::load(file.path(), {.threads = threads,
                                      .progress = [&](double) { source.request_stop(); },
                                      .stop = source.get_token()});
          },
          &message);
      // With several workers the others may have finished everything before the caller's first report.
      if (at_once || threads == 1) {
        EXPECT_EQ(code, ErrorCode::kCancelled);
        EXPECT_NE(message.find("tiny.gguf"), std::string::npos) << message;
      }
    }
  }
}

TEST(Load, ThrowingProgressEndsIt) {
  const TinyFile file(TinyOptions{});
  EXPECT_THROW(Model::load(file.path(), {.threads = 3, .progress = [](double) { throw std::string("no"); }}),
               std::string);
}

TEST(Load, FilesThatAreNotThere) {
  const TempDir dir;
  std::string message;
  EXPECT_EQ(error_of([&] { Model::load(dir.file("nothing.gguf")); }, &message), ErrorCode::kIo);
  EXPECT_NE(message.find("nothing.gguf"), std::string::npos) << message;
  EXPECT_EQ(error_of([&] { Model::load(dir.path().string()); }), ErrorCode::kIo);
  EXPECT_EQ(error_of([&] { Model::load(""); }), ErrorCode::kIo);
  std::ofstream(dir.file("empty.gguf")).flush();
  EXPECT_EQ(error_of([&] { Model::load(dir.file("empty.gguf")); }), ErrorCode::kFormat);
}

TEST(Load, OptionsOutOfRange) {
  const TinyFile file(TinyOptions{});
  EXPECT_EQ(error_of([&] { Model::load(file.path(), {.threads = 1025}); }), ErrorCode::kArgument);
  for (const KernelSet set : {KernelSet::kAvx2, KernelSet::kAvx512, KernelSet::kNeon}) {
    const auto sets = available_kernel_sets();
    const bool can = std::find(sets.begin(), sets.end(), set) != sets.end();
    EXPECT_EQ(error_of([&] { Model::load(file.path(), {.kernels = set, .threads = 1}); }),
              can ? ErrorCode{} : ErrorCode::kUnsupported);
  }
  EXPECT_GE(Model::load(file.path()).threads(), 1u);
}

/// Nothing depends on the file once it is loaded.
TEST(Load, TheFileMayGo) {
  const TinyOptions options{};
  std::optional<TinyFile> file(std::in_place, options);
  const Model model = Model::load(file->path(), {.threads = 2});
  file.reset();
  EXPECT_EQ(all_logits(model, tiny_tokens(20, 67)).size(), 20u * 67);
}

}  // namespace
}  // namespace garam::test
