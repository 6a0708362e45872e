// What the formats with blocks of 256 have in common: how their scales lie in a header (kernels/layout.h).
#pragma once

#include "tensor/block_format.h"

namespace garam {

/// Eight 6-bit scales and eight 6-bit minimums in 12 bytes, which the header keeps as three words of four
/// bytes: the first two hold numbers 0 to 3, and above them the high two bits of numbers 4 to 7, whose low
/// four bits share the bytes of the third.
inline void put_six_bit_scales(const RowOfUnit& to, const std::byte* in) {
  for (std::size_t word = 0; word < 3; ++word) {
    std::memcpy(word_of(to.header + 4 * kernels::kPanelRows, word, to.row), in + 4 * word, 4);
  }
}
struct ScaleAndMinimum {
  int scale, minimum;
};
inline ScaleAndMinimum get_six_bit_scales(const ConstRowOfUnit& from) {
  const auto byte = [&](std::size_t word) {
    const std::byte* four = word_of(from.header + 4 * kernels::kPanelRows, word, from.row);
    return static_cast<int>(four[from.s % 4]);
  };
  if (from.s < 4) return {byte(0) & 63, byte(1) & 63};
  return {(byte(2) & 15) | byte(0) >> 6 << 4, byte(2) >> 4 | byte(1) >> 6 << 4};
}

/// Byte `half` of block `s` in a header's [8][32 rows][2].
template <typename Byte>
Byte* half_scale(Byte* scales, std::size_t s, std::size_t row, std::size_t half) {
  return scales + (s * kernels::kPanelRows + row) * 2 + half;
}

}  // namespace garam
