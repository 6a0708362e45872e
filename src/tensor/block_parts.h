// One block of a file taken apart: what a quantiser decides, before a format lays the bits out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace garam {

struct BlockParts {
  std::array<std::uint8_t, 256> codes;  // of the values in the order of the row, as stored, unsigned
  std::uint16_t scale;                  // f16 bits; mxfp4: the exponent
  std::uint16_t minimum;                // f16 bits, where the format has one
  std::array<std::uint8_t, 16> scales;  // formats with blocks of 256: of 16 or 32 values, as stored
  std::array<std::uint8_t, 16> minimums;
};

inline void write_f16(std::byte* out, std::uint16_t bits) {
  std::memcpy(out, &bits, 2);
}

/// 32 codes below 16: code i and i + 16 share byte i, the first in its low half.
inline void write_nibbles(std::byte* out, const std::uint8_t* codes) {
  for (std::size_t i = 0; i < 16; ++i)
    out[i] = static_cast<std::byte>((codes[i] & 15) | (codes[i + 16] & 15) << 4);
}

/// Bit 4 of 32 codes as one word, bit i that of code i.
inline void write_fifth_bits(std::byte* out, const std::uint8_t* codes) {
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < 32; ++i) word |= static_cast<std::uint32_t>(codes[i] >> 4 & 1) << i;
  std::memcpy(out, &word, 4);
}

/// Nibbles of 256 codes as q4_K and q5_K store them: of each 64 values the first 32 are low, the others high.
inline void write_wide_nibbles(std::byte* out, const std::uint8_t* codes) {
  for (std::size_t half = 0; half < 4; ++half, codes += 64, out += 32) {
    for (std::size_t i = 0; i < 32; ++i)
      out[i] = static_cast<std::byte>((codes[i] & 15) | (codes[i + 32] & 15) << 4);
  }
}

/// Pairs of bits of 256 codes, as q2_K and q3_K store them: pair s of byte i of 32 is value 32 s + i of 128.
inline void write_wide_pairs(std::byte* out, const std::uint8_t* codes, int shift) {
  for (std::size_t half = 0; half < 2; ++half, codes += 128, out += 32) {
    for (std::size_t i = 0; i < 32; ++i) {
      unsigned byte = 0;
      for (std::size_t s = 0; s < 4; ++s) byte |= (codes[32 * s + i] >> shift & 3u) << 2 * s;
      out[i] = static_cast<std::byte>(byte);
    }
  }
}

/// Bit `bit` of 256 codes: bit s of byte i is that of value 32 s + i.
inline void write_wide_bits(std::byte* out, const std::uint8_t* codes, int bit) {
  for (std::size_t i = 0; i < 32; ++i) {
    unsigned byte = 0;
    for (std::size_t s = 0; s < 8; ++s) byte |= (codes[32 * s + i] >> bit & 1u) << s;
    out[i] = static_cast<std::byte>(byte);
  }
}

/// Eight scales and eight minimums of 6 bits in 12 bytes, as q4_K and q5_K store them.
inline void write_six_bit_scales(std::byte* out, const BlockParts& parts) {
  for (std::size_t s = 0; s < 4; ++s) {
    const unsigned scale = parts.scales[s], minimum = parts.minimums[s];
    const unsigned high_scale = parts.scales[s + 4], high_minimum = parts.minimums[s + 4];
    out[s] = static_cast<std::byte>(scale | high_scale >> 4 << 6);
    out[4 + s] = static_cast<std::byte>(minimum | high_minimum >> 4 << 6);
    out[8 + s] = static_cast<std::byte>((high_scale & 15) | (high_minimum & 15) << 4);
  }
}

}  // namespace garam
