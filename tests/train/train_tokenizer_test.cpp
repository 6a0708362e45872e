// Vocabularies from text: merges beside an implementation that counts everything anew, files that come back
// as tokenizers, hostile text.
#include <garam/train_tokenizer.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "support/random.h"
#include "text/unicode.h"
#include "train/merges.h"
#include "train/runs.h"

namespace garam::test {
namespace {

using training::CountedPiece;
using training::Merge;

/// Whole characters, or bytes of a single one.
bool keeps_characters(const std::string& token) {
  std::string storage;
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; };
  return repair_utf8(token, storage) == token || std::all_of(token.begin() + 1, token.end(), continues);
}

/// The definition: count all pairs, merge the best of those that may be merged, begin anew.
std::vector<Merge> naive_merges(const std::vector<CountedPiece>& pieces, std::size_t count,
                                std::uint64_t least) {
  std::vector<std::vector<std::uint32_t>> words;
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
  for (const CountedPiece& piece : pieces) {
    words.emplace_back();
    for (const char c : piece.bytes) words.back().push_back(static_cast<unsigned char>(c));
  }
  std::vector<Merge> merges;
  while (merges.size() < count) {
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> counts;  // older tokens first
    for (std::size_t i = 0; i < words.size(); ++i) {
      for (std::size_t j = 0; j + 1 < words[i].size(); ++j)
        counts[{words[i][j], words[i][j + 1]}] += pieces[i].count;
    }
    std::erase_if(counts, [&](const auto& pair) {
      return !keeps_characters(tokens[pair.first.first] + tokens[pair.first.second]);
    });
    auto best = counts.begin();
    for (auto it = counts.begin(); it != counts.end(); ++it) {
      if (it->second > best->second) best = it;
    }
    if (best == counts.end() || best->second < least) break;
    const auto token = static_cast<std::uint32_t>(256 + merges.size());
    const auto [left, right] = best->first;
    merges.push_back({left, right});
    tokens.push_back(tokens[left] + tokens[right]);
    for (auto& word : words) {
      std::vector<std::uint32_t> merged;
      for (std::size_t j = 0; j < word.size(); ++j) {
        const bool here = j + 1 < word.size() && word[j] == left && word[j + 1] == right;
        merged.push_back(here ? token : word[j]);
        j += here ? 1 : 0;
      }
      word = merged;
    }
  }
  return merges;
}

TEST(LearnMerges, AsTheDefinitionHasThem) {
  Random random(test_seed());
  for (int round = 0; round < 40; ++round) {
    std::map<std::string, std::uint64_t> counted;
    const std::size_t letters = 1 + random.below(4);  // few, so that there are many ties and runs
    // Of those with three bytes the first two are the same.
    const char* const alphabet[] = {"a", "b", "c", "d", "\uc740", "\uc774", "\uc77c", "\u00e9"};
    const std::size_t first = random.below(5);
    for (std::size_t i = 1 + random.below(60); i > 0; --i) {
      std::string word;
      for (std::size_t j = 1 + random.below(12); j > 0; --j) word += alphabet[first + random.below(letters)];
      counted[word] += 1 + random.below(3);
    }
    std::vector<CountedPiece> pieces;
    for (const auto& [bytes, count] : counted) pieces.push_back({bytes, count});
    const std::uint64_t least = 1 + random.below(4);
    const auto expected = naive_merges(pieces, 50, least);
    const auto found =
        training::learn_merges(pieces, {.merges = 50, .min_frequency = least, .max_bytes = 1000});
    ASSERT_EQ(found.merges.size(), expected.size()) << "round " << round;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(found.merges[i].left, expected[i].left) << "round " << round << ", merge " << i;
      ASSERT_EQ(found.merges[i].right, expected[i].right) << "round " << round << ", merge " << i;
    }
  }
}

/// One piece, such as text without spaces has: merges must not go over all of it each time.
TEST(LearnMerges, OneLongPiece) {
  Random random(test_seed());
  const auto piece = [&random](std::size_t bytes) {
    std::string text(bytes, ' ');
    for (char& c : text) c = "acgt"[random.below(4)];
    return std::vector<CountedPiece>{{text, 1}};
  };
  const auto small = piece(3000);
  const auto expected = naive_merges(small, 200, 2);
  const auto found = training::learn_merges(small, {.merges = 200, .max_bytes = 1000});
  ASSERT_EQ(found.merges.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(found.merges[i].left, expected[i].left) << "merge " << i;
    ASSERT_EQ(found.merges[i].right, expected[i].right) << "merge " << i;
  }
  // 3000 merges of a piece a hundred times as long: minutes where each takes time by the piece.
  EXPECT_EQ(training::learn_merges(piece(300000), {.merges = 3000}).merges.size(), 3000u);
}

TEST(LearnMerges, TokensStayWithinTheirLength) {
  const std::vector<CountedPiece> pieces = {{"aaaaaaaaaaaaaaaa", 10}};
  EXPECT_EQ(training::learn_merges(pieces, {.merges = 50, .max_bytes = 4}).merges.size(), 2u);
  EXPECT_EQ(training::learn_merges({}, {.merges = 50}).merges.size(), 0u);
}

class TrainTokenizer : public testing::Test {
 protected:
  std::string text_file(const std::string& text, const char* name = "text.txt") {
    write_contents(dir_.file(name), text);
    return dir_.file(name);
  }
  std::string refusal(const std::string& text, const TrainTokenizerOptions& options = {},
                      const char* name = "text.txt") {
    try {
      const std::vector<std::string> files = {text_file(text, name)};
      train_tokenizer(files, out_, options);
    } catch (const Error& error) {
      EXPECT_FALSE(std::filesystem::exists(out_));
      return error.what();
    }
    return "";
  }

