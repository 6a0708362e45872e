// The vocabulary's keys in a file: what is read, what is refused.
#include "model/vocab_from_gguf.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "garam/error.h"
#include "io/gguf_writer.h"
#include "support/temp_dir.h"
#include "text/small_vocabulary.h"

namespace garam {
namespace {

using Keys = std::map<std::string, GgufValue>;

Keys keys_of(const VocabData& data) {
  Keys keys;
  keys["general.name"] = data.name;
  keys["tokenizer.ggml.model"] = data.model;
  keys["tokenizer.ggml.pre"] = data.pre;
  keys["tokenizer.ggml.tokens"] = GgufArray(data.tokens);
  keys["tokenizer.ggml.token_type"] = GgufArray(*data.types);
  if (data.scores) keys["tokenizer.ggml.scores"] = GgufArray(*data.scores);
  if (data.merges) keys["tokenizer.ggml.merges"] = GgufArray(*data.merges);
  if (data.bos) keys["tokenizer.ggml.bos_token_id"] = *data.bos;
  if (data.eos) keys["tokenizer.ggml.eos_token_id"] = *data.eos;
  return keys;
}

std::optional<Tokenizer> read(const Keys& keys) {
  const test::TempDir folder;
  GgufWriter writer;
  for (const auto& [name, value] : keys) writer.add(name, value);
  writer.write(folder.file("v.gguf"));
  GgufFile file = GgufFile::open(folder.file("v.gguf"));
  return tokenizer_from_gguf(file);
}

TEST(VocabFromGguf, ReadsEveryKey) {
  Keys keys = keys_of(test::small_bpe());
  keys["general.name"] = std::string("Phi-3");
  keys["tokenizer.ggml.add_bos_token"] = true;
  keys["tokenizer.ggml.add_eos_token"] = true;
  keys["tokenizer.ggml.padding_token_id"] = std::uint32_t{9};
  keys["tokenizer.ggml.unknown_token_id"] = std::uint32_t{10};
  keys["tokenizer.ggml.eot_token_id"] = std::uint32_t{11};
  keys["tokenizer.ggml.eom_token_id"] = std::uint32_t{12};
  keys["tokenizer.ggml.fim_sep_token_id"] = std::uint32_t{13};
  const auto t = read(keys);
  ASSERT_TRUE(t);
  EXPECT_EQ(t->size(), test::small_bpe().tokens.size());
  EXPECT_TRUE(t->add_bos() && t->add_eos());
  EXPECT_EQ(t->padding(), 9);
  EXPECT_EQ(t->unknown(), 10);
  EXPECT_EQ(t->eot(), 11);
  EXPECT_EQ(t->eom(), 12);
  EXPECT_TRUE(t->is_end_of_generation(13));
  EXPECT_EQ(t->encode("hello").size(), 3u);
  EXPECT_EQ(t->encode("<tool> hello", {false, false}).size(), 2u);  // the name makes it phi-3's rule

  Keys spm = keys_of(test::small_spm());
  EXPECT_TRUE(read(spm)->add_space_prefix());
  spm["tokenizer.ggml.add_space_prefix"] = false;
  EXPECT_FALSE(read(spm)->add_space_prefix());
}

TEST(VocabFromGguf, FilesWithoutVocabulary) {
  EXPECT_FALSE(read({{"general.name", std::string("x")}}));
  EXPECT_FALSE(read({{"tokenizer.ggml.model", std::string("none")}}));
  EXPECT_FALSE(read({{"tokenizer.ggml.model", std::string("no_vocab")}}));
}

TEST(VocabFromGguf, RefusesWrongTypes) {
  const std::function<void(Keys&)> kChanges[] = {
      [](Keys& k) { k.erase("tokenizer.ggml.model"); },
      [](Keys& k) { k["tokenizer.ggml.model"] = std::uint32_t{1}; },
      [](Keys& k) { k["tokenizer.ggml.pre"] = true; },
      [](Keys& k) { k["general.name"] = 1.5f; },
      [](Keys& k) { k.erase("tokenizer.ggml.tokens"); },
      [](Keys& k) { k["tokenizer.ggml.tokens"] = std::string("a"); },
      [](Keys& k) { k["tokenizer.ggml.tokens"] = GgufArray(std::vector<std::int32_t>(300)); },
      [](Keys& k) { k["tokenizer.ggml.scores"] = GgufArray(std::vector<std::uint8_t>(300)); },
      [](Keys& k) { k["tokenizer.ggml.scores"] = GgufArray(std::vector<std::string>(300)); },
      [](Keys& k) { k["tokenizer.ggml.scores"] = 1.0f; },
      [](Keys& k) { k["tokenizer.ggml.token_type"] = GgufArray(std::vector<std::string>(300)); },
      [](Keys& k) { k["tokenizer.ggml.token_type"] = GgufArray(std::vector<float>(300, 1.0f)); },
      [](Keys& k) { k["tokenizer.ggml.token_type"] = GgufArray(std::vector<std::uint8_t>(2, 1)); },
      [](Keys& k) { k["tokenizer.ggml.bos_token_id"] = std::int32_t{-1}; },
      [](Keys& k) { k["tokenizer.ggml.bos_token_id"] = std::uint64_t{1} << 32; },
      [](Keys& k) { k["tokenizer.ggml.eos_token_id"] = std::string("2"); },
      [](Keys& k) { k["tokenizer.ggml.add_bos_token"] = std::uint32_t{1}; },
      [](Keys& k) { k["tokenizer.ggml.add_space_prefix"] = std::string("yes"); },
  };
  for (const VocabData& data : {test::small_bpe(), test::small_spm()}) {
    for (std::size_t i = 0; i < std::size(kChanges); ++i) {
      Keys keys = keys_of(data);
      kChanges[i](keys);
      try {
        read(keys);
        ADD_FAILURE() << data.model << ", change " << i << ": expected an error";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kFormat) << error.what();
        EXPECT_NE(std::string(error.what()).find("v.gguf"), std::string::npos) << error.what();
      }
    }
  }
  Keys keys = keys_of(test::small_bpe());
  keys["tokenizer.ggml.merges"] = GgufArray(std::vector<std::uint64_t>(3));
  EXPECT_THROW(read(keys), Error);
}

}  // namespace
}  // namespace garam
