// det_math against long double libm. Bounds: a few units in the last place of a double, which leaves the f32
// tables made from these values correctly rounded but for one case in about 2^27.
#include "base/det_math.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace garam {
namespace {

constexpr double kEps = std::numeric_limits<double>::epsilon();

TEST(DetMath, ExpAgreesWithLibm) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> values(-700, 700);
  for (int i = 0; i < 200000; ++i) {
    const double x = values(random);
    const long double exact = std::exp(static_cast<long double>(x));
    ASSERT_NEAR(static_cast<double>(det_exp(x) / exact), 1.0, 4 * kEps) << x;
  }
  EXPECT_EQ(det_exp(0), 1);
  EXPECT_EQ(det_exp(-1000), 0);
  EXPECT_EQ(det_exp(1000), std::numeric_limits<double>::infinity());
}

TEST(DetMath, LogAgreesWithLibm) {
  std::mt19937_64 random(2);
  std::uniform_real_distribution<double> exponents(-1000, 1000);
  for (int i = 0; i < 200000; ++i) {
    const double x = std::exp2(exponents(random));
    const long double exact = std::log(static_cast<long double>(x));
    ASSERT_NEAR(det_log(x), static_cast<double>(exact),
                4 * kEps * std::abs(static_cast<double>(exact)) + kEps)
        << x;
  }
  EXPECT_EQ(det_log(1), 0);
  EXPECT_NEAR(det_log(5e-324), std::log(5e-324), 1e-12);
}

TEST(DetMath, PowAgreesWithLibm) {
  for (const double base : {1e4, 5e5, 1e6}) {
    for (int i = 0; i < 128; ++i) {
      const double exponent = -i / 128.0;
      ASSERT_NEAR(det_pow(base, exponent) / std::pow(base, exponent), 1.0, 64 * kEps);
    }
  }
}

TEST(DetMath, SinCosAgreesWithLibm) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> exponents(-20, 30);
  for (int i = 0; i < 200000; ++i) {
    const double x = std::exp2(exponents(random)) * (i % 2 == 0 ? 1 : -1);
    const SinCos r = det_sincos(x);
    ASSERT_NEAR(r.sin, static_cast<double>(std::sin(static_cast<long double>(x))), 2 * kEps) << x;
    ASSERT_NEAR(r.cos, static_cast<double>(std::cos(static_cast<long double>(x))), 2 * kEps) << x;
  }
}

}  // namespace
}  // namespace garam
