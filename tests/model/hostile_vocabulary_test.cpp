// Vocabularies inside model files (hostile-input classes H4 to H6, H9): each variant is refused with an Error
// that names the file and the key, or works where it is legal.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "model/hostile.h"

namespace garam::test {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

testing::AssertionResult refused_vocabulary(TinyVocabulary vocabulary, const Change& change,
                                            const char* part) {
  TinyModel tiny = good_with(vocabulary);
  change(tiny);
  return refused(tiny, {part});
}

constexpr const char* kTokens = "tokenizer.ggml.tokens";
constexpr const char* kScores = "tokenizer.ggml.scores";
constexpr const char* kTypes = "tokenizer.ggml.token_type";
constexpr const char* kMerges = "tokenizer.ggml.merges";

class HostileVocabulary : public testing::TestWithParam<TinyVocabulary> {
 protected:
  testing::AssertionResult refused_with(const Change& change, const char* part) {
    return refused_vocabulary(GetParam(), change, part);
  }
  testing::AssertionResult works_with(const Change& change) {
    TinyModel tiny = good_with(GetParam());
    change(tiny);
    return works(tiny);
  }
};

TEST_P(HostileVocabulary, Sizes) {
  EXPECT_TRUE(refused_with([](TinyModel& t) { array<std::string>(t, kTokens).pop_back(); }, "tokenizer"));
  EXPECT_TRUE(refused_with([](TinyModel& t) { array<std::int32_t>(t, kTypes).pop_back(); }, kTypes));
  EXPECT_TRUE(refused_with([](TinyModel& t) { array<std::int32_t>(t, kTypes).push_back(1); }, kTypes));
  EXPECT_TRUE(refused_with([](TinyModel& t) { array<std::string>(t, kTokens).clear(); }, "tokens"));
  EXPECT_TRUE(refused_with(
      [](TinyModel& t) {
        array<std::string>(t, kTokens).push_back("<more>");
        array<std::int32_t>(t, kTypes).push_back(3);
        if (t.keys.size() > 0 &&
            std::any_of(t.keys.begin(), t.keys.end(), [](const auto& k) { return k.first == kScores; })) {
          array<float>(t, kScores).push_back(0);
        }
      },
      "token_embd.weight"));
  // What the key llama.vocab_size says matters to nobody: the vocabulary and the embedding do.
  EXPECT_TRUE(works_with([](TinyModel& t) { t.set("llama.vocab_size", std::uint32_t{3}); }));
}

TEST_P(HostileVocabulary, Types) {
  EXPECT_TRUE(refused_with([](TinyModel& t) { t.erase(kTokens); }, kTokens));
  EXPECT_TRUE(
      refused_with([](TinyModel& t) { t.set(kTokens, GgufArray(std::vector<std::int32_t>(400))); }, kTokens));
  EXPECT_TRUE(refused_with([](TinyModel& t) { t.set(kTokens, std::string("tokens")); }, kTokens));
  EXPECT_TRUE(refused_with([](TinyModel& t) { t.set(kTypes, GgufArray(std::vector<float>(400))); }, kTypes));
  EXPECT_TRUE(refused_with([](TinyModel& t) { t.set(kTypes, std::uint32_t{1}); }, kTypes));
  for (const std::int32_t bad : {0, 7, -1, 0x7fffffff}) {
    EXPECT_TRUE(refused_with([&](TinyModel& t) { array<std::int32_t>(t, kTypes)[100] = bad; }, kTypes));
  }
  // One byte an element: read as what it is, never as four bytes.
  EXPECT_TRUE(
      refused_with([](TinyModel& t) { t.set(kTypes, GgufArray(std::vector<std::uint8_t>(64, 1))); }, kTypes));
  EXPECT_TRUE(works_with([](TinyModel& t) {
    const auto& types = array<std::int32_t>(t, kTypes);
    t.set(kTypes, GgufArray(std::vector<std::uint8_t>(types.begin(), types.end())));
  }));
}

TEST_P(HostileVocabulary, Names) {
  const auto set = [](const char* key, GgufValue value) { return [=](TinyModel& t) { t.set(key, value); }; };
  for (const char* name : {"banana", "", "rwkv", "GPT2"}) {
    EXPECT_TRUE(refused_with(set("tokenizer.ggml.model", std::string(name)), "tokenizer.ggml.model")) << name;
  }
  EXPECT_TRUE(refused_with(set("tokenizer.ggml.model", std::uint32_t{1}), "tokenizer.ggml.model"));
  EXPECT_TRUE(refused_with([](TinyModel& t) { t.erase("tokenizer.ggml.model"); }, "tokenizer.ggml.model"));
}

TEST_P(HostileVocabulary, SpecialIds) {
  for (const char* key :
       {"bos_token_id", "eos_token_id", "unknown_token_id", "eot_token_id", "eom_token_id"}) {
    const std::string name = std::string("tokenizer.ggml.") + key;
    for (const GgufValue& bad :
         {GgufValue(std::uint32_t{100000}), GgufValue(std::uint32_t{0xffffffff}), GgufValue(std::int32_t{-1}),
          GgufValue(std::uint64_t{1} << 32), GgufValue(std::string("1")), GgufValue(1.0f)}) {
      EXPECT_TRUE(refused_with([&](TinyModel& t) { t.set(name, bad); }, name.c_str()));
    }
  }
  EXPECT_TRUE(refused_with([](TinyModel& t) { t.set("tokenizer.ggml.add_bos_token", std::uint32_t{1}); },
                           "add_bos_token"));
}

TEST_P(HostileVocabulary, Texts) {
  const auto text = [](std::string value) {
    return [=](TinyModel& t) { array<std::string>(t, kTokens)[290] = value; };
  };
  EXPECT_TRUE(refused_with(text("in"), kTokens)) << "twice";
  EXPECT_TRUE(works_with(text(std::string("a\0b", 3)))) << "bytes are bytes";
  EXPECT_TRUE(works_with(text("\xff\xfe\x80"))) << "not UTF-8";
  EXPECT_TRUE(works_with(text(std::string(1 << 20, 'x'))));
  EXPECT_TRUE(works_with([](TinyModel& t) {
    array<std::string>(t, kTokens)[290] = std::string(1 << 20, 'x');
    array<std::int32_t>(t, kTypes)[290] = 3;
  }));
}

INSTANTIATE_TEST_SUITE_P(Hostile, HostileVocabulary,
                         testing::Values(TinyVocabulary::kByteLevel, TinyVocabulary::kSentencePiece),
                         [](const auto& info) {
                           return info.param == TinyVocabulary::kByteLevel ? "ByteLevel" : "SentencePiece";
                         });

TEST(Hostile, ByteTokens) {
  for (const char* bad : {"<0x-1>", "<0xZZ>", "<0x1>", "<0x100>", "0x41", "", "<0xFFFFFFFF>", "<0x 1>"}) {
    EXPECT_TRUE(refused_vocabulary(
        TinyVocabulary::kSentencePiece, [&](TinyModel& t) { array<std::string>(t, kTokens)[10] = bad; },
        kTokens))
        << bad;
  }
}

TEST(Hostile, Scores) {
  const auto refused_scores = [](const Change& change) {
    return refused_vocabulary(TinyVocabulary::kSentencePiece, change, kScores);
  };
  EXPECT_TRUE(refused_scores([](TinyModel& t) { t.erase(kScores); }));
  EXPECT_TRUE(refused_scores([](TinyModel& t) { array<float>(t, kScores).pop_back(); }));
  EXPECT_TRUE(
      refused_scores([](TinyModel& t) { t.set(kScores, GgufArray(std::vector<std::uint8_t>(400))); }));
  EXPECT_TRUE(refused_scores([](TinyModel& t) { t.set(kScores, GgufArray(std::vector<std::string>(400))); }));
  for (const float bad : {kNan, kInfinity, -kInfinity}) {
    EXPECT_TRUE(refused_scores([&](TinyModel& t) { array<float>(t, kScores)[5] = bad; }));
  }
}

TEST(Hostile, Merges) {
  const auto refused_merges = [](const Change& change) {
    return refused_vocabulary(TinyVocabulary::kByteLevel, change, "merges");
  };
  EXPECT_TRUE(refused_merges([](TinyModel& t) { t.erase(kMerges); }));
  EXPECT_TRUE(refused_merges([](TinyModel& t) { t.set(kMerges, GgufArray(std::vector<float>(3))); }));
  for (const char* bad : {"", " ", "in", "in "}) {
    EXPECT_TRUE(refused_merges([&](TinyModel& t) { array<std::string>(t, kMerges)[5] = bad; })) << bad;
  }
  for (const char* bad : {"banana", "qwen99", "gpt-2\n"}) {
    EXPECT_TRUE(refused_vocabulary(
        TinyVocabulary::kByteLevel, [&](TinyModel& t) { t.set("tokenizer.ggml.pre", std::string(bad)); },
        "tokenizer.ggml.pre"))
        << bad;
  }
}

}  // namespace
}  // namespace garam::test
