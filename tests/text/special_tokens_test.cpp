// Finding special tokens, against the plain statement of the rule: longest token first, over the whole text.
#include "text/special_tokens.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "garam/error.h"
#include "support/random.h"

namespace garam {
namespace {

struct Spec {
  std::string text;
  TokenKind kind = TokenKind::kUserDefined;
  bool strip_left = false;
  bool strip_right = false;
};

void fill(Vocabulary& vocabulary, const std::vector<Spec>& specs) {
  vocabulary.source = "test";
  for (const Spec& spec : specs) {
    vocabulary.tokens.push_back(spec.text);
    vocabulary.infos.push_back({spec.kind, false, spec.strip_left, spec.strip_right});
  }
}

/// "text|#3|text": tokens as their ids.
std::string shown(const std::vector<Segment>& segments) {
  std::string out;
  for (const Segment& segment : segments) {
    if (!out.empty()) out += '|';
    out += segment.id == Segment::kText ? std::string(segment.text) : "#" + std::to_string(segment.id);
  }
  return out;
}

std::string split(const std::vector<Spec>& specs, std::string_view text, bool with_control = true) {
  Vocabulary vocabulary;
  fill(vocabulary, specs);
  std::vector<Segment> segments;
  SpecialTokens(vocabulary, with_control).split(text, segments);
  return shown(segments);
}

/// The rule as llama.cpp carries it out: one token after the other cuts all text that is left.
std::string split_directly(const std::vector<Spec>& specs, std::string_view text) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < specs.size(); ++i) order.push_back(i);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return specs[a].text.size() > specs[b].text.size(); });
  std::vector<Segment> segments;
  if (!text.empty()) segments.push_back({text, Segment::kText});
  for (const std::size_t id : order) {
    const Spec& spec = specs[id];
    std::vector<Segment> next;
    for (const Segment& segment : segments) {
      std::string_view rest = segment.text;
      if (segment.id != Segment::kText) next.push_back(segment);
      while (segment.id == Segment::kText && !rest.empty()) {
        const std::size_t at = rest.find(spec.text);
        std::string_view left = rest.substr(0, at);
        if (at != std::string_view::npos && spec.strip_left) {
          while (!left.empty() && left.back() == ' ') left.remove_suffix(1);
        }
        if (!left.empty()) next.push_back({left, Segment::kText});
        if (at == std::string_view::npos) break;
        next.push_back({{}, static_cast<std::int32_t>(id)});
        rest.remove_prefix(at + spec.text.size());
        while (spec.strip_right && !rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
      }
    }
    segments = next;
  }
  return shown(segments);
}

TEST(SpecialTokens, FindsTokens) {
  EXPECT_EQ(split({{"<a>"}, {"<b>"}}, "x<a>y<b><a>"), "x|#0|y|#1|#0");
  EXPECT_EQ(split({{"<a>"}}, ""), "");
  EXPECT_EQ(split({{"<a>"}}, "<a"), "<a");
  EXPECT_EQ(split({}, "<a>"), "<a>");
  EXPECT_EQ(split({{""}, {"<a>"}}, "<a>"), "#1");  // an empty token is found nowhere
  EXPECT_EQ(split({{std::string("a\0b", 3)}}, std::string_view("xa\0by", 5)), "x|#0|y");
}

TEST(SpecialTokens, LongerWinsWhereverItStands) {
  EXPECT_EQ(split({{"ab"}, {"bcd"}}, "abcd"), "a|#1");
  EXPECT_EQ(split({{"ab"}, {"abc"}}, "abcab"), "#1|#0");
  EXPECT_EQ(split({{"ba"}, {"ab"}}, "aba"), "a|#0");  // equally long: the smaller id
  EXPECT_EQ(split({{"aa"}}, "aaaaa"), "#0|#0|a");     // the same token: leftmost
  EXPECT_EQ(split({{"\n"}, {"\n\n"}, {"\n\n\n"}}, "\n\n\n\n\n"), "#2|#1");
  EXPECT_EQ(split({{"a"}, {"ab"}, {"bcd"}}, "abcd"), "#0|#2");  // falls back to the shorter token
}

TEST(SpecialTokens, ControlTokensOnlyWhenAskedFor) {
  const std::vector<Spec> specs = {
      {"<c>", TokenKind::kControl}, {"<u>"}, {"<n>", TokenKind::kUnknown}, {"<w>", TokenKind::kNormal}};
  EXPECT_EQ(split(specs, "<c><u><n><w>", true), "#0|#1|#2|<w>");
  EXPECT_EQ(split(specs, "<c><u><n><w>", false), "<c>|#1|<n><w>");
}

TEST(SpecialTokens, SwallowWhiteSpace) {
  const std::vector<Spec> specs = {{"<r>", TokenKind::kControl, false, true},
                                   {"<l>", TokenKind::kControl, true, false}};
  EXPECT_EQ(split(specs, "a <r> \n\tb"), "a |#0|b");
  EXPECT_EQ(split(specs, "a \n<l> b"), "a|#1| b");
  EXPECT_EQ(split(specs, "<r>  <l>"), "#0|#1");
  EXPECT_EQ(split(specs, "<r>  "), "#0");
  EXPECT_EQ(split(specs, "  <l>"), "#1");
  EXPECT_EQ(split(specs, "<r>\xc2\xa0x"), "#0|\xc2\xa0x");  // ASCII white space only
}

TEST(SpecialTokens, EqualsOneTokenAfterTheOther) {
  test::Random random(test::test_seed());
  for (std::size_t round = 0; round < 20000 * test::test_scale(); ++round) {
    std::vector<Spec> specs;
    const auto letters = [&](std::size_t n) {
      std::string text;
      while (n-- > 0) text += " ab"[random.below(3)];
      return text;
    };
    for (std::size_t n = random.below(7); n > 0; --n) {
      const std::string text = letters(1 + random.below(5));
      const bool known =
          std::any_of(specs.begin(), specs.end(), [&](const Spec& s) { return s.text == text; });
      if (known) continue;
      specs.push_back({text, TokenKind::kControl, random.below(8) == 0, random.below(8) == 0});
    }
    const std::string text = letters(random.below(30));
    ASSERT_EQ(split(specs, text), split_directly(specs, text))
        << "round " << round << ", text \"" << text << '"';
  }
}

TEST(SpecialTokens, RefusesMegabytesOfThem) {
  Vocabulary vocabulary;
  fill(vocabulary, {{std::string(5u << 20, 'a')}});
  EXPECT_THROW(SpecialTokens(vocabulary, true), Error);
}

}  // namespace
}  // namespace garam
