// The merge loop against a direct one, short and long pieces, many equal ranks.
#include "text/merge_parts.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "support/random.h"

namespace garam {
namespace {

using Rules = std::map<std::pair<std::uint32_t, std::uint32_t>, Merge>;

/// Searches all pairs anew after each merge.
std::vector<std::uint32_t> merge_directly(std::vector<std::uint32_t> symbols, const Rules& rules) {
  for (;;) {
    std::size_t best = symbols.size();
    Merge chosen;
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      const auto rule = rules.find({symbols[i], symbols[i + 1]});
      if (rule == rules.end() || rule->second.rank >= chosen.rank) continue;
      best = i;
      chosen = rule->second;
    }
    if (best == symbols.size()) return symbols;
    symbols[best] = chosen.symbol;
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

/// What merge_parts() chooses by length, each for any length. All leave the scratch ready for the next piece.
enum class Way { kChosen, kHeap, kBuckets };
class MergeWays : public testing::TestWithParam<Way> {
 protected:
  template <class Lookup>
  std::size_t merge(MergePart* parts, std::size_t count, const Lookup& lookup) {
    if (GetParam() == Way::kHeap) return detail::merge_many(parts, count, lookup, scratch_, scratch_.heap);
    if (GetParam() == Way::kBuckets) {
      return detail::merge_many(parts, count, lookup, scratch_, scratch_.buckets);
    }
    return merge_parts(parts, count, lookup, scratch_);
  }
  MergeScratch scratch_;
};

TEST_P(MergeWays, EqualTheDirectLoop) {
  test::Random random(test::test_seed());
  for (std::size_t round = 0; round < 3000 * test::test_scale(); ++round) {
    Rules rules;
    const std::uint32_t alphabet = 1 + static_cast<std::uint32_t>(random.below(4));
    std::uint32_t symbols = alphabet;
    for (std::size_t n = random.below(12); n > 0; --n) {
      const auto left = static_cast<std::uint32_t>(random.below(symbols));
      const auto right = static_cast<std::uint32_t>(random.below(symbols));
      // Few ranks half of the time, so that ties are common: scores of SentencePiece tie, and the leftmost
      // pair goes first.
      const auto ranks = round % 2 == 0 ? 4u : 300u;
      rules.insert({{left, right}, {static_cast<std::uint32_t>(random.below(ranks)), symbols++}});
    }
    std::vector<std::uint32_t> text(1 + random.below(round % 3 == 0 ? 200 : 2 * kShortPiece));
    for (auto& symbol : text) symbol = static_cast<std::uint32_t>(random.below(alphabet));

    std::vector<MergePart> parts;
    for (std::size_t i = 0; i < text.size(); ++i) parts.push_back({static_cast<std::uint32_t>(i), text[i]});
    parts.push_back({static_cast<std::uint32_t>(text.size()), 0});
    const auto lookup = [&](const MergePart& left, const MergePart& right, std::uint32_t end) {
      EXPECT_LT(left.begin, right.begin);
      EXPECT_LT(right.begin, end);
      const auto rule = rules.find({left.symbol, right.symbol});
      return rule == rules.end() ? Merge{} : rule->second;
    };
    const std::size_t count = merge(parts.data(), text.size(), lookup);
    std::vector<std::uint32_t> merged;
    for (std::size_t i = 0; i < count; ++i) merged.push_back(parts[i].symbol);
    ASSERT_EQ(merged, merge_directly(text, rules)) << "round " << round << " of seed " << test::test_seed();
    ASSERT_EQ(parts[0].begin, 0u);
    ASSERT_EQ(parts[count].begin, text.size());
  }
}

std::string name_of_way(const testing::TestParamInfo<Way>& info) {
  return info.param == Way::kHeap ? "heap" : info.param == Way::kBuckets ? "buckets" : "chosen";
}
INSTANTIATE_TEST_SUITE_P(Merge, MergeWays, testing::Values(Way::kChosen, Way::kHeap, Way::kBuckets),
                         name_of_way);

TEST(MergeParts, TakesTheLeftmostOfEquals) {
  for (const std::size_t size : {3ul, kShortPiece + 1, kLongPiece + 1}) {
    std::vector<MergePart> parts;
    for (std::size_t i = 0; i <= size; ++i) parts.push_back({static_cast<std::uint32_t>(i), 0});
    const auto lookup = [](const MergePart& left, const MergePart& right, std::uint32_t) {
      return left.symbol == 0 && right.symbol == 0 ? Merge{7, 1} : Merge{};
    };
    MergeScratch scratch;
    const std::size_t count = merge_parts(parts.data(), size, lookup, scratch);
    ASSERT_EQ(count, (size + 1) / 2);
    EXPECT_EQ(parts[0].symbol, 1u);
    EXPECT_EQ(parts[count - 1].symbol, 0u);  // the odd one out is the last
  }
}

TEST(HashTables, HoldWhatWasPutIn) {
  test::Random random(test::test_seed());
  std::vector<std::string> texts;
  for (int i = 0; i < 5000; ++i) {
    std::string text;
    for (std::size_t n = random.below(40); n > 0; --n) text += static_cast<char>('a' + random.below(3));
    texts.push_back(text);
  }
  std::map<std::string, std::uint32_t> expected;
  TextList list;
  TextTable table(list);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto value = static_cast<std::uint32_t>(i);
    expected.insert({texts[i], value});
    list.push_back(texts[i]);
    EXPECT_EQ(table.insert(value), expected[texts[i]]);
  }
  for (const auto& [text, value] : expected) EXPECT_EQ(table.find(text), value);
  EXPECT_EQ(table.find("zzz"), TextTable::kAbsent);

  PairTable pairs(100);
  for (std::uint32_t i = 0; i < 100; ++i) pairs.insert(i % 10, i / 10, {i, i + 1});
  pairs.insert(3, 4, {999, 999});  // the first merge of a pair stays
  EXPECT_EQ(pairs.find(3, 4).rank, 43u);
  EXPECT_EQ(pairs.find(4, 3).symbol, 35u);
  EXPECT_EQ(pairs.find(10, 0).rank, Merge::kNone);
}

}  // namespace
}  // namespace garam
