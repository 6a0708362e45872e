// The sums that a quantiser searches with: every table against portable, bit for bit, and portable against
// sums in double.
#include <cmath>
#include <cstring>

#include "support/each_variant.h"
#include "support/guarded.h"
#include "support/random.h"

namespace garam::test {
namespace {

constexpr std::size_t kLanes = 16;
constexpr float kLevels[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

struct Case {
  Guarded<float> x, w, inverse{kLanes}, offset{kLanes}, sums{3 * kLanes};
  Guarded<std::int8_t> codes;
  kernels::Fit fit{};

  Case(Random& random, Values values, std::size_t n) : x(n * kLanes), w(n * kLanes), codes(n * kLanes) {
    fill_random(random, values, x);
    for (float& weight : w) weight = std::fabs(random.uniform());
    for (float& v : inverse) v = random.below(8) == 0 ? 0.0f : 100 * random.uniform();
    for (float& v : offset) v = 20 * random.uniform();
    // Values on the middle between two codes.
    for (std::size_t i = 0; i < x.size(); i += 7) x[i] = 0.5f * std::nearbyint(40 * random.uniform());
    for (std::size_t l = 0; l < kLanes; l += 4) inverse[l] = 1, offset[l] = 0;
    fit = {.x = x.data(),
           .w = w.data(),
           .n = n,
           .inverse = inverse.data(),
           .offset = offset.data(),
           .low = 0,
           .high = 0,
           .levels = kLevels,
           .level_count = 16,
           .sums = sums.data(),
           .codes = nullptr};
  }
};

using FitFn = void (*)(const kernels::Fit&);
struct Range {
  float low, high;
};
constexpr Range kRanges[] = {{-8, 7}, {0, 3}, {0, 31}, {-32, 31}, {-128, 127}};

class FitEqual : public EachVariant {
 protected:
  static void check(FitFn expected, FitFn found, Case& c) {
    for (const bool codes : {false, true}) {
      c.fit.codes = codes ? c.codes.data() : nullptr;
      expected(c.fit);
      const std::vector<float> sums(c.sums.begin(), c.sums.end());
      const std::vector<std::int8_t> as(c.codes.begin(), c.codes.end());
      std::fill(c.sums.begin(), c.sums.end(), -1.0f);
      std::fill(c.codes.begin(), c.codes.end(), std::int8_t{99});
      found(c.fit);
      ASSERT_EQ(std::memcmp(sums.data(), c.sums.data(), sums.size() * sizeof(float)), 0);
      if (codes) {
        ASSERT_EQ(as, std::vector<std::int8_t>(c.codes.begin(), c.codes.end()));
      }
    }
  }
};

TEST_P(FitEqual, IntegersAndLevels) {
  std::uint64_t seed = test_seed();
  for (const Values values : {Values::kPlain, Values::kTiny}) {
    for (const std::size_t n : {1u, 2u, 16u, 17u, 32u}) {
      Random random(++seed);
      Case c(random, values, n);
      for (const Range& range : kRanges) {
        c.fit.low = range.low;
        c.fit.high = range.high;
        check(portable_table().fit_integers, table().fit_integers, c);
      }
      for (const std::size_t count : {2u, 15u, 16u}) {
        c.fit.level_count = count;
        check(portable_table().fit_levels, table().fit_levels, c);
      }
      if (HasFatalFailure()) FAIL() << "n " << n << ", values " << to_string(values) << ", seed " << seed;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Tables, FitEqual, all_variants(), variant_name);

/// Sums in double over codes by `nearest`, which gets the quotient in double.
template <typename Nearest>
void expect_sums(const Case& c, const Nearest& nearest) {
  for (std::size_t l = 0; l < kLanes; ++l) {
    double sums[3] = {}, sizes[3] = {};
    for (std::size_t i = 0; i < c.fit.n; ++i) {
      const std::size_t at = i * kLanes + l;
      // In f32 as the contract says: a quotient on the middle must fall to the same side.
      const float v = c.x[at] * c.inverse[l] + c.offset[l];
      const auto [q, code] = nearest(v);
      EXPECT_EQ(c.codes[at], code) << v;
      const double terms[3] = {c.w[at] * q, c.w[at] * q * q, c.w[at] * q * c.x[at]};
      for (int s = 0; s < 3; ++s) sums[s] += terms[s], sizes[s] += std::fabs(terms[s]);
    }
    // Each term is rounded at most twice, each sum once: n + 2 roundings of at most the sum of magnitudes.
    for (std::size_t s = 0; s < 3; ++s) {
      EXPECT_NEAR(c.sums[s * kLanes + l], sums[s],
                  static_cast<double>(c.fit.n + 2) * 0x1p-24 * sizes[s] + 1e-30);
    }
  }
}

TEST(FitAnswers, NearestIntegerWithinTheRange) {
  Random random(test_seed());
  Case c(random, Values::kPlain, 32);
  c.fit.codes = c.codes.data();
  for (const Range& range : kRanges) {
    c.fit.low = range.low;
    c.fit.high = range.high;
    portable_table().fit_integers(c.fit);
    expect_sums(c, [&](float v) {
      const double q = std::nearbyint(std::fmin(range.high, std::fmax(range.low, v)));
      return std::pair(q, static_cast<int>(q));
    });
  }
}

TEST(FitAnswers, NearestLevel) {
  Random random(test_seed());
  Case c(random, Values::kPlain, 32);
  c.fit.codes = c.codes.data();
  portable_table().fit_levels(c.fit);
  expect_sums(c, [&](float v) {
    int best = 0;  // the lower of two that are as near
    for (int j = 1; j < 16; ++j) {
      if (std::fabs(static_cast<double>(v) - kLevels[j]) < std::fabs(static_cast<double>(v) - kLevels[best]))
        best = j;
    }
    return std::pair(static_cast<double>(kLevels[best]), best);
  });
}

}  // namespace
}  // namespace garam::test
