// UTF-8 repair and classification, the expansion of the class ranges, mappings of code points.
#include "text/unicode.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace garam {
namespace {

constexpr std::uint32_t kCodePoints = 0x110000;
constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

/// Bytes of a sequence that the reference tokenizers accept at `text`'s start, 0 for none. They check lead
/// and continuation bits, not for overlong forms or surrogates.
std::size_t lenient_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t length = utf8_length(text[0]);
  if (length == 1) return lead < 0x80 ? 1 : 0;
  if (lead >= 0xf8 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[i])) return 0;
  }
  return decode_utf8(text.data()).value < kCodePoints ? length : 0;
}

/// One word of the mappings: every `step`-th code point from first to last maps to `to`, or, if it `moves`,
/// to as far behind `to` as it is behind first.
struct MappedRange {
  explicit MappedRange(std::uint64_t packed)
      : first(static_cast<std::uint32_t>(packed >> 32)),
        last(first + (packed >> 24 & 0xff)),
        step(1 + (packed >> 22 & 1)),
        moves((packed >> 21 & 1) != 0),
        to(packed & 0x1fffff) {}

  std::uint32_t first, last, step;
  bool moves;
  std::uint32_t to;
};

template <std::size_t kCount>
std::uint32_t mapped(const std::array<std::uint64_t, kCount>& ranges, std::uint32_t code_point) {
  const std::uint64_t behind_code_point = std::uint64_t{code_point + 1} << 32;
  const auto behind = std::lower_bound(ranges.begin(), ranges.end(), behind_code_point);
  if (behind == ranges.begin()) return code_point;
  const MappedRange range(*(behind - 1));
  const std::uint32_t offset = code_point - range.first;
  if (code_point > range.last || offset % range.step != 0) return code_point;
  return range.to + (range.moves ? offset : 0);
}

std::size_t shortest_length(std::uint32_t code_point) {
  return code_point < 0x80 ? 1 : code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
}

/// Where the first byte lies that repair_utf8() has to touch; text.size() if nowhere.
std::size_t first_damage(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    if (text.size() - i >= 8) {
      std::uint64_t word;
      std::memcpy(&word, text.data() + i, 8);
      if ((word & 0x8080808080808080u) == 0) {
        i += 8;
        continue;
      }
    }
    const std::size_t length = lenient_length(text.substr(i));
    if (length == 0 || length != shortest_length(decode_utf8(text.data() + i).value)) return i;
    i += length;
  }
  return text.size();
}

}  // namespace

const std::uint8_t* character_classes() {
  static const std::vector<std::uint8_t> table = [] {
    std::vector<std::uint8_t> classes(kCodePoints);
    for (std::size_t i = 0; i < detail::kClassRanges.size(); ++i) {
      const std::uint32_t begin = detail::kClassRanges[i] >> 8;
      const std::uint32_t end =
          i + 1 < detail::kClassRanges.size() ? detail::kClassRanges[i + 1] >> 8 : kCodePoints;
      std::fill(classes.begin() + begin, classes.begin() + end,
                static_cast<std::uint8_t>(detail::kClassRanges[i] & 0xff));
    }
    return classes;
  }();
  return table.data();
}

std::uint32_t to_lowercase(std::uint32_t code_point) {
  return mapped(detail::kLowercase, code_point);
}

std::uint32_t decomposition_lead(std::uint32_t code_point) {
  // Hangul syllables decompose by arithmetic (Unicode 15, section 3.12): 588 of them per leading consonant.
  if (code_point >= 0xac00 && code_point <= 0xd7a3) return 0x1100 + (code_point - 0xac00) / 588;
  return mapped(detail::kDecompositionLeads, code_point);
}

CodePoint decode_leniently(std::string_view text) {
  return lenient_length(text) == 0 ? CodePoint{0xfffd, 1} : decode_utf8(text.data());
}

void append_utf8(std::string& out, std::uint32_t code_point) {
  const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xc0 | code_point >> 6);
    put(0x80 | (code_point & 0x3f));
  } else if (code_point < 0x10000) {
    put(0xe0 | code_point >> 12);
    put(0x80 | (code_point >> 6 & 0x3f));
    put(0x80 | (code_point & 0x3f));
  } else {
    put(0xf0 | code_point >> 18);
    put(0x80 | (code_point >> 12 & 0x3f));
    put(0x80 | (code_point >> 6 & 0x3f));
    put(0x80 | (code_point & 0x3f));
  }
}

std::string_view repair_utf8(std::string_view text, std::string& storage) {
  std::size_t good = first_damage(text);
  if (good == text.size()) return text;
  storage.clear();
  storage.reserve(text.size() + text.size() / 2);
  for (;;) {
    storage += text.substr(0, good);
    text.remove_prefix(good);
    if (text.empty()) return storage;
    const std::size_t length = lenient_length(text);
    if (length == 0) {
      storage += kReplacement;
      text.remove_prefix(1);
    } else {
      append_utf8(storage, decode_utf8(text.data()).value);
      text.remove_prefix(length);
    }
    good = first_damage(text);
  }
}

Utf8Start classify_utf8_start(std::string_view text, std::size_t& length) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  length = 1;
  if (lead < 0x80) return Utf8Start::kCharacter;
  if (lead < 0xc2 || lead > 0xf4) return Utf8Start::kInvalid;
  // The second byte is what rules out overlong forms, surrogates and values above 0x10FFFF.
  const unsigned lowest = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const unsigned highest = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  const std::size_t whole = utf8_length(text[0]);
  for (; length < whole; ++length) {
    if (length == text.size()) return Utf8Start::kIncomplete;
    const bool fits = length == 1 ? byte(1) >= lowest && byte(1) <= highest : is_continuation(text[length]);
    if (!fits) return Utf8Start::kInvalid;
  }
  return Utf8Start::kCharacter;
}

}  // namespace garam
