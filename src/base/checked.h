// Checked arithmetic on sizes: the only way in which a number from a file is added or multiplied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace garam {

/// a * b, or nothing when it does not fit.
inline std::optional<uint64_t> checked_mul(uint64_t a, uint64_t b) {
  uint64_t r = 0;
  if (__builtin_mul_overflow(a, b, &r)) return std::nullopt;
  return r;
}

/// a + b, or nothing when it does not fit.
inline std::optional<uint64_t> checked_add(uint64_t a, uint64_t b) {
  uint64_t r = 0;
  if (__builtin_add_overflow(a, b, &r)) return std::nullopt;
  return r;
}

/// n rounded up to a multiple of `alignment` (a power of two), or nothing when it does not fit.
inline std::optional<uint64_t> checked_align(uint64_t n, uint64_t alignment) {
  const auto padded = checked_add(n, alignment - 1);
  if (!padded) return std::nullopt;
  return *padded & ~(alignment - 1);
}

}  // namespace garam
