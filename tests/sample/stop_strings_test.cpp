// Stop strings in pieces against a search of the whole text.
#include "sample/stop_strings.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "garam/error.h"
#include "support/random.h"

namespace garam {
namespace {

using Strings = std::vector<std::string>;

/// What comes out when `pieces` go in, "|" between the parts, and ">" with the index of the match at the end.
std::string run(const Strings& stops, const Strings& pieces) {
  StopStrings matcher(stops);
  std::string out;
  for (const std::string& piece : pieces) out += matcher.push(piece) + "|";
  out += matcher.finish();
  if (matcher.found()) out += ">" + std::to_string(*matcher.found());
  return out;
}

TEST(StopStrings, CutBeforeTheMatch) {
  EXPECT_EQ(run({"END"}, {"one END two"}), "one |>0");
  EXPECT_EQ(run({"END"}, {"one", " two"}), "one| two|");
  EXPECT_EQ(run({"END"}, {"END"}), "|>0");
  EXPECT_EQ(run({}, {"one", "two"}), "one|two|");
}

TEST(StopStrings, StraddlePieces) {
  EXPECT_EQ(run({"END"}, {"one E", "N", "D two"}), "one |||>0");
  EXPECT_EQ(run({"\n\n"}, {"a\n", "\nb"}), "a||>0");
  EXPECT_EQ(run({"END"}, {"E", "N", "E", "N", "D"}), "||EN|||>0");
}

TEST(StopStrings, HoldBackOnlyWhatMayMatch) {
  EXPECT_EQ(run({"END"}, {"one E", "T"}), "one |ET|");
  EXPECT_EQ(run({"END"}, {"one EN"}), "one |EN");
  EXPECT_EQ(run({"aab"}, {"a", "a", "a", "a", "b"}), "||a|a||>0");
  EXPECT_EQ(run({"abc", "bd"}, {"ab", "d"}), "|a|>1");
}

TEST(StopStrings, TheFirstToBeCompletedWins) {
  EXPECT_EQ(run({"abcd", "bc"}, {"xabcd"}), "xa|>1");
  EXPECT_EQ(run({"bc", "abc"}, {"xabcd"}), "x|>1");   // both end here: the longest
  EXPECT_EQ(run({"c", "c", "bc"}, {"abc"}), "a|>2");  // of equal ones the first
  EXPECT_EQ(run({"c", "c"}, {"abc"}), "ab|>0");
  EXPECT_EQ(run({"abcde", "cdf"}, {"abcd", "f"}), "|ab|>1");
}

TEST(StopStrings, CharactersOfSeveralBytes) {
  EXPECT_EQ(run({"\u20ac"}, {"5 \u20ac"}), "5 |>0");
  EXPECT_EQ(run({"\u20ac"}, {"5 \u20ad"}), "5 \u20ad|");  // same first bytes
  EXPECT_EQ(run({std::string("a\0b", 3)}, {std::string("xa\0bc", 5)}), "x|>0");
}

TEST(StopStrings, RefuseWhatCannotBeCut) {
  for (const char* bad : {"", "\x82", "a\xe2\x82", "\xff", "\xc0\x80", "\xed\xa0\x80"}) {
    try {
      StopStrings matcher(Strings{"fine", bad});
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kArgument);
      EXPECT_NE(std::string(error.what()).find("stop_strings[1]"), std::string::npos) << error.what();
    }
  }
}

struct Match {
  std::size_t begin = std::string::npos;
  std::size_t index = 0;
};

Match search(const Strings& stops, const std::string& text) {
  for (std::size_t end = 1; end <= text.size(); ++end) {
    Match best;
    for (std::size_t i = 0; i < stops.size(); ++i) {
      const std::size_t length = stops[i].size();
      if (length > end || text.compare(end - length, length, stops[i]) != 0) continue;
      if (best.begin == std::string::npos || end - length < best.begin) best = {end - length, i};
    }
    if (best.begin != std::string::npos) return best;
  }
  return {};
}

/// Bytes at the end of `text` that a stop string starts with.
std::size_t may_match(const Strings& stops, const std::string& text) {
  std::size_t longest = 0;
  for (const std::string& stop : stops) {
    for (std::size_t n = std::min(stop.size() - 1, text.size()); n > longest; --n) {
      if (text.compare(text.size() - n, n, stop, 0, n) == 0) longest = n;
    }
  }
  return longest;
}

TEST(StopStrings, AgreeWithASearchOfTheWholeText) {
  test::Random random(test::test_seed());
  for (std::size_t round = 0; round < 3000 * test::test_scale(); ++round) {
    const auto word = [&](std::size_t longest) {
      std::string s(1 + random.below(longest), 'a');
      for (char& c : s) c = static_cast<char>('a' + random.below(2));
      return s;
    };
    Strings stops(1 + random.below(4));
    for (std::string& stop : stops) stop = word(7);
    StopStrings matcher(stops);
    std::string text, out;
    for (int piece = 0; piece < 12 && !matcher.found(); ++piece) {
      const std::string next = word(5);
      text += next;
      out += matcher.push(next);
      if (matcher.found()) break;
      ASSERT_EQ(out, text.substr(0, text.size() - may_match(stops, text)));
    }
    const Match expected = search(stops, text);
    ASSERT_EQ(matcher.found().has_value(), expected.begin != std::string::npos) << text;
    out += matcher.finish();
    ASSERT_EQ(out, text.substr(0, expected.begin));
    if (matcher.found()) {
      ASSERT_EQ(*matcher.found(), expected.index);
    }
    ASSERT_EQ(matcher.push("more"), matcher.found() ? "" : matcher.push("") + "more");
  }
}

TEST(StopStrings, ManyAndLongOnesStayLinear) {
  // A quadratic search would compare some 10^11 bytes here.
  Strings stops;
  for (int i = 0; i < 1000; ++i) stops.push_back(std::string(200, 'a') + std::to_string(i) + "!");
  stops.push_back(std::string(300000, 'b') + "c");
  StopStrings matcher(stops);
  const auto start = std::chrono::steady_clock::now();
  std::string out;
  for (int i = 0; i < 100000; ++i) out += matcher.push("aaaaa");
  EXPECT_EQ(out.size(), 500000u - 200u);
  for (int i = 0; i < 100000; ++i) out += matcher.push("bbbbb");
  EXPECT_EQ(out.size(), 1000000u - 300000u);
  out += matcher.push("c");
  EXPECT_EQ(matcher.found(), 1000u);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

}  // namespace
}  // namespace garam
