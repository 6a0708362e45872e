// Normalisation form C against the whole repertoire: by annex 15's own properties, known pairs, and the
// places that tokens keep.
#include "text/compose.h"

#include <gtest/gtest.h>

#include "support/random.h"
#include "text/unicode.h"

namespace garam {
namespace {

std::string composed(std::string_view text) {
  std::vector<std::int32_t> ids;
  TokenOutput out{ids};
  std::string storage;
  return std::string(compose(text, storage, out));
}

TEST(Compose, KnownTexts) {
  const std::pair<const char*, const char*> kCases[] = {
      {"plain", "plain"},
      {"e\xcc\x81", "\xc3\xa9"},                                 // e + acute
      {"xe\xcc\x81y e\xcc\x81", "x\xc3\xa9y \xc3\xa9"},          // in the middle and at the end
      {"a\xcc\xa3\xcc\x82", "\xe1\xba\xad"},                     // dot below, circumflex
      {"a\xcc\x82\xcc\xa3", "\xe1\xba\xad"},                     // in the other order
      {"q\xcc\x87\xcc\xa3", "q\xcc\xa3\xcc\x87"},                // nothing composes, marks are put in order
      {"\xe2\x84\xab", "\xc3\x85"},                              // the angstrom sign is a letter
      {"\xe0\xa5\x98", "\xe0\xa4\x95\xe0\xa4\xbc"},              // excluded from composition
      {"\xe1\x84\x80\xe1\x85\xa1", "\xea\xb0\x80"},              // Hangul: lead and vowel
      {"\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8", "\xea\xb0\x81"},  // and tail
      {"\xea\xb0\x80\xe1\x86\xa8", "\xea\xb0\x81"},              // a syllable and a tail
      {"\xcc\x81"
       "e",
       "\xcc\x81"
       "e"},  // a mark with nothing before it
      {"", ""},
  };
  for (const auto& [text, expected] : kCases) EXPECT_EQ(composed(text), expected) << text;
}

TEST(Compose, IsTheSameWhenDoneTwiceAndInAnyContext) {
  test::Random random(test::test_seed());
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (std::size_t i = random.below(6); i-- > 0;) {
      const std::uint32_t kBegins[] = {0x20, 0xc0, 0x300, 0x300, 0x900, 0x1100, 0x1e00, 0xac00, 0x10000};
      append_utf8(text,
                  kBegins[random.below(std::size(kBegins))] + static_cast<std::uint32_t>(random.below(0x90)));
    }
    const std::string once = composed(text);
    EXPECT_EQ(composed(once), once) << text;
    EXPECT_EQ(composed("x" + text + " y"), composed("x" + text) + " y") << text;
  }
}

TEST(Compose, EveryCharacterComposesBackFromItself) {
  for (std::uint32_t code = 0; code < 0x110000; ++code) {
    if (code >= 0xd800 && code < 0xe000) continue;
    std::string text;
    append_utf8(text, code);
    const std::string once = composed(text);
    ASSERT_EQ(composed(once), once) << std::hex << code;
    if (code < 0x300) {
      ASSERT_EQ(once, text) << std::hex << code;
    }
  }
}

TEST(Compose, OriginsCoverWhatASegmentWasMadeFrom) {
  std::vector<std::int32_t> ids;
  std::vector<TextRange> ranges;
  TokenOutput out{ids, &ranges};
  std::string storage;
  const std::string_view text = "xe\xcc\x81y";
  EXPECT_EQ(compose(text, storage, out), "x\xc3\xa9y");
  ASSERT_EQ(out.origin.size(), 4u);
  const std::pair<std::uint32_t, std::uint32_t> expected[] = {{0, 1}, {1, 4}, {1, 4}, {4, 5}};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(std::pair(out.origin[i].begin, out.origin[i].end), expected[i]) << i;
  }
}

TEST(Compose, MillionsOfMarksTakeLittleTime) {
  std::string text = "e";
  for (int i = 0; i < 500000; ++i) text += i % 2 == 0 ? "\xcc\xa3" : "\xcc\x81";
  EXPECT_EQ(composed(text).size(), text.size() + 3 - 1 - 2);  // one dot below joins the e: U+1EB9
}

}  // namespace
}  // namespace garam
