// Learning rates against the formulas they are named after.
#include "train/schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace garam::training {
namespace {

TEST(Schedule, GrowsDuringWarmUpAndReachesThePeak) {
  const Schedule s{.peak = 2e-3, .floor = 1e-4, .warmup = 4, .steps = 20};
  EXPECT_DOUBLE_EQ(learning_rate(s, 0), 0.5e-3);
  EXPECT_DOUBLE_EQ(learning_rate(s, 3), 2e-3);
  EXPECT_DOUBLE_EQ(learning_rate(s, 4), 2e-3);
}

TEST(Schedule, CosineFollowsItsFormula) {
  const Schedule s{.peak = 1.0, .floor = 0.1, .warmup = 10, .steps = 110};
  for (const std::uint64_t step : {11u, 35u, 60u, 109u}) {
    const double done = static_cast<double>(step - 10) / 100;
    // det_sincos is accurate to a few units in the last place of a double.
    EXPECT_NEAR(learning_rate(s, step), 0.1 + 0.9 * 0.5 * (1 + std::cos(std::numbers::pi * done)), 1e-15);
  }
}

TEST(Schedule, LinearAndConstantEndWhereTheyShould) {
  Schedule s{.peak = 1.0, .floor = 0.0, .warmup = 0, .steps = 10, .decay = Decay::kLinear};
  EXPECT_DOUBLE_EQ(learning_rate(s, 5), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(s, 10), 0.0);
  EXPECT_DOUBLE_EQ(learning_rate(s, 1000), 0.0);  // behind the end
  s.decay = Decay::kConstant;
  EXPECT_DOUBLE_EQ(learning_rate(s, 1000), 1.0);
}

TEST(Schedule, ARunThatIsAllWarmUpDividesByNothing) {
  const Schedule s{.peak = 1.0, .floor = 0.0, .warmup = 10, .steps = 10};
  EXPECT_DOUBLE_EQ(learning_rate(s, 9), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate(s, 10), 1.0);
}

}  // namespace
}  // namespace garam::training
