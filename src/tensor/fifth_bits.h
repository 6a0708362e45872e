// The fifth bits of q5_0 and q5_1: bit i of a word of the file is that of value i.
#pragma once

#include "tensor/planes.h"

namespace garam {

inline void put_fifth_bits(std::byte* plane, std::size_t row, std::uint32_t bits) {
  Codes codes;
  // The product puts copies 7 bits apart, so that bit j of four lands in bit 0 of byte j.
  for (std::size_t g = 0; g < 8; ++g) codes[g] = (bits >> 4 * g & 15) * 0x00204081 & kLowBits;
  put_bits(plane, row, codes);
}

/// Codes of five bits out of a nibble plane and the bit plane behind it.
inline Codes get_five_bits(const std::byte* planes, std::size_t row) {
  return joined<4>(get_nibbles(planes, row), get_bits(planes + kNibblePlane, row));
}

}  // namespace garam
