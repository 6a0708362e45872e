// Equality of results as the contract means it: bit for bit, every NaN equal to every NaN. A difference is
// reported with its index and both bit patterns.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iomanip>

namespace garam::test {

template <typename T>
bool same_value(T a, T b) {
  return a == b;
}
inline bool same_value(float a, float b) {
  return (std::isnan(a) && std::isnan(b)) ||
         std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

template <typename T>
std::uint64_t bits_of(T value) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}

/// Compares n values with the portable ones.
template <typename T>
testing::AssertionResult same_bits(const T* portable, const T* found, std::size_t n) {
  std::size_t differences = 0;
  std::size_t first = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (same_value(portable[i], found[i])) continue;
    if (differences++ == 0) first = i;
  }
  if (differences == 0) return testing::AssertionSuccess();
  return testing::AssertionFailure() << differences << " of " << n << " values differ, the first at " << first
                                     << std::hex << std::setfill('0') << ": portable 0x"
                                     << std::setw(sizeof(T) * 2) << bits_of(portable[first]) << ", found 0x"
                                     << std::setw(sizeof(T) * 2) << bits_of(found[first]);
}

template <typename Buffer>
testing::AssertionResult same_bits(const Buffer& portable, const Buffer& found) {
  return same_bits(portable.data(), found.data(), portable.size());
}

}  // namespace garam::test
