// Whether letters are capital or small, by the general categories of Unicode 15.1.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace garam {

enum class LetterCase : std::uint8_t {
  kNone,   ///< neither: Lm, Lo, and what is no letter
  kUpper,  ///< Lu, Lt
  kLower,  ///< Ll
};

namespace detail {
extern const std::array<std::uint32_t, 1451> kCaseRanges;
}  // namespace detail

inline LetterCase letter_case(std::uint32_t code_point) {
  if (code_point < 0x80) {
    const std::uint32_t letter = (code_point | 0x20) - 'a';
    if (letter >= 26) return LetterCase::kNone;
    return (code_point & 0x20) != 0 ? LetterCase::kLower : LetterCase::kUpper;
  }
  const auto& ranges = detail::kCaseRanges;
  const auto next = std::upper_bound(ranges.begin(), ranges.end(), code_point << 8 | 0xff);
  return static_cast<LetterCase>(*(next - 1) & 0xff);
}

}  // namespace garam
