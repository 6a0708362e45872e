// The scalar float operations that the portable kernels are written in, each with one result on every CPU:
// fused multiply-add, f16 and bf16 conversions. Must not know any instruction set: on x86-64 without hardware
// fma the fused operation is emulated exactly.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#ifdef __FAST_MATH__
#error "garam: kernels need IEEE arithmetic; -ffast-math changes results"
#endif
static_assert(__FLT_EVAL_METHOD__ == 0, "garam: kernels need every float operation rounded to its own type");

namespace garam::kernels::portable {

/// a * b + c with one rounding, computed in double: the product is exact there (24 + 24 <= 53 bits), the sum
/// is rounded to odd, and from a value rounded to odd at 53 bits the conversion to 24 bits is rounded as if
/// from the exact sum. No branches, so that loops over lanes vectorise on SSE2.
static inline float fma_by_rounding_to_odd(float a, float b, float c) {
  const double product = static_cast<double>(a) * b;
  const double addend = c;
  const double sum = product + addend;
  // The error of the sum, exactly (Knuth's two-sum). NaN when the sum is infinite: then no comparison below
  // holds and the sum stays.
  const double part = sum - product;
  const double error = (product - (sum - part)) + (addend - part);
  // An odd sum is already the answer; an even one moves one step towards the exact value. error * sum is far
  // from under- and overflow: it lies in [2^-600, 2^470] or is zero.
  const double direction = error * sum;
  const auto bits = std::bit_cast<std::int64_t>(sum);
  const std::int64_t step =
      static_cast<std::int64_t>(direction > 0) - static_cast<std::int64_t>(direction < 0);
  const std::int64_t even = (bits & 1) - 1;
  return static_cast<float>(std::bit_cast<double>(bits + (step & even)));
}

/// a * b + c with one rounding.
static inline float fma(float a, float b, float c) {
#if defined(__FMA__) || defined(__aarch64__)
  return __builtin_fmaf(a, b, c);
#else
  return fma_by_rounding_to_odd(a, b, c);
#endif
}

/// The end of a sum in 16 stripes (rule 7).
static inline float sum_of_stripes(float (&s)[16]) {
  for (std::size_t width = 8; width > 0; width /= 2) {
    for (std::size_t i = 0; i < width; ++i) s[i] += s[i + width];
  }
  return s[0];
}

/// IEEE binary16 to f32, exactly. NaN stays NaN.
static inline float from_f16(std::uint16_t half) {
  const std::uint32_t magnitude = half & 0x7fffu;
  const std::uint32_t sign = (half & 0x8000u) << 16;
  // 112 is the difference of the exponent biases; infinity and NaN need it twice.
  const std::uint32_t normal = (magnitude << 13) + (magnitude < 0x7c00 ? 112u << 23 : 224u << 23);
  const float subnormal = static_cast<float>(static_cast<std::int32_t>(magnitude)) * 0x1p-24f;
  const std::uint32_t bits = magnitude < 0x0400 ? std::bit_cast<std::uint32_t>(subnormal) : normal;
  return std::bit_cast<float>(sign | bits);
}

/// f32 to IEEE binary16, nearest even; overflow gives infinity, NaN a quiet NaN.
static inline std::uint16_t to_f16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  std::uint32_t half;
  if (magnitude > 0x7f800000u) {
    half = 0x7e00u;
  } else if (magnitude >= 0x477ff000u) {  // 65520, halfway between 65504 and the next power of two
    half = 0x7c00u;
  } else {
    // Adding and subtracting 2^23 steps rounds to a multiple of the f16 step: 2^-24 below 2^-14, else
    // 2^-10 of the value's power of two.
    const std::uint32_t exponent = magnitude >> 23 > 113 ? magnitude >> 23 : 113;
    const float magic = std::bit_cast<float>((exponent + 13) << 23);
    const auto rounded = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + magic);
    half = ((exponent - 113) << 10) + (rounded & 0x007fffffu);
  }
  return static_cast<std::uint16_t>(sign | half);
}

/// bfloat16 to f32, exactly.
static inline float from_bf16(std::uint16_t value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value) << 16);
}

/// f32 to bfloat16, nearest even; NaN becomes quiet, a finite value may become infinite.
static inline std::uint16_t to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>(bits >> 16 | 0x0040u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

/// The scale of a mxfp4 block, half of 2^(e - 127) because its integers are twice the values: exactly 2^(e -
/// 128), subnormal for e of 0 and 1.
static inline float from_e8m0(std::uint32_t e) {
  return std::bit_cast<float>(e < 2 ? 0x00200000u << e : (e - 1) << 23);
}

/// Reads one value from packed memory, which may hold anything.
template <typename T>
static inline T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

}  // namespace garam::kernels::portable
