// The scalar operations under the portable kernels, against the machine's own: fma against std::fma, f16
// against _Float16 arithmetic where the compiler has it (here: double), bf16 against rounding in double.
#include "kernels/portable/float_ops.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/compare.h"
#include "support/random.h"

namespace garam::test {
namespace {

namespace portable = kernels::portable;

void expect_fma(float a, float b, float c) {
  const float expected = std::fma(a, b, c);
  const float found = portable::fma_by_rounding_to_odd(a, b, c);
  ASSERT_TRUE(same_value(expected, found)) << std::hexfloat << a << " * " << b << " + " << c << " = "
                                           << expected << ", found " << found << ", seed " << test_seed();
}

TEST(FloatOps, EmulatedFmaOnEveryTripleOfEdges) {
  std::vector<float> edges;
  for (const std::uint32_t bits :
       {0x00000000u, 0x00000001u, 0x00000002u, 0x007fffffu, 0x00800000u, 0x00800001u, 0x00ffffffu,
        0x01000000u, 0x33000000u, 0x33800000u, 0x33800001u, 0x34000000u, 0x3f7fffffu, 0x3f800000u,
        0x3f800001u, 0x3f800002u, 0x3fffffffu, 0x40000000u, 0x4b000000u, 0x4b7fffffu, 0x4b800000u,
        0x5f7fffffu, 0x5f800000u, 0x7effffffu, 0x7f000000u, 0x7f7ffffeu, 0x7f7fffffu, 0x7f800000u,
        0x7fc00000u, 0x1f800000u, 0x20000000u, 0x3effffffu, 0x00400000u, 0x00000003u}) {
    edges.push_back(std::bit_cast<float>(bits));
    edges.push_back(-std::bit_cast<float>(bits));
  }
  for (const float a : edges) {
    for (const float b : edges) {
      for (const float c : edges) expect_fma(a, b, c);
    }
  }
}

TEST(FloatOps, EmulatedFmaOnRandomBitPatterns) {
  Random random(test_seed());
  for (std::size_t i = 0; i < 1'000'000 * test_scale(); ++i) {
    const auto any = [&] { return std::bit_cast<float>(random.bits()); };
    expect_fma(any(), any(), any());
  }
}

// Where double rounding would show: sums whose first 25 bits are a tie and whose rest decides, at normal and
// at subnormal results, and sums that cancel.
TEST(FloatOps, EmulatedFmaNearTies) {
  Random random(test_seed() + 1);
  for (std::size_t i = 0; i < 1'000'000 * test_scale(); ++i) {
    const int center = static_cast<int>(random.below(3)) * 60 - 120;  // product near 2^-120, 2^-60, 1
    const float a = random.scaled(center / 2, center / 2 + 3);
    const float b = i % 3 == 0 ? std::ldexp(1.0f, center - center / 2)
                               : random.scaled(center - center / 2, 2 + center - center / 2);
    const int distance = static_cast<int>(random.below(60)) - 30;
    float c = std::ldexp(random.scaled(0, 0), std::max(center + distance, -149));
    if (i % 5 == 0) c = -(a * b);
    if (i % 5 == 1) c = std::nextafter(-(a * b), 0.0f);
    if (i % 7 == 0) c = std::bit_cast<float>(std::bit_cast<std::uint32_t>(c) & 0xfffff000u);
    expect_fma(a, b, c);
  }
}

/// The value of an f16 by definition.
double f16_value(std::uint16_t half) {
  const int exponent = half >> 10 & 31;
  const int mantissa = half & 1023;
  const double magnitude = exponent == 0    ? std::ldexp(mantissa, -24)
                           : exponent == 31 ? (mantissa == 0 ? INFINITY : NAN)
                                            : std::ldexp(1024 + mantissa, exponent - 25);
  return half & 0x8000 ? -magnitude : magnitude;
}

TEST(FloatOps, EveryF16ConvertsExactlyAndBack) {
  for (std::uint32_t half = 0; half < 0x10000; ++half) {
    const float found = portable::from_f16(static_cast<std::uint16_t>(half));
    ASSERT_TRUE(same_value(static_cast<float>(f16_value(static_cast<std::uint16_t>(half))), found)) << half;
    if (std::isnan(found)) {
      ASSERT_EQ(portable::to_f16(found) & 0x7e00, 0x7e00) << half;
    } else {
      ASSERT_EQ(portable::to_f16(found), half);
    }
  }
}

/// Rounding to f16 by definition: of the two neighbours the nearer, of two equally near the even one.
TEST(FloatOps, F16RoundsToNearestEvenAroundEveryMidpoint) {
  for (std::uint32_t half = 0; half < 0x7c00; ++half) {
    const double low = f16_value(static_cast<std::uint16_t>(half));
    const double high = half == 0x7bff ? 65536.0 : f16_value(static_cast<std::uint16_t>(half + 1));
    const auto middle = static_cast<float>((low + high) / 2);  // exact: at most 12 bits
    const std::uint32_t even = half % 2 == 0 ? half : half + 1;
    ASSERT_EQ(portable::to_f16(middle), even) << half;
    ASSERT_EQ(portable::to_f16(-middle), even | 0x8000) << half;
    ASSERT_EQ(portable::to_f16(std::nextafter(middle, 0.0f)), half);
    ASSERT_EQ(portable::to_f16(std::nextafter(middle, INFINITY)), half + 1);
  }
  EXPECT_EQ(portable::to_f16(3e38f), 0x7c00);
  EXPECT_EQ(portable::to_f16(-INFINITY), 0xfc00);
  EXPECT_EQ(portable::to_f16(std::numeric_limits<float>::denorm_min()), 0);
  EXPECT_EQ(portable::to_f16(-std::numeric_limits<float>::denorm_min()), 0x8000);
}

TEST(FloatOps, EveryBf16AndEveryMidpoint) {
  for (std::uint32_t i = 0; i < 0x10000; ++i) {
    const auto value = static_cast<std::uint16_t>(i);
    const float exact = portable::from_bf16(value);
    ASSERT_EQ(std::bit_cast<std::uint32_t>(exact), i << 16);
    if (std::isnan(exact)) {
      ASSERT_EQ(portable::to_bf16(exact), i | 0x40);
      continue;
    }
    ASSERT_EQ(portable::to_bf16(exact), i);
    if (std::isinf(exact)) continue;
    const float middle = std::bit_cast<float>(i << 16 | 0x8000);
    ASSERT_EQ(portable::to_bf16(middle), i % 2 == 0 ? i : i + 1);
    ASSERT_EQ(portable::to_bf16(std::nextafter(middle, 0.0f)), i);
    ASSERT_EQ(portable::to_bf16(std::nextafter(middle, exact < 0 || i >= 0x8000 ? -INFINITY : INFINITY)),
              i + 1);
  }
  EXPECT_EQ(portable::to_bf16(std::bit_cast<float>(0x7f800001u)), 0x7fc0);  // a NaN must not become infinity
}

}  // namespace
}  // namespace garam::test
