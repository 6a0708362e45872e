// The integers of 32 k of a row, in and out of the planes of kernels/layout.h. A word holds four codes, one a
// byte, as a file holds them on a little-endian machine: a plane takes whole words apart at once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/layout.h"

namespace garam {

/// Word g holds codes 4g to 4g + 3.
using Codes = std::array<std::uint32_t, 8>;

inline constexpr std::size_t kNibblePlane = 16 * kernels::kPanelRows;
inline constexpr std::size_t kPairPlane = 8 * kernels::kPanelRows;
inline constexpr std::uint32_t kLowNibbles = 0x0f0f0f0f;
inline constexpr std::uint32_t kLowPairs = 0x03030303;
inline constexpr std::uint32_t kLowBits = 0x01010101;

template <typename T>
T read_as(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <typename T>
void write_as(std::byte* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

/// Word `group` of a row in a plane [groups][32 rows][4].
inline std::byte* word_of(std::byte* plane, std::size_t group, std::size_t row) {
  return plane + (group * kernels::kPanelRows + row) * 4;
}
inline const std::byte* word_of(const std::byte* plane, std::size_t group, std::size_t row) {
  return plane + (group * kernels::kPanelRows + row) * 4;
}

/// 16 bytes of a file whose low nibbles are codes 0 to 15 and whose high ones are codes 16 to 31: the plane
/// has the same bytes, four at a time.
inline void put_file_nibbles(std::byte* plane, std::size_t row, const std::byte* file) {
  for (std::size_t g = 0; g < 4; ++g) std::memcpy(word_of(plane, g, row), file + 4 * g, 4);
}
/// Codes below 16.
inline void put_nibbles(std::byte* plane, std::size_t row, const Codes& codes) {
  for (std::size_t g = 0; g < 4; ++g) write_as(word_of(plane, g, row), codes[g] | codes[g + 4] << 4);
}
/// Codes below 4.
inline void put_pairs(std::byte* plane, std::size_t row, const Codes& codes) {
  for (std::size_t h = 0; h < 2; ++h) {
    const std::uint32_t word =
        codes[4 * h] | codes[4 * h + 1] << 2 | codes[4 * h + 2] << 4 | codes[4 * h + 3] << 6;
    write_as(word_of(plane, h, row), word);
  }
}
/// Codes below 2.
inline void put_bits(std::byte* plane, std::size_t row, const Codes& codes) {
  std::uint32_t word = 0;
  for (std::size_t g = 0; g < 8; ++g) word |= codes[g] << g;
  write_as(word_of(plane, 0, row), word);
}

inline Codes get_nibbles(const std::byte* plane, std::size_t row) {
  Codes codes;
  for (std::size_t g = 0; g < 8; ++g) {
    codes[g] = read_as<std::uint32_t>(word_of(plane, g % 4, row)) >> (g < 4 ? 0 : 4) & kLowNibbles;
  }
  return codes;
}
inline Codes get_pairs(const std::byte* plane, std::size_t row) {
  Codes codes;
  for (std::size_t g = 0; g < 8; ++g) {
    codes[g] = read_as<std::uint32_t>(word_of(plane, g / 4, row)) >> 2 * (g % 4) & kLowPairs;
  }
  return codes;
}
inline Codes get_bits(const std::byte* plane, std::size_t row) {
  const auto word = read_as<std::uint32_t>(word_of(plane, 0, row));
  Codes codes;
  for (std::size_t g = 0; g < 8; ++g) codes[g] = word >> g & kLowBits;
  return codes;
}
/// a | b << kShift, code by code.
template <int kShift>
Codes joined(const Codes& a, const Codes& b) {
  Codes codes;
  for (std::size_t g = 0; g < 8; ++g) codes[g] = a[g] | b[g] << kShift;
  return codes;
}
inline std::uint32_t code_of(const Codes& codes, std::size_t i) {
  return codes[i / 4] >> 8 * (i % 4) & 255;
}

}  // namespace garam
