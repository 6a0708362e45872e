// SentencePiece's character map: lookups in small hand-made maps, and maps that contradict themselves.
#include "text/character_map.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "garam/error.h"
#include "text/small_character_map.h"

namespace garam {
namespace {

using test::character_map_of;
using test::kValueUnit;
using test::small_character_map;
using Bytes = std::vector<std::uint8_t>;

std::string replaced(const CharacterMap& map, std::string_view text) {
  const CharacterMap::Match match = map.find(text);
  return std::to_string(match.length) + ":" + std::string(match.replacement);
}

std::string error_of(const Bytes& bytes, ErrorCode code = ErrorCode::kFormat) {
  try {
    const CharacterMap map(bytes, "file.gguf");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    const std::string message = error.what();
    EXPECT_EQ(message.find("file.gguf: tokenizer.ggml.precompiled_charsmap: expected "), 0u) << message;
    return message;
  }
  return "none";
}

TEST(CharacterMap, LongestPrefixWins) {
  const CharacterMap map(small_character_map(), "test");
  EXPECT_EQ(replaced(map, "Ax"), "1:a");
  EXPECT_EQ(replaced(map, "AB"), "2:c d");
  EXPECT_EQ(replaced(map, "ABC"), "2:c d");  // "ABCD" is in the map, "ABC" is not
  EXPECT_EQ(replaced(map, "ABCDE"), "4:");   // may become nothing
  EXPECT_EQ(replaced(map, "\t"), "1: ");
  EXPECT_EQ(replaced(map, "B"), "0:");
  EXPECT_EQ(replaced(map, ""), "0:");
}

TEST(CharacterMap, NulBytesMatchNothing) {
  const CharacterMap map(small_character_map(), "test");
  EXPECT_EQ(replaced(map, std::string_view("\0A", 2)), "0:");
  EXPECT_EQ(replaced(map, std::string_view("A\0B", 3)), "1:a");
}

TEST(CharacterMap, EmptyMapsReplaceNothing) {
  EXPECT_EQ(replaced(CharacterMap(), "A"), "0:");
  EXPECT_EQ(replaced(CharacterMap(Bytes{}, "test"), "A"), "0:");
  EXPECT_EQ(replaced(CharacterMap(Bytes{0, 0, 0, 0, 0}, "test"), "A"), "0:");
}

TEST(CharacterMap, RejectsMalformedHeaders) {
  EXPECT_NE(error_of({1, 0, 0}).find("at least 4 bytes, found 3"), std::string::npos);
  EXPECT_NE(error_of({0, 0, 0, 0}).find("found a size of 0"), std::string::npos);
  EXPECT_NE(error_of({0xff, 0xff, 0xff, 0xff, 0, 0}).find("found a size of 4294967295"), std::string::npos);
  EXPECT_NE(error_of({3, 0, 0, 0, 0, 0, 0, 0}).find("whole 32-bit numbers"), std::string::npos);
}

TEST(CharacterMap, EveryTruncationIsNoticedOrHarmless) {
  const Bytes whole = small_character_map();
  for (std::size_t size = 1; size < whole.size(); ++size) {
    const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_NE(error_of(part), "none") << size;
  }
}

TEST(CharacterMap, RejectsIndicesOutOfRange) {
  // Unit 1 is the child of the root by byte 1; its replacement's place lies outside, then inside.
  const std::uint32_t root = 0;
  const std::uint32_t far = 1 | 1u << 8 | 0x1000u << 10;
  EXPECT_NE(error_of(character_map_of({root, far}, std::string("a\0", 2))).find("one of 2 units, found 4097"),
            std::string::npos);
  const std::uint32_t near = 1 | 1u << 8 | 3u << 10;
  const auto with_value = [&](std::uint32_t value) {
    return character_map_of({root, near, kValueUnit | value}, std::string("a\0", 2));
  };
  EXPECT_EQ(replaced(CharacterMap(with_value(0), "test"), "\x01"), "1:a");
  EXPECT_NE(error_of(with_value(2)).find("one of 2 bytes of replacements, found 2"), std::string::npos);
  EXPECT_NE(error_of(with_value(0x7fffffff)).find("found 2147483647"), std::string::npos);
}

TEST(CharacterMap, RejectsUnfinishedAndHugeReplacements) {
  EXPECT_NE(error_of(character_map_of({0}, "a")).find("a NUL byte at the end"), std::string::npos);
  std::string huge(256, 'a');
  huge += '\0';
  EXPECT_NE(error_of(character_map_of({0}, huge), ErrorCode::kUnsupported).find("at most 255 bytes"),
            std::string::npos);
  EXPECT_EQ(error_of(character_map_of({0}, huge.substr(1))), "none");
}

TEST(CharacterMap, LeadingOutOfTheArrayMatchesNothing) {
  const CharacterMap map(character_map_of({0x1fffffu << 10 | 1u << 9}, std::string(1, '\0')), "test");
  for (int b = 0; b < 256; ++b) EXPECT_EQ(map.find(std::string(3, static_cast<char>(b))).length, 0u);
}

TEST(CharacterMap, CirclesEnd) {
  // Byte 1 leads from unit 1 to unit 1: its state is the root's. Each round has a replacement, in unit 0.
  const CharacterMap map(character_map_of({0, 1 | 1u << 8 | 1u << 10}, std::string(1, '\0')), "test");
  EXPECT_EQ(map.find(std::string(100000, '\x01')).length, CharacterMap::kMaxPrefix);
}

TEST(CharacterMap, RandomBytesNeverReadOutside) {
  std::uint32_t state = 1;
  const auto random = [&state] { return state = state * 1664525u + 1013904223u, state >> 8; };
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::uint32_t> units(1 + random() % 64);
    for (std::uint32_t& unit : units) unit = (random() & 0xff) | (random() % 64) << 10 | (random() & 1) << 31;
    for (std::uint32_t& unit : units) unit |= random() % 8 == 0 ? 1u << 8 : 0;
    std::string text;
    for (int i = 0; i < 300; ++i) text += static_cast<char>(random());
    try {
      const CharacterMap map(character_map_of(units, std::string("ab\0c\0", 5)), "test");
      for (std::size_t i = 0; i < text.size(); ++i) {
        EXPECT_LE(map.find(std::string_view(text).substr(i)).replacement.size(), 2u);
      }
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kFormat);
    }
  }
}

}  // namespace
}  // namespace garam
