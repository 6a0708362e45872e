// UTF-8 and the character classes that pre-tokenizers ask for. Knows nothing about vocabularies.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace garam {

/// What a code point is, as bits: the general categories of Unicode 15.1 and the property White_Space.
enum CharacterClass : std::uint8_t {
  kLetter = 1,        ///< \p{L}
  kNumber = 2,        ///< \p{N}
  kSpace = 4,         ///< \s, White_Space
  kMark = 8,          ///< \p{M}
  kPunctuation = 16,  ///< \p{P}
  kSymbol = 32,       ///< \p{S}
  kControl = 64,      ///< \p{C} but for unassigned code points and white space
};

namespace detail {
extern const std::array<std::uint32_t, 2276> kClassRanges;
extern const std::array<std::uint64_t, 180> kLowercase;
extern const std::array<std::uint64_t, 1714> kDecompositionLeads;  // but for Hangul
}  // namespace detail

/// CharacterClass bits of every code point up to 0x10FFFF; built at the first call, lives for ever.
const std::uint8_t* character_classes();

/// Bytes of the UTF-8 sequence that starts with `lead`, 1 to 4; 1 for a byte that cannot start one.
inline std::size_t utf8_length(char lead) {
  constexpr std::uint8_t kLengths[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4};
  return kLengths[static_cast<unsigned char>(lead) >> 4];
}

/// A code point and the bytes it was written in.
struct CodePoint {
  std::uint32_t value;
  std::uint32_t length;
};

/// The code point at `p`, which must lie in text that repair_utf8() would leave alone.
inline CodePoint decode_utf8(const char* p) {
  const auto byte = [p](int i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(p[i])); };
  if (byte(0) < 0x80) return {byte(0), 1};
  if (byte(0) < 0xe0) return {(byte(0) & 0x1f) << 6 | (byte(1) & 0x3f), 2};
  if (byte(0) < 0xf0) return {(byte(0) & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f), 3};
  return {(byte(0) & 0x07) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f), 4};
}

/// The simple lowercase mapping of UnicodeData.txt.
std::uint32_t to_lowercase(std::uint32_t code_point);
/// The first code point of the canonical decomposition (NFD), which for letters is the one without accents.
std::uint32_t decomposition_lead(std::uint32_t code_point);

/// The code point that `text` (not empty) starts with, as the reference tokenizers read any bytes: U+FFFD for
/// a byte that cannot be decoded; overlong forms and surrogates are taken for what they say.
CodePoint decode_leniently(std::string_view text);

/// Appends the UTF-8 of `code_point` (at most 0x10FFFF) to `out`.
void append_utf8(std::string& out, std::uint32_t code_point);

/// Makes text that decode_utf8() can read, the way the reference tokenizers do: an undecodable byte becomes
/// U+FFFD, an overlong form the shortest one; surrogates stay. Returns `text` itself where nothing is to do,
/// else a view of `storage`.
std::string_view repair_utf8(std::string_view text, std::string& storage);

/// How a byte sequence starts, by the strict rules of Unicode (table 3-7).
enum class Utf8Start {
  kCharacter,   ///< with a character
  kIncomplete,  ///< with the first bytes of a character, and ends there
  kInvalid,     ///< with bytes that no continuation makes valid
};

/// What `text` (not empty) starts with. `length` receives the bytes of the character, or of the maximal
/// subpart that one U+FFFD stands for.
Utf8Start classify_utf8_start(std::string_view text, std::size_t& length);

}  // namespace garam
