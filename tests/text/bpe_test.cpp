// Both families of byte pair encoding on two vocabularies small enough to work out by hand.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "garam/error.h"
#include "garam/tokenizer.h"
#include "text/small_vocabulary.h"

namespace garam {
namespace {

using test::add_token;
using test::id_of;
using test::in_alphabet;
using test::marked;
using test::small_bpe;
using test::small_spm;
using test::tokens;
using Ids = std::vector<std::int32_t>;

TEST(ByteLevelBpe, MergesByRank) {
  const Tokenizer t = make_tokenizer(small_bpe(), "test");
  const std::string space = in_alphabet(" ");
  EXPECT_EQ(tokens(t, ""), "");
  EXPECT_EQ(tokens(t, "the"), "t he");          // "h e" has a rank, "t he" has none
  EXPECT_EQ(tokens(t, " the"), space + "the");  // " t", then "he", then both
  EXPECT_EQ(tokens(t, "hello"), "hello");
  EXPECT_EQ(tokens(t, "hell o"), "hell " + space + " o");
  EXPECT_EQ(tokens(t, "aaaaaaa"), "aaaa aa a");  // leftmost first
  EXPECT_EQ(tokens(t, "121"), "12 1");
  EXPECT_EQ(tokens(t, std::string_view("\0", 1)), in_alphabet(std::string_view("\0", 1)));
  EXPECT_EQ(tokens(t, "\xe9\x99\xa2"),
            in_alphabet("\xe9") + " " + in_alphabet("\x99") + " " + in_alphabet("\xa2"));
}

TEST(ByteLevelBpe, InvalidBytesBecomeReplacementCharacters) {
  const Tokenizer t = make_tokenizer(small_bpe(), "test");
  EXPECT_EQ(t.decode(t.encode("a\xff"
                              "b",
                              {.add_special = false})),
            "a\xef\xbf\xbd"
            "b");
}

TEST(ByteLevelBpe, MergesStopAtPieces) {
  // "\n\n" is a merge, but GPT-2's rule leaves the second line break to the word behind it; Llama 3's does
  // not.
  EXPECT_EQ(tokens(make_tokenizer(small_bpe("gpt-2"), "test"), "a\n\na").size(),
            std::string("a").size() * 4 + 5);
  EXPECT_EQ(make_tokenizer(small_bpe("gpt-2"), "test").encode("a\n\na", {false, false}).size(), 4u);
  EXPECT_EQ(make_tokenizer(small_bpe("llama-bpe"), "test").encode("a\n\na", {false, false}).size(), 3u);
}

TEST(ByteLevelBpe, WholePiecesWinWhereMergesAreIgnored) {
  for (const char* pre : {"gpt-2", "llama-bpe"}) {
    VocabData data = small_bpe(pre);
    add_token(data, "xyz", test::kNormal);  // no merge leads there
    const Tokenizer t = make_tokenizer(std::move(data), "test");
    EXPECT_EQ(tokens(t, "xyz"), pre == std::string("gpt-2") ? "x y z" : "xyz");
    EXPECT_EQ(tokens(t, "xyzx"), "x y z x");
  }
}

TEST(ByteLevelBpe, MergeResultsNeedNotBeTokens) {
  VocabData data = small_bpe();
  data.merges->push_back("q r");  // "qr" is no token, "qrs" is
  data.merges->push_back("qr s");
  add_token(data, "qrs", test::kNormal);
  const Tokenizer t = make_tokenizer(std::move(data), "test");
  EXPECT_EQ(tokens(t, "qrs"), "qrs");
  EXPECT_EQ(tokens(t, "qrt"), "q r t");
}

TEST(ByteLevelBpe, BytesWithoutTokens) {
  VocabData data;
  data.model = "gpt2";
  data.pre = "gpt-2";
  data.merges.emplace();
  add_token(data, "a", test::kNormal);
  data.unknown = static_cast<std::uint32_t>(add_token(data, "<unk>", test::kUnknown));
  const Tokenizer t = make_tokenizer(std::move(data), "test");
  EXPECT_EQ(tokens(t, "aba"), "a a");  // llama.cpp drops them, whether or not there is an unknown token
  EXPECT_EQ(tokens(t, "b"), "");
}

TEST(SentencePiece, MergesByScore) {
  const Tokenizer t = make_tokenizer(small_spm(), "test");
  EXPECT_EQ(tokens(t, ""), "");
  EXPECT_EQ(tokens(t, "the"), marked("_the"));
  EXPECT_EQ(tokens(t, " the"), marked("_ _the"));
  EXPECT_EQ(tokens(t, "abc"), marked("_ ab c"));  // "ab" scores above "bc"
  EXPECT_EQ(tokens(t, "aaa"), marked("_ aa a"));  // equal scores: leftmost
  EXPECT_EQ(tokens(t, "a  b"), marked("_ a __ b"));
  EXPECT_EQ(tokens(t, "ax"), marked("_ a <0x78>"));
  EXPECT_EQ(tokens(t, "\xc3\xa9"), marked("_ <0xC3> <0xA9>"));
  EXPECT_EQ(tokens(t, "\xff\xc3"), marked("_ <0xFF> <0xC3>"));
  EXPECT_EQ(tokens(t, std::string_view("a\0a", 3)), marked("_ a <0x00> a"));
}

TEST(SentencePiece, TokensAcrossWordsAreFound) {
  VocabData data = small_spm();
  add_token(data, marked("a_b"), test::kNormal, 9);
  add_token(data, marked("a_"), test::kNormal, 8);
  const Tokenizer t = make_tokenizer(std::move(data), "test");
  EXPECT_EQ(tokens(t, "a b a"), marked("_ a_b _ a"));
}

TEST(SentencePiece, NeverSpellsControlTokens) {
  VocabData data = small_spm();
  // Pieces that would merge into "</s>", which has the best score of all.
  for (const char* piece : {"<", "/", "s", ">", "</", "s>"}) add_token(data, piece, test::kNormal, -1);
  const Tokenizer t = make_tokenizer(std::move(data), "test");
  EXPECT_EQ(tokens(t, "</s>"), marked("_ </ s>"));
  EXPECT_EQ(tokens(t, "</s>", true), "</s>");
}

TEST(SentencePiece, SpacePrefix) {
  VocabData data = small_spm();
  data.add_space_prefix = false;
  const Tokenizer plain = make_tokenizer(std::move(data), "test");
  EXPECT_EQ(tokens(plain, "the"), "t he");
  EXPECT_EQ(plain.decode(Ids{id_of(plain, marked("_the"))}), " the");

  const Tokenizer t = make_tokenizer(small_spm(), "test");
  EXPECT_TRUE(t.add_space_prefix());
  EXPECT_EQ(tokens(t, "a<tool>a"), marked("_ a <tool> _ a"));  // again behind a special token
  EXPECT_EQ(t.decode(t.encode("a<tool>a")), "a<tool>a");
  EXPECT_EQ(t.decode(Ids{1, id_of(t, marked("_the")), id_of(t, marked("_the"))}), "the the");
  EXPECT_EQ(t.decode(Ids{id_of(t, "t"), id_of(t, marked("_the"))}), "t the");
  EXPECT_EQ(t.decode(t.encode("  the")), "  the");
}

TEST(SentencePiece, CharactersWithoutBytesAreUnknown) {
  VocabData data;
  data.model = "llama";
  data.scores.emplace();
  add_token(data, "<unk>", test::kUnknown);
  for (const char* piece : {"_a", "_", "a", "b"}) add_token(data, marked(piece), test::kNormal, -1);
  data.eos = 3;
  const Tokenizer t = make_tokenizer(std::move(data), "test");
  EXPECT_EQ(tokens(t,
                   "a\xe4\xb8\xad"
                   "b"),
            marked("_a <unk> b"));  // one for the character, not for each byte
  EXPECT_EQ(t.decode(t.encode("a\xe4\xb8\xad"
                              "b",
                              {false, false})),
            "ab");
  EXPECT_EQ(t.decode(t.encode("a\xe4\xb8\xad"
                              "b",
                              {false, false}),
                     {.special = true}),
            "a<unk>b");
}

}  // namespace
}  // namespace garam
