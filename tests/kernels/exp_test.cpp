// The one exp of the project against long double expl, and its exact points.
#include "kernels/portable/exp.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/random.h"

namespace garam::test {
namespace {

using Limits = std::numeric_limits<float>;

double error_in_ulps(float x) {
  const long double exact = std::exp(static_cast<long double>(x));
  const int exponent = std::ilogb(exact);
  return static_cast<double>(std::abs(kernels::portable::exp(x) - exact) * std::ldexp(1.0L, 23 - exponent));
}

// Every 509th f32 of [-87, 88.72]; GARAM_TEST_SCALE=509 takes them all (worst 0.894). Reasons for the bound:
// the last rounding 0.5, the rounding of r up to 0.19, that of the factor of r up to 0.18, the polynomial
// 0.06.
TEST(Exp, WithinOneUnitInTheLastPlace) {
  const std::uint32_t step = test_scale() < 509 ? static_cast<std::uint32_t>(509 / test_scale()) : 1;
  double worst = 0;
  float worst_x = 0;
  for (const float limit : {-87.0f, 88.72f}) {
    const auto last = std::bit_cast<std::uint32_t>(limit);
    for (std::uint32_t bits = last & 0x80000000u; bits <= last; bits += step) {
      const float x = std::bit_cast<float>(bits);
      const double error = error_in_ulps(x);
      if (error > worst) {
        worst = error;
        worst_x = x;
      }
    }
  }
  RecordProperty("worst_ulp", std::to_string(worst));
  EXPECT_LT(worst, 0.90) << "at " << std::hexfloat << worst_x;
}

TEST(Exp, ExactPoints) {
  const auto exp = [](float x) { return kernels::portable::exp(x); };
  EXPECT_EQ(exp(0.0f), 1.0f);
  EXPECT_EQ(exp(-0.0f), 1.0f);
  EXPECT_EQ(exp(Limits::denorm_min()), 1.0f);
  EXPECT_EQ(exp(-Limits::min()), 1.0f);
  EXPECT_EQ(exp(-Limits::infinity()), 0.0f);
  EXPECT_FALSE(std::signbit(exp(-Limits::infinity())));
  EXPECT_EQ(exp(Limits::infinity()), Limits::infinity());
  EXPECT_EQ(exp(Limits::max()), Limits::infinity());
  EXPECT_EQ(exp(-Limits::max()), 0.0f);
  EXPECT_EQ(exp(std::nextafter(-87.0f, -100.0f)), 0.0f);
  EXPECT_GE(exp(-87.0f), Limits::min());
  EXPECT_EQ(exp(std::nextafter(88.72f, 100.0f)), Limits::infinity());
  EXPECT_LT(exp(88.72f), Limits::infinity());
  EXPECT_TRUE(std::isnan(exp(Limits::quiet_NaN())));
  EXPECT_TRUE(std::isnan(exp(-std::bit_cast<float>(0x7f800001u))));
  EXPECT_TRUE(std::isnan(exp(std::bit_cast<float>(0x7fffffffu))));
}

// Not promised bit for bit, but a step back of more than one unit would be a mistake in the reduction.
TEST(Exp, NearlyMonotoneAndNeverSubnormal) {
  Random random(test_seed());
  for (std::size_t i = 0; i < 1'000'000 * test_scale(); ++i) {
    const float x = random.uniform() * 89;
    const float y = kernels::portable::exp(x);
    const float next = kernels::portable::exp(std::nextafter(x, 100.0f));
    ASSERT_GE(next, std::nextafter(y, 0.0f)) << std::hexfloat << x;
    ASSERT_TRUE(y == 0 || y >= Limits::min()) << std::hexfloat << x;
  }
}

}  // namespace
}  // namespace garam::test
