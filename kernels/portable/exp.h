// The definition of exp: every instruction set computes exactly these operations. Largest error 0.894 units
// in the last place, measured over all f32 arguments by tests/kernels/exp_test.cpp.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

#include "kernels/portable/float_ops.h"

namespace garam::kernels::portable {

/// exp(x) = 2^n * p(r), n = nearest even of x * log2(e), r = x - n * ln(2), |r| <= 0.3466.
///
/// ln(2) in two parts: the f32 nearest to it is a multiple of 2^-21 and |n| <= 128, so the first fma is
/// exact. p is the minimax polynomial with p(r) = 1 + r + ...: p(+-0) is exactly 1, its own error 0.06 units.
/// n is in [-126, 128] and 2^n * p(r) in the normal range, so 2^n is added to the exponent.
static inline float exp(float x) {
  if (x != x) return x;
  if (x < -87.0f) return 0.0f;
  if (x > 88.72f) return std::numeric_limits<float>::infinity();
  const float shifted = fma(x, 0x1.715476p+0f, 0x1.8p+23f);  // n in the low bits of the mantissa
  const float n = shifted - 0x1.8p+23f;
  float r = fma(n, -0x1.62e430p-1f, x);
  r = fma(n, 0x1.05c610p-29f, r);
  float p = 0x1.6a1fa6p-10f;
  p = fma(p, r, 0x1.12398p-7f);
  p = fma(p, r, 0x1.5558ecp-5f);
  p = fma(p, r, 0x1.555492p-3f);
  p = fma(p, r, 0x1.fffffcp-2f);
  p = fma(p, r, 1.0f);
  p = fma(p, r, 1.0f);
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(p) +
                              (std::bit_cast<std::uint32_t>(shifted) << 23));
}

/// The tanh of kernels.h, Table::soft_cap.
static inline float tanh(float u) {
  const float size = std::bit_cast<float>(std::bit_cast<std::uint32_t>(u) & 0x7fffffffu);
  if (size < 0.625f) {
    const float s = u * u;
    float p = -0x1.75e1d4p-8f;
    p = fma(p, s, 0x1.52269cp-6f);
    p = fma(p, s, -0x1.b83c5ap-5f);
    p = fma(p, s, 0x1.110726p-3f);
    p = fma(p, s, -0x1.555532p-2f);
    return fma(u * s, p, u);
  }
  const float t = 1.0f - 2.0f / (exp(2.0f * size) + 1.0f);
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(t) |
                              (std::bit_cast<std::uint32_t>(u) & 0x80000000u));
}

}  // namespace garam::kernels::portable
