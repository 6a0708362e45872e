// WordPiece with a vocabulary that can be worked out by hand, "_" for U+2581.
#include <gtest/gtest.h>

#include <ctime>
#include <string>

#include "garam/error.h"
#include "text/small_vocabulary.h"

namespace garam {
namespace {

using test::add_token;
using test::marked;

VocabData small_wordpiece() {
  VocabData data;
  data.model = "bert";
  for (const char* name : {"[PAD]", "[UNK]", "[CLS]", "[SEP]"}) add_token(data, name, test::kControl);
  data.unknown = 1;
  data.bos = 2;
  data.separator = 3;
  for (const char* text : {"_",
                           "_a",
                           "a",
                           "_un",
                           "_una",
                           "aff",
                           "affable",
                           "able",
                           "_caf",
                           "_cafe",
                           "e",
                           "\xc3\xa9",
                           "_,",
                           "_+",
                           "_hello",
                           "_A",
                           "_\xe4\xb8\xad",
                           "_\xe6\x96\x87",
                           "_\xe1\x84\x80",
                           "_\xce\xb1\xcf\x83",
                           "_x",
                           "\xe4",
                           "\xb8\xad"}) {
    add_token(data, marked(text), test::kNormal);
  }
  return data;
}

/// The tokens of `text`, with spaces between and "_" for the mark.
std::string cut(const Tokenizer& tokenizer, std::string_view text) {
  return test::unmarked(test::tokens(tokenizer, text));
}

std::string cut(std::string_view text) {
  static const Tokenizer tokenizer = make_tokenizer(small_wordpiece(), "test");
  return cut(tokenizer, text);
}

/// "begin-end" of each token.
std::string places(std::string_view text) {
  std::string out;
  for (const TokenSpan& span :
       make_tokenizer(small_wordpiece(), "test").encode_spans(text, {.add_special = false})) {
    if (!out.empty()) out += ' ';
    out += std::to_string(span.begin) + "-" + std::to_string(span.end);
  }
  return out;
}

TEST(WordPiece, LongestTokenFirst) {
  EXPECT_EQ(cut("hello"), "_hello");
  EXPECT_EQ(cut("eaffable"), "_ e affable");
  EXPECT_EQ(cut("eaffaable"), "_ e aff a able");
  EXPECT_EQ(cut("aaa"), "_a a a");
  EXPECT_EQ(cut(""), "");
}

TEST(WordPiece, GreedyCuttingDoesNotGoBack) {
  // "_un" and "affable" would spell it, but "_una" is longer and nothing begins with "ff".
  EXPECT_EQ(cut("unaffable"), "[UNK]");
}

TEST(WordPiece, AWordWithoutAPieceIsUnknownAsAWhole) {
  EXPECT_EQ(cut("a aaz a"), "_a [UNK] _a");
  EXPECT_EQ(cut("z,zz"), "[UNK] _, [UNK]");
}

TEST(WordPiece, WithoutAnUnknownTokenSuchWordsAreRefused) {
  VocabData data = small_wordpiece();
  data.unknown.reset();  // the default, 100, is not in a vocabulary so small
  const Tokenizer tokenizer = make_tokenizer(std::move(data), "test");
  EXPECT_EQ(cut(tokenizer, "hello"), "_hello");
  EXPECT_THROW(tokenizer.encode("az"), Error);
}

TEST(WordPiece, WhiteSpaceOnlyEndsWords) {
  EXPECT_EQ(cut("  a\t\n a\xe3\x80\x80"
                "a \xc2\x85"),
            "_a _a _a");
  EXPECT_EQ(cut(" \n"), "");
}

TEST(WordPiece, LowersAndDropsAccents) {
  EXPECT_EQ(cut("HeLLo"), "_hello");
  EXPECT_EQ(cut("CAF\xc3\x89"), "_cafe");
  EXPECT_EQ(cut("cafe\xcc\x81"), "_cafe");                  // a mark of its own
  EXPECT_EQ(cut("\xce\x86\xce\xa3"), "_\xce\xb1\xcf\x83");  // capital alpha with tonos, capital sigma
  EXPECT_EQ(cut("\xea\xb0\x81"), "_\xe1\x84\x80");          // of a Hangul syllable its leading consonant
}

TEST(WordPiece, KeepsCapitalsAndAccentsIfAsked) {
  VocabData data = small_wordpiece();
  data.lowercase = false;
  data.strip_accents = true;
  EXPECT_EQ(cut(make_tokenizer(data, "test"), "A a hellO caf\xc3\xa9"), "_A _a [UNK] _cafe");
  data.lowercase = true;
  data.strip_accents = false;
  EXPECT_EQ(cut(make_tokenizer(data, "test"), "A CAF\xc3\x89 cafe\xcc\x81"), "_a _caf \xc3\xa9 [UNK]");
}

TEST(WordPiece, DropsControlCharactersAndBytesThatAreNoText) {
  EXPECT_EQ(cut(std::string_view("he\0l\x01lo", 7)), "_hello");
  EXPECT_EQ(cut("he\xffllo\xe2\x80\x8b"), "_hello");          // an invalid byte, a zero width space
  EXPECT_EQ(cut("hel\xef\xbf\xbdlo\xed\xa0\x80"), "_hello");  // U+FFFD, a surrogate
  EXPECT_EQ(cut("\xff\x01"), "");
}

TEST(WordPiece, PunctuationAsciiSymbolsAndIdeographsStandAlone) {
  EXPECT_EQ(cut("a,a+a"), "_a _, _a _+ _a");
  EXPECT_EQ(cut("a\xe4\xb8\xad\xe6\x96\x87"), "_a _\xe4\xb8\xad _\xe6\x96\x87");
  EXPECT_EQ(cut("a\xe2\x82\xac"), "[UNK]");  // the euro sign is no ASCII
  EXPECT_EQ(cut("a\xe3\x81\x82"), "[UNK]");  // kana are letters
}

TEST(WordPiece, Places) {
  EXPECT_EQ(places(" hello"), "1-6");
  EXPECT_EQ(places("Eaffable, a"), "0-0 0-1 1-8 8-9 10-11");
  EXPECT_EQ(places("CAF\xc3\x89z CAF\xc3\x89"), "0-6 7-12");
  EXPECT_EQ(places("a\xe4\xb8\xad"
                   "a"),
            "0-1 1-4 4-5");
  EXPECT_EQ(places(std::string_view("he\0\xffllo a", 9)), "0-7 8-9");  // dropped bytes inside
  EXPECT_EQ(places("\x01"
                   "a\xcc\x81,"),
            "1-2 4-5");  // and outside
}

TEST(WordPiece, PiecesHaveSpaces) {
  const Tokenizer tokenizer = make_tokenizer(small_wordpiece(), "test");
  EXPECT_EQ(tokenizer.piece(test::id_of(tokenizer, marked("_hello"))), " hello");
  EXPECT_EQ(tokenizer.piece(test::id_of(tokenizer, "able")), "able");
}

double seconds_for(const Tokenizer& tokenizer, std::string_view text, std::size_t expected_tokens) {
  const std::clock_t start = std::clock();
  EXPECT_EQ(tokenizer.encode(text, {.add_special = false}).size(), expected_tokens);
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

TEST(WordPiece, RefusesHugeTokens) {
  VocabData data = small_wordpiece();
  add_token(data, std::string(512, 'b'), test::kNormal);
  EXPECT_EQ(cut(make_tokenizer(data, "test"), "a" + std::string(512, 'b')), "_a " + std::string(512, 'b'));
  add_token(data, std::string(513, 'b'), test::kNormal);
  try {
    make_tokenizer(data, "test");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_STREQ(error.what(), "test: tokenizer.ggml.tokens[28]: expected at most 512 bytes, found 513");
  }
}

TEST(WordPiece, AWordOfAMegabyteTakesNoLongerThanManyWords) {
  const Tokenizer tokenizer = make_tokenizer(small_wordpiece(), "test");
  const std::string text(1u << 20, 'a');
  EXPECT_LT(seconds_for(tokenizer, text, text.size()), 2.0);
  EXPECT_LT(seconds_for(tokenizer, text + "z", 1), 2.0);
}

}  // namespace
}  // namespace garam
