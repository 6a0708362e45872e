// What the hand-written scanners of pre-tokenizers share: looking at the character under a pointer.
#pragma once

#include <cstdint>
#include <string_view>

#include "text/pretokenizer.h"
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

inline bool is_newline(const Char& c) {
  return c.value == '\r' || c.value == '\n';
}

/// The end of the piece of white space that begins at `p` with a white space character: all of it at the end
/// of the text, else all but its last character, which goes with the word behind it; one character stays.
/// (\s+(?!\S)|\s+) With `kLines`, a run that has line breaks ends at the last. (\s*[\r\n]+|\s+(?!\S)|\s+)
template <bool kLines>
const char* white_space_end(const CharReader& reader, const char* p) {
  const char* after_break = nullptr;
  const char* last = p;
  const char* q = p;
  for (Char c = reader.at(q); c.is(kSpace); c = reader.at(q)) {
    last = q;
    q += c.length;
    if (kLines && is_newline(c)) after_break = q;
  }
  if (after_break != nullptr) return after_break;
  return q == reader.end() || last == p ? q : last;
}

/// Up to `most` numbers; `p` is behind the first.
inline const char* numbers_end(const CharReader& reader, const char* p, int most) {
  for (int digits = 1; digits < most; ++digits) {
    const Char digit = reader.at(p);
    if (!digit.is(kNumber)) break;
    p += digit.length;
  }
  return p;
}

/// The end of what GPT-4o and Tekken make of no word and no number, from `p` on, where `c` stands:
/// punctuation with the space before and the line breaks and slashes behind it, or white space.
inline const char* symbols_end(const CharReader& reader, const char* p, const Char& c) {
  constexpr unsigned kNotPunctuation = kLetter | kNumber | kSpace;
  const Char& first = c.value == ' ' ? reader.at(p + c.length) : c;
  if (!first.is(kNotPunctuation | Char::kPastEnd)) {
    p = reader.skip(p + c.length, kNotPunctuation, true);
    for (Char tail = reader.at(p); is_newline(tail) || tail.value == '/'; tail = reader.at(p)) ++p;
    return p;
  }
  return white_space_end<true>(reader, p);
}

/// Calls `end_of(reader, p)` for the end of each piece, one after the other.
template <class EndOf>
void cut(std::string_view text, PieceSink& sink, const EndOf& end_of) {
  const CharReader reader(text);
  for (const char* p = text.data(); p != reader.end();) {
    const char* q = end_of(reader, p);
    sink.piece({p, static_cast<std::size_t>(q - p)});
    p = q;
  }
}

/// Makes pieces of what a pattern matches and of what lies between. `match(reader, p, c)` gives the end of a
/// match that begins at `p`, where `c` stands, or nullptr.
template <class Match>
void isolate(std::string_view text, PieceSink& sink, const Match& match) {
  const CharReader reader(text);
  const char* from = text.data();
  for (const char* p = from; p != reader.end();) {
    const Char c = reader.at(p);
    const char* q = match(reader, p, c);
    if (q == nullptr) {
      p += c.length;
      continue;
    }
    if (p != from) sink.piece({from, static_cast<std::size_t>(p - from)});
    sink.piece({p, static_cast<std::size_t>(q - p)});
    from = p = q;
  }
  if (from != reader.end()) sink.piece({from, static_cast<std::size_t>(reader.end() - from)});
}

/// Isolates runs of members, each with the character before it if that is one that `is_before` accepts, which
/// must be no member. (B?M+)
template <class IsBefore, class IsMember>
void isolate_runs(std::string_view text, PieceSink& sink, const IsBefore& is_before,
                  const IsMember& is_member) {
  isolate(text, sink, [&](const CharReader& reader, const char* p, Char c) -> const char* {
    if (is_before(c)) {
      p += c.length;
      c = reader.at(p);
    }
    if (!is_member(c)) return nullptr;
    for (; is_member(c); c = reader.at(p)) p += c.length;
    return p;
  });
}

/// The same without anything before. (M+)
template <class IsMember>
void isolate_runs(std::string_view text, PieceSink& sink, const IsMember& is_member) {
  isolate_runs(
      text, sink, [](const Char&) { return false; }, is_member);
}

/// A rule of several steps: each piece is cut further by the next.
class Stage final : public PieceSink {
 public:
  Stage(SplitText split, PieceSink& next) : split_(split), next_(next) {}
  void piece(std::string_view text) override { split_(text, next_); }

 private:
  SplitText split_;
  PieceSink& next_;
};

}  // namespace garam
