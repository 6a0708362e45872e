// UTF-8 repair and classification, character classes.
#include "text/unicode.h"

#include <gtest/gtest.h>

#include <string>

#include "support/random.h"

namespace garam {
namespace {

std::string repaired(std::string_view text) {
  std::string storage;
  return std::string(repair_utf8(text, storage));
}

TEST(Unicode, Classes) {
  const std::uint8_t* classes = character_classes();
  EXPECT_EQ(classes[std::size_t{'a'}], kLetter);
  EXPECT_EQ(classes[std::size_t{'7'}], kNumber);
  EXPECT_EQ(classes[std::size_t{' '}], kSpace);
  EXPECT_EQ(classes[std::size_t{'\n'}], kSpace);
  EXPECT_EQ(classes[0x1c], kControl);  // \s of Python has it, White_Space has not
  EXPECT_EQ(classes[std::size_t{'!'}], kPunctuation);
  EXPECT_EQ(classes[std::size_t{'+'}], kSymbol);
  EXPECT_EQ(classes[0xbd], kNumber);     // one half
  EXPECT_EQ(classes[0x301], kMark);      // combining acute
  EXPECT_EQ(classes[0x3000], kSpace);    // ideographic space
  EXPECT_EQ(classes[0x200b], kControl);  // zero width space
  EXPECT_EQ(classes[0x4e2d], kLetter);   // first and last code points of <First>..<Last> ranges too
  EXPECT_EQ(classes[0xac00], kLetter);
  EXPECT_EQ(classes[0xd7a3], kLetter);
  EXPECT_EQ(classes[0xd7a4], 0);
  EXPECT_EQ(classes[0x2ebf0], kLetter);  // new in 15.1
  EXPECT_EQ(classes[0x2ee5e], 0);        // unassigned
  EXPECT_EQ(classes[0x1f600], kSymbol);
  EXPECT_EQ(classes[0x10ffff], 0);
}

TEST(Unicode, Mappings) {
  EXPECT_EQ(to_lowercase('A'), 'a');
  EXPECT_EQ(to_lowercase('a'), 'a');
  EXPECT_EQ(to_lowercase(0x100), 0x101u);  // alternating pairs
  EXPECT_EQ(to_lowercase(0x101), 0x101u);
  EXPECT_EQ(to_lowercase(0x130), 'i');
  EXPECT_EQ(to_lowercase(0x10400), 0x10428u);
  EXPECT_EQ(decomposition_lead('e'), 'e');
  EXPECT_EQ(decomposition_lead(0xe9), 'e');
  EXPECT_EQ(decomposition_lead(0x1ea5), 'a');  // over two steps
  EXPECT_EQ(decomposition_lead(0xac01), 0x1100u);
  EXPECT_EQ(decomposition_lead(0xd7a3), 0x1112u);
  EXPECT_EQ(decomposition_lead(0x10ffff), 0x10ffffu);
  EXPECT_EQ(to_lowercase(0x10ffff), 0x10ffffu);
  EXPECT_EQ(decomposition_lead(0x2fa1d), 0x2a600u);  // the last of its table
  EXPECT_EQ(decomposition_lead(0xd7a4), 0xd7a4u);
}

TEST(Unicode, ClassCounts) {
  // Counted from Unicode 15.1's UnicodeData.txt; a slip in the generator shows here.
  std::size_t letters = 0, numbers = 0, spaces = 0, marks = 0;
  for (std::size_t c = 0; c < 0x110000; ++c) {
    letters += (character_classes()[c] & kLetter) != 0;
    numbers += (character_classes()[c] & kNumber) != 0;
    spaces += (character_classes()[c] & kSpace) != 0;
    marks += (character_classes()[c] & kMark) != 0;
  }
  EXPECT_EQ(letters, 136726u);
  EXPECT_EQ(numbers, 1831u);
  EXPECT_EQ(spaces, 25u);
  EXPECT_EQ(marks, 2450u);
}

TEST(Unicode, AppendAndDecodeAreInverse) {
  for (std::uint32_t c = 0; c < 0x110000; ++c) {
    std::string text;
    append_utf8(text, c);
    ASSERT_EQ(text.size(), utf8_length(text[0]));
    ASSERT_EQ(decode_utf8(text.data()).value, c);
    ASSERT_EQ(repaired(text), text);
  }
}

TEST(Unicode, RepairReplacesEachUndecodableByte) {
  const std::string bad = "\xef\xbf\xbd";
  EXPECT_EQ(repaired("plain ascii, longer than eight bytes"), "plain ascii, longer than eight bytes");
  EXPECT_EQ(repaired("abcdefgh\xff"), "abcdefgh" + bad);
  EXPECT_EQ(repaired("\x80\x80"), bad + bad);
  EXPECT_EQ(repaired("\xe4\xb8"), bad + bad);
  EXPECT_EQ(repaired("\xe4\xb8x"), bad + bad + "x");
  EXPECT_EQ(repaired("\xf0\x9f\x98\x80"), "\xf0\x9f\x98\x80");
  EXPECT_EQ(repaired("\xf4\x90\x80\x80"), bad + bad + bad + bad);  // above U+10FFFF
  EXPECT_EQ(repaired("\xc1\x81z"), "Az");                          // overlong, as the references read it
  EXPECT_EQ(repaired("\xed\xa0\x80"), "\xed\xa0\x80");             // a surrogate stays
  EXPECT_EQ(repaired(std::string_view("a\0\xc3\xa9", 4)), std::string("a\0\xc3\xa9", 4));
}

/// The strict definition, by decoding and encoding again.
bool is_strict_character(std::string_view text) {
  if (text.size() != utf8_length(text[0]) || static_cast<unsigned char>(text[0]) >= 0xf8) return false;
  for (const char c : text.substr(1)) {
    if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) return false;
  }
  if (text.size() == 1) return static_cast<unsigned char>(text[0]) < 0x80;
  const std::uint32_t value = decode_utf8(text.data()).value;
  std::string again;
  if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return false;
  append_utf8(again, value);
  return again == text;
}

TEST(Unicode, ClassifiesEveryShortSequence) {
  // A prefix is incomplete when some continuation makes a character of it; trying the extremes of each byte
  // and one between is enough, since every condition is a range that holds one of them.
  const char kTries[] = {'\x80', '\x8f', '\x90', '\x9f', '\xa0', '\xbf'};
  const auto can_continue = [&](std::string text, auto&& self) -> bool {
    if (text.size() > 4) return false;
    if (is_strict_character(text)) return true;
    for (const char c : kTries) {
      if (self(text + c, self)) return true;
    }
    return false;
  };
  for (unsigned a = 0; a < 256; ++a) {
    const std::string one(1, static_cast<char>(a));
    for (unsigned b = 0; b < 256; ++b) {
      const std::string two = one + static_cast<char>(b);
      std::size_t length = 0;
      const Utf8Start start = classify_utf8_start(two, length);
      if (is_strict_character(one)) {
        ASSERT_EQ(start, Utf8Start::kCharacter) << a;
        ASSERT_EQ(length, 1u);
      } else if (is_strict_character(two)) {
        ASSERT_EQ(start, Utf8Start::kCharacter) << a << " " << b;
        ASSERT_EQ(length, 2u);
      } else if (can_continue(two, can_continue)) {
        ASSERT_EQ(start, Utf8Start::kIncomplete) << a << " " << b;
      } else {
        ASSERT_EQ(start, Utf8Start::kInvalid) << a << " " << b;
        ASSERT_EQ(length, 1u);
      }
    }
  }
}

TEST(Unicode, DecodesLenientlyWhatRepairWrites) {
  test::Random random(test::test_seed());
  for (int i = 0; i < 20000; ++i) {
    std::string text(1 + random.below(12), '\0');
    for (char& c : text)
      c = static_cast<char>(random.below(3) == 0 ? 0xe0 + random.below(32) : random.bits());
    std::string written;
    for (std::string_view rest = text; !rest.empty();) {
      const CodePoint c = decode_leniently(rest);
      append_utf8(written, c.value);
      rest.remove_prefix(c.length);
    }
    ASSERT_EQ(written, repaired(text));
  }
}

TEST(Unicode, MaximalSubparts) {
  std::size_t length = 0;
  EXPECT_EQ(classify_utf8_start("\xf0\x9f\x98", length), Utf8Start::kIncomplete);
  EXPECT_EQ(classify_utf8_start("\xf0\x9f\x98x", length), Utf8Start::kInvalid);
  EXPECT_EQ(length, 3u);
  EXPECT_EQ(classify_utf8_start("\xe0\x80\x80", length), Utf8Start::kInvalid);
  EXPECT_EQ(length, 1u);
  EXPECT_EQ(classify_utf8_start("\xed\xa0\x80", length), Utf8Start::kInvalid);
  EXPECT_EQ(length, 1u);
  EXPECT_EQ(classify_utf8_start("\xf0\x9f\x98\x80z", length), Utf8Start::kCharacter);
  EXPECT_EQ(length, 4u);
}

TEST(Unicode, RepairOfRandomBytesIsStable) {
  test::Random random(test::test_seed());
  for (int i = 0; i < 20000; ++i) {
    std::string text(random.below(24), '\0');
    for (char& c : text)
      c = static_cast<char>(random.below(4) == 0 ? random.below(128) : 128 + random.below(128));
    const std::string once = repaired(text);
    ASSERT_EQ(repaired(once), once);
  }
}

}  // namespace
}  // namespace garam
