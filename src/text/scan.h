// What the hand-written scanners of pre-tokenizers share: looking at the character under a pointer.
#pragma once

#include <cstdint>
#include <string_view>

#include "text/unicode.h"

namespace garam {

/// A character with its class; at the end of the text `value` is kEnd and no class bit but kPastEnd is set.
struct Char {
  static constexpr std::uint32_t kEnd = 0xffffffff;
  static constexpr std::uint8_t kPastEnd = 0x80;

  std::uint32_t value = kEnd;
  std::uint32_t length = 0;  ///< bytes
  std::uint8_t classes = kPastEnd;

  bool is(unsigned mask) const { return (classes & mask) != 0; }
};

/// Reads characters of one text, which repair_utf8() must have passed.
class CharReader {
 public:
  explicit CharReader(std::string_view text)
      : end_(text.data() + text.size()), classes_(character_classes()) {}

  /// The character at `p`, which may be the end.
  Char at(const char* p) const {
    if (p == end_) return Char{};
    const auto byte = static_cast<unsigned char>(*p);
    if (byte < 0x80) return Char{byte, 1, classes_[byte]};
    const CodePoint c = decode_utf8(p);
    return Char{c.value, c.length, classes_[c.value]};
  }

  /// The first place from `p` on whose character has one of the classes in `mask`, or none of them if `until`
  /// is false.
  const char* skip(const char* p, unsigned mask, bool until = false) const {
    for (;;) {
      const Char c = at(p);
      if (c.value == Char::kEnd || c.is(mask) == until) return p;
      p += c.length;
    }
  }

  const char* end() const { return end_; }

 private:
  const char* end_;
  const std::uint8_t* classes_;
};

/// Bytes of an English contraction ('s 't 're 've 'm 'll 'd) behind the apostrophe at `p`, 0 if there is
/// none. `fold` is or-ed into the letters: 0x20 accepts capitals too.
inline std::size_t contraction_length(const CharReader& reader, const char* p, unsigned char fold) {
  const std::size_t left = static_cast<std::size_t>(reader.end() - p);
  if (left < 2) return 0;
  const int first = static_cast<unsigned char>(p[1]) | fold;
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  if (left < 3) return 0;
  const int second = static_cast<unsigned char>(p[2]) | fold;
  const bool known =
      (first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l');
  return known ? 3 : 0;
}

/// The end of the piece of white space that begins at `p` with a white space character: all of it at the end
/// of the text, else all but its last character, which goes with the word behind it; one character stays.
/// (\s+(?!\S)|\s+)
inline const char* white_space_end(const CharReader& reader, const char* p) {
  const char* last = p;
  const char* q = p;
  for (Char c = reader.at(q); c.is(kSpace); c = reader.at(q)) {
    last = q;
    q += c.length;
  }
  return q == reader.end() || last == p ? q : last;
}

}  // namespace garam
