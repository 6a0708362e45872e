// The pre-tokenizers' rules, piece by piece.
#include "text/pretokenizer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/random.h"
#include "text/unicode.h"

namespace garam {
namespace {

class Collect final : public PieceSink {
 public:
  void piece(std::string_view text) override { pieces.emplace_back(text); }
  std::vector<std::string> pieces;
};

using Pieces = std::vector<std::string>;

Pieces split(SplitText rule, std::string_view text) {
  Collect collect;
  rule(text, collect);
  return collect.pieces;
}

struct Case {
  const char* text;
  Pieces pieces;
};

TEST(PreTokenizer, Gpt2) {
  const Case kCases[] = {
      {"", {}},
      {"Hello world", {"Hello", " world"}},
      {"a  b", {"a", " ", " b"}},
      {"a   b", {"a", "  ", " b"}},
      {"a \n b", {"a", " \n", " b"}},
      {"a\nb", {"a", "\n", "b"}},
      {"a\n\nb", {"a", "\n", "\n", "b"}},
      {"a  ", {"a", "  "}},
      {" ", {" "}},
      {"\t\t1", {"\t", "\t", "1"}},
      {"I've we'll don't 'tis", {"I", "'ve", " we", "'ll", " don", "'t", " '", "tis"}},
      {"DON'T", {"DON", "'", "T"}},
      {"'", {"'"}},
      {"'r", {"'", "r"}},
      {"it's123!?", {"it", "'s", "123", "!?"}},
      {" 12 !!", {" 12", " !!"}},
      {"\xc3\xa9t\xc3\xa9 \xe4\xb8\xad", {"\xc3\xa9t\xc3\xa9", " \xe4\xb8\xad"}},
      {"e\xcc\x81", {"e", "\xcc\x81"}},            // a mark is neither letter nor number
      {"\xc2\xbd\xc2\xb2", {"\xc2\xbd\xc2\xb2"}},  // one half, superscript two: numbers
      {"a\xc2\xa0\xc2\xa0"
       "b",
       {"a", "\xc2\xa0", "\xc2\xa0", "b"}},  // no-break spaces are white, not ' '
      {"a\xe2\x80\x8b"
       "b",
       {"a", "\xe2\x80\x8b", "b"}},  // zero width space is no white space
  };
  for (const Case& c : kCases) EXPECT_EQ(split(split_gpt2, c.text), c.pieces) << '"' << c.text << '"';
}

TEST(PreTokenizer, Llama3) {
  const Case kCases[] = {
      {"", {}},
      {"Hello world", {"Hello", " world"}},
      {"a  b", {"a", " ", " b"}},
      {"a \n b", {"a", " \n", " b"}},
      {"a\n\n\n  b", {"a", "\n\n\n", " ", " b"}},
      {"a \r\n\t\n  ", {"a", " \r\n\t\n", "  "}},
      {"\tx", {"\tx"}},
      {"\nx", {"\n", "x"}},
      {"DON'T I'LL 'Re", {"DON", "'T", " I", "'LL", " '", "Re"}},
      {"(x)y.z", {"(x", ")y", ".z"}},
      {"1234567", {"123", "456", "7"}},
      {" 12", {" ", "12"}},
      {"a1", {"a", "1"}},
      {"!!\n\nx", {"!!\n\n", "x"}},
      {" ?!\r\n", {" ?!\r\n"}},
      {" ", {" "}},
      {"   ", {"   "}},
      {"e\xcc\x81x", {"e", "\xcc\x81x"}},
      {"\xe3\x80\x80\xe4\xb8\xad", {"\xe3\x80\x80\xe4\xb8\xad"}},
      {"\xc2\xbd"
       "12",
       {"\xc2\xbd"
        "12"}},
  };
  for (const Case& c : kCases) EXPECT_EQ(split(split_llama3, c.text), c.pieces) << '"' << c.text << '"';
}

TEST(PreTokenizer, PiecesJoinToTheText) {
  test::Random random(test::test_seed());
  const char* const kParts[] = {" ",
                                "  ",
                                "\n",
                                "\r\n",
                                "\t",
                                "a",
                                "Zz",
                                "'",
                                "'s",
                                "'LL",
                                "1",
                                "42",
                                "!",
                                "...",
                                "\xc3\xa9",
                                "\xcc\x81",
                                "\xe4\xb8\xad",
                                "\xe3\x80\x80",
                                "\xf0\x9f\x98\x80",
                                "\xc2\xbd"};
  for (const SplitText rule :
       {split_gpt2, split_each_number, split_numbers, split_starcoder, split_llama3, split_qwen2,
        split_qwen35, split_gpt4o, split_tekken, split_gpt4o_cased, split_tekken_cased, split_falcon,
        split_default, split_deepseek_llm, split_deepseek_coder, split_bloom, split_chameleon}) {
    for (int i = 0; i < 5000; ++i) {
      std::string text;
      for (std::size_t n = random.below(12); n > 0; --n) text += kParts[random.below(std::size(kParts))];
      std::string joined;
      for (const std::string& piece : split(rule, text)) {
        ASSERT_FALSE(piece.empty());
        joined += piece;
      }
      ASSERT_EQ(joined, text);
    }
  }
}

void expect_pieces(SplitText rule, std::initializer_list<Case> cases) {
  for (const Case& c : cases) EXPECT_EQ(split(rule, c.text), c.pieces) << c.text;
}

TEST(PreTokenizer, Qwen) {
  expect_pieces(split_qwen2, {{"x123", {"x", "1", "2", "3"}},
                              {"It'S a\n\n b", {"It", "'S", " a", "\n\n", " b"}},
                              {"e\xcc\x81!", {"e", "\xcc\x81!"}}});
  expect_pieces(split_qwen35, {{"e\xcc\x81!", {"e\xcc\x81", "!"}}, {"!\xcc\x81", {"!\xcc\x81"}}});
}

TEST(PreTokenizer, Gpt4o) {
  expect_pieces(split_gpt4o, {{"HelloWorld", {"Hello", "World"}},
                              {"HTTPServer", {"HTTPServer"}},
                              {"camelCase's 1234", {"camel", "Case's", " ", "123", "4"}},
                              {"ABC def", {"ABC", " def"}},
                              {"\xc3\x89"
                               "A",
                               {"\xc3\x89", "A"}},  // either case, then a capital
                              {"a//\n/b", {"a", "//\n/", "b"}}});
  expect_pieces(split_tekken, {{"Case's 12", {"Case", "'s", " ", "1", "2"}}});
}

TEST(PreTokenizer, CaseOfAllLettersAsTokenizerJsonHasIt) {
  expect_pieces(split_gpt4o_cased, {{"HelloWorld's 1234", {"Hello", "World's", " ", "123", "4"}},
                                    {"ABC def", {"ABC", " def"}},
                                    {"\xc3\x89"
                                     "A",
                                     {"\xc3\x89"
                                      "A"}},  // two capitals
                                    {"a\xc3\x89"
                                     "b",
                                     {"a",
                                      "\xc3\x89"
                                      "b"}},                         // a capital begins a word
                                    {"e\xcc\x81t", {"e\xcc\x81t"}},  // marks belong to words
                                    {"\xcc\x81"
                                     "AB",
                                     {"\xcc\x81", "AB"}},  // but not before capitals alone
                                    {"!\xcc\x81 a", {"!\xcc\x81", " a"}},
                                    {"\xe4\xb8\xad"
                                     "A\xe4\xb8\xad",
                                     {"\xe4\xb8\xad"
                                      "A\xe4\xb8\xad"}},  // ideographs are either case
                                    {"a//\n/b", {"a", "//\n/", "b"}}});
  expect_pieces(split_tekken_cased, {{"Case's 12", {"Case", "'s", " ", "1", "2"}}});
}

TEST(PreTokenizer, DigitsFirst) {
  expect_pieces(split_starcoder, {{"a 12b", {"a", " ", "1", "2", "b"}}});
  expect_pieces(split_falcon,
                {{"a+b `c`", {"a", "+", "b", " ", "`", "c", "`"}}, {"x 12345", {"x", " ", "123", "45"}}});
  expect_pieces(split_default,
                {{"`c`", {"`", "c", "`"}}, {" 1234", {" ", "123", "4"}}, {"a. b", {"a", ".", " b"}}});
}

TEST(PreTokenizer, DeepSeek) {
  expect_pieces(split_deepseek_llm, {{"Hello, w  12\n", {"Hello", ",", " w", "  ", "12", "\n"}},
                                     {"\xe4\xb8\xad\xe6\x96\x87x", {"\xe4\xb8\xad\xe6\x96\x87", "x"}},
                                     {"x  ", {"x", "  "}}});
  expect_pieces(split_deepseek_coder, {{"f(x) 12", {"f", "(", "x", ")", " ", "1", "2"}}});
}

TEST(PreTokenizer, Bloom) {
  expect_pieces(split_bloom, {{"Hello, world!", {"Hello", ",", " world", "!"}}, {"a  b", {"a", " ", " b"}}});
}

TEST(PreTokenizer, Chameleon) {
  expect_pieces(split_chameleon, {{"<sentinel:12><sentinel:>",
                                   {"<", "sentinel", ":", "1", "2", ">", "<", "sentinel", ":", ">"}},
                                  {"aIMGIMGABCZ IMGIMGABCDEZ", {"a", "IMGIMGABCZ", " IMGIMGABCDEZ"}},
                                  {"a     b\n1", {"a", "    ", " b", "\n", "1"}}});
}

TEST(PreTokenizer, Table) {
  EXPECT_EQ(find_pre_tokenizer("gpt-2")->split, split_gpt2);
  EXPECT_FALSE(find_pre_tokenizer("gpt-2")->ignore_merges);
  EXPECT_EQ(find_pre_tokenizer("llama-bpe")->split, split_llama3);
  EXPECT_TRUE(find_pre_tokenizer("llama-bpe")->ignore_merges);
  EXPECT_EQ(find_pre_tokenizer("")->split, split_default);  // what files without the key mean
  EXPECT_EQ(find_pre_tokenizer("gpt-"), nullptr);
  EXPECT_NE(known_pre_tokenizers().find("gpt-2, "), std::string::npos);
}

}  // namespace
}  // namespace garam
