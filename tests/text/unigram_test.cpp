// The Unigram family on a vocabulary small enough to work out by hand.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "garam/error.h"
#include "garam/tokenizer.h"
#include "text/small_character_map.h"
#include "text/small_vocabulary.h"

namespace garam {
namespace {

using test::add_token;
using test::marked;

/// <pad> </s> <unk>, then pieces; the lowest score of a normal token is -6, so that unknown text has -16.
VocabData small_unigram(bool prefix = true, bool merge = true) {
  VocabData data;
  data.model = "t5";
  data.scores.emplace();
  data.add_space_prefix = prefix;
  data.remove_extra_whitespaces = merge;
  add_token(data, "<pad>", test::kControl);
  add_token(data, "</s>", test::kControl);
  add_token(data, "<unk>", test::kUnknown, -90);
  add_token(data, marked("_"), test::kNormal, -2);
  for (const char* letter : {"a", "b", "c", "d"}) add_token(data, letter, test::kNormal, -3);
  add_token(data, "ab", test::kNormal, -5);
  add_token(data, "bc", test::kNormal, -5);
  add_token(data, "bcd", test::kUnused, -4);
  add_token(data, marked("_ab"), test::kNormal, -6);
  add_token(data, "abcd", test::kControl, 0);
  add_token(data, "<tool>", test::kUserDefined, -50);
  return data;
}

/// Tokens with "_" for the mark.
std::string cut(const VocabData& data, std::string_view text) {
  const Tokenizer tokenizer = make_tokenizer(data, "test");
  return test::unmarked(test::tokens(tokenizer, text));
}

TEST(Unigram, HighestSumWins) {
  const VocabData data = small_unigram();
  EXPECT_EQ(cut(data, "ab"), "_ab");        // -6 against -7 for "_ ab" and -8 for three
  EXPECT_EQ(cut(data, "cab"), "_ c ab");    // -5 against -6
  EXPECT_EQ(cut(data, "abcd"), "_ a bcd");  // -9 against -12; unused tokens count, control tokens do not
  EXPECT_EQ(cut(data, "abc"), "_ab c");     // -9 against -10 for "_ a bc"
  EXPECT_EQ(cut(data, ""), "");
}

TEST(Unigram, OfEqualSumsTheFirstStays) {
  VocabData data = small_unigram(false, false);
  add_token(data, "cd", test::kNormal, -6);  // as much as "c d", which ends later but began earlier
  add_token(data, "dc", test::kNormal, -3);
  EXPECT_EQ(cut(data, "cd"), "cd");
  add_token(data, "cdc", test::kNormal, -6);  // as much as "c dc"; found first
  EXPECT_EQ(cut(data, "cdc"), "cdc");
}

TEST(Unigram, UnknownTextIsOneToken) {
  const VocabData data = small_unigram();
  EXPECT_EQ(cut(data, "xyz"), "_ <unk>");
  EXPECT_EQ(cut(data, "axyza"), "_ a <unk> a");
  EXPECT_EQ(cut(data,
                "x\xc3\xa9\xff\xf0\x9f\x98\x80"
                "a"),
            "_ <unk> a");
  EXPECT_EQ(cut(data, "x y"), "_ <unk> _ <unk>");
  EXPECT_EQ(cut(small_unigram(false, false), "\xe2\x96"), "<unk>");
}

TEST(Unigram, UnknownTextNeedsAnUnknownToken) {
  VocabData data = small_unigram();
  data.unknown = 1;  // also the end of text: text must not end the text
  const Tokenizer tokenizer = make_tokenizer(data, "test");
  EXPECT_EQ(tokenizer.encode("ab", {false, false}).size(), 1u);
  EXPECT_THROW(tokenizer.encode("x", {false, false}), Error);
}

TEST(Unigram, ATokenThatIsTheUnknownOneMergesToo) {
  VocabData data = small_unigram(false, false);
  data.unknown = 4;  // "a"
  EXPECT_EQ(cut(data, "axad"), "a d");
}

TEST(Unigram, UserDefinedTokensStandApart) {
  const VocabData data = small_unigram();
  EXPECT_EQ(cut(data, "ab<tool>ab"), "_ab <tool> _ab");
  EXPECT_EQ(cut(data, "ab <tool> ab "), "_ab <tool> _ab");
  EXPECT_EQ(cut(data, "<tool"), "_ <unk>");
}

TEST(Unigram, UserDefinedTextThatTheMapMakesScoresNothing) {
  VocabData data = small_unigram(false, false);
  data.precompiled_charsmap = test::character_map_of({{"T", "<tool>"}});
  EXPECT_EQ(cut(data, "aTa"), "a <tool> a");
}

TEST(Unigram, Spaces) {
  const std::string text = "  a  b ";
  EXPECT_EQ(cut(small_unigram(false, false), text), "_ _ a _ _ b _");
  EXPECT_EQ(cut(small_unigram(true, false), text), "_ _ _ a _ _ b _");
  EXPECT_EQ(cut(small_unigram(false, true), text), "_ a _ b");
  EXPECT_EQ(cut(small_unigram(true, true), text), "_ a _ b");
  EXPECT_EQ(cut(small_unigram(true, true), "   "), "");
  EXPECT_EQ(cut(small_unigram(true, false), " "), "_");
  EXPECT_EQ(cut(small_unigram(true, false), "a"), "_ a");
}

TEST(Unigram, CharacterMapComesBeforeSpaces) {
  VocabData data = small_unigram();
  data.precompiled_charsmap = test::small_character_map();
  EXPECT_EQ(cut(data, "A"), "_ a");
  EXPECT_EQ(cut(data, "AB"), "_ c _ d");
  EXPECT_EQ(cut(data, "aABCDb"), "_ab");
  EXPECT_EQ(cut(data, "a\t\n b\n"), "_ a _ b");
}

TEST(Unigram, Ranges) {
  VocabData data = small_unigram();
  data.precompiled_charsmap = test::small_character_map();
  const Tokenizer tokenizer = make_tokenizer(data, "test");
  const auto ranges = [&](std::string_view text) {
    std::string out;
    for (const TokenSpan& span : tokenizer.encode_spans(text, {false, false})) {
      out += std::to_string(span.begin) + "-" + std::to_string(span.end) + " ";
    }
    return out;
  };
  EXPECT_EQ(ranges("cab"), "0-0 0-1 1-3 ");
  EXPECT_EQ(ranges("ab"), "0-2 ");
  EXPECT_EQ(ranges(" \t c  ab "), "0-3 3-4 4-8 ");
  EXPECT_EQ(ranges("aAB"), "0-0 0-1 1-3 1-3 1-3 ");  // what one prefix became comes from all of it
  EXPECT_EQ(ranges("a\xff\xc3\xa9zb"), "0-0 0-1 1-5 5-6 ");
  EXPECT_EQ(ranges("c<tool>c"), "0-0 0-1 1-7 7-7 7-8 ");
}

TEST(Unigram, DecodesMarksAsSpaces) {
  const Tokenizer tokenizer = make_tokenizer(small_unigram(), "test");
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("ab c<tool>d", {false, false})), "ab c<tool>d");
}

TEST(Unigram, RejectsHugeTokensAndBrokenMaps) {
  VocabData data = small_unigram();
  data.precompiled_charsmap = {1, 2, 3};
  EXPECT_THROW(make_tokenizer(data, "test"), Error);
  data = small_unigram();
  add_token(data, std::string(512, 'a'), test::kNormal, -1);
  EXPECT_EQ(cut(data, "c" + std::string(512, 'a')), "_ c " + std::string(512, 'a'));
  add_token(data, std::string(513, 'a'), test::kNormal, -1);
  try {
    make_tokenizer(data, "test");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  }
}

TEST(Unigram, LongRunsTakeLinearTime) {
  VocabData data = small_unigram();
  for (std::size_t n = 2; n <= 16; n *= 2) add_token(data, std::string(n, 'a'), test::kNormal, -3);
  const Tokenizer tokenizer = make_tokenizer(data, "test");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(tokenizer.encode(std::string(1 << 20, 'a'), {false, false}).size(), (1u << 16) + 1);
  EXPECT_EQ(tokenizer.encode(std::string(1 << 20, 'x'), {false, false}).size(), 2u);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

}  // namespace
}  // namespace garam