  TempDir dir_;
  std::string out_ = dir_.file("vocabulary.gguf");
};

TEST_F(TrainTokenizer, GivesATokenizerThatSpellsAnything) {
  const std::vector<std::string> files = {
      text_file(sentences(20000) + "caf\xc3\xa9 \xec\x98\x9b\xeb\x82\xa0 caf\xc3\xa9\n")};
  const TrainTokenizerReport report = train_tokenizer(
      files, out_, {.vocab_size = 300, .special_tokens = {"<|end|>", "<|user|>"}, .min_frequency = 1});
  EXPECT_EQ(report.tokens, 300u);
  EXPECT_EQ(report.merges, 42u);
  const Tokenizer tokenizer = load_tokenizer(out_);
  EXPECT_EQ(tokenizer.size(), 300u);
  EXPECT_EQ(tokenizer.eos(), 298);
  EXPECT_EQ(tokenizer.bos(), 298);
  EXPECT_FALSE(tokenizer.add_bos());
  EXPECT_TRUE(tokenizer.is_control(299));
  EXPECT_EQ(tokenizer.encode(" queen").size(), 1u);
  EXPECT_EQ(tokenizer.encode("<|user|>", {.parse_special = true}), std::vector<std::int32_t>{299});
  const std::string all = "The fox, caf\xc3\xa9 \xec\x98\x9b \xf0\x9f\xa6\x8a \t\n\x01 {}[]0123";
  EXPECT_EQ(tokenizer.decode(tokenizer.encode(all)), all);
  // What the report says of the text is what the tokenizer does to it.
  EXPECT_EQ(tokenizer.encode(contents(files[0]), {.add_special = false}).size(), report.text_tokens);
}

TEST_F(TrainTokenizer, TheSameBytesForAnyThreadsAndCuts) {
  std::string text = sentences(3 << 20);
  const std::string whole = text_file(text);
  const std::vector<std::string> one = {whole};
  const TrainTokenizerReport report = train_tokenizer(one, out_, {.vocab_size = 400, .threads = 1});
  const std::string expected = contents(out_);
  for (const unsigned threads : {2u, 3u}) {
    train_tokenizer(one, out_, {.vocab_size = 400, .threads = threads});
    EXPECT_TRUE(contents(out_) == expected) << threads << " threads";
  }
  // Blocks cut no piece in two.
  EXPECT_EQ(load_tokenizer(out_).encode(text, {.add_special = false}).size(), report.text_tokens);
}

TEST_F(TrainTokenizer, ReadsJsonLines) {
  std::string lines;
  for (int i = 0; i < 20; ++i)
    lines += "{\"prompt\": \"<|user|>what is it\", \"answer\": \"a kettle\"}\n{\"text\": \"kettle\"}\n";
  const std::vector<std::string> files = {text_file(lines, "text.jsonl")};
  train_tokenizer(files, out_, {.vocab_size = 400, .special_tokens = {"<|end|>", "<|user|>"}});
  const Tokenizer tokenizer = load_tokenizer(out_);
  EXPECT_EQ(tokenizer.encode(" kettle").size(), 1u);
  EXPECT_FALSE(tokenizer.find("prompt")) << "names of members are no text";
  EXPECT_FALSE(tokenizer.find("user")) << "special tokens are no text";
}

TEST_F(TrainTokenizer, HostileTextAndOptions) {
  const auto has = [](const std::string& message, const std::string& part) {
    return message.find(part) != std::string::npos;
  };
  EXPECT_TRUE(has(refusal(""), "text.txt: expected text, found an empty file"));
  EXPECT_TRUE(has(refusal("abc\xff"), "byte 3: expected UTF-8"));
  EXPECT_TRUE(has(refusal("{\"text\": 3}\n", {}, "a.jsonl"), "a.jsonl:1"));
  EXPECT_TRUE(has(refusal("{\"text\": \"x\"}\n{\"texts\": \"x\"}\n", {}, "a.jsonl"), "a.jsonl:2"));
  EXPECT_TRUE(has(refusal("abc", {.vocab_size = 256}), "expected 257"));
  EXPECT_TRUE(has(refusal("abc", {.vocab_size = std::size_t{1} << 21}), "expected 257"));
  EXPECT_TRUE(has(refusal("abc", {.special_tokens = {}}), "special tokens"));
  EXPECT_TRUE(has(refusal("abc", {.special_tokens = {"<a>", "<a>"}}), "given twice"));
  EXPECT_TRUE(has(refusal("abc", {.special_tokens = {""}}), "special token 0"));
  EXPECT_TRUE(has(refusal("abc", {.special_tokens = {"\xff"}}), "special token 0"));
  EXPECT_TRUE(has(refusal("abc", {.special_tokens = {"a"}}), "ordinary token"));
  EXPECT_TRUE(has(refusal("abc", {.max_token_bytes = 1}), "2 bytes"));
  EXPECT_TRUE(has(refusal("abc", {.threads = 1025}), "threads: expected 0 to 1024"));
  const std::vector<std::string> none = {dir_.file("none.txt")};
  EXPECT_THROW(train_tokenizer(none, out_), Error);
  EXPECT_THROW(train_tokenizer({}, out_), Error);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(has(refusal(sentences(1000), {.stop = stop.get_token()}), "cancelled"));
  // One piece of 3 MiB, NUL bytes, nothing to merge: fine.
  EXPECT_EQ(refusal(std::string(3 << 20, 'a') + std::string(100, '\0')), "");
}

}  // namespace
}  // namespace garam::test
