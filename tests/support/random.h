// Random inputs for kernel tests: reproducible from one seed, and unkind. GARAM_TEST_SEED chooses the seed,
// GARAM_TEST_SCALE multiplies how often randomised tests repeat (nightly runs).
#pragma once

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <limits>

namespace garam::test {

inline std::uint64_t test_seed() {
  const char* text = std::getenv("GARAM_TEST_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 0) : 20240917;
}

inline std::size_t test_scale() {
  const char* text = std::getenv("GARAM_TEST_SCALE");
  const std::size_t scale = text != nullptr ? std::strtoull(text, nullptr, 0) : 1;
  return scale > 0 ? scale : 1;
}

/// SplitMix64.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }
  std::uint32_t bits() { return static_cast<std::uint32_t>(next() >> 32); }
  /// In [0, n).
  std::size_t below(std::size_t n) {
    return static_cast<std::size_t>(bits() * static_cast<std::uint64_t>(n) >> 32);
  }
  /// In [-1, 1].
  float uniform() { return static_cast<float>(static_cast<std::int32_t>(bits())) * 0x1p-31f; }

  /// A random sign and mantissa with an exponent in [low, high], -150 and below giving subnormals and zeros.
  float scaled(int low, int high) {
    const int exponent = low + static_cast<int>(below(static_cast<std::size_t>(high - low + 1)));
    return std::bit_cast<float>((bits() & 0x807fffffu) | 0x3f800000u) *
           (exponent < -100 ? 0x1p-100f * power(exponent + 100) : power(exponent));
  }

 private:
  static float power(int exponent) {
    return exponent < -126 ? 0.0f : std::bit_cast<float>(static_cast<std::uint32_t>(exponent + 127) << 23);
  }
  std::uint64_t state_;
};

/// What a buffer is filled with.
enum class Values {
  kPlain,    // [-1, 1], now and then a zero of either sign
  kTiny,     // products of two lie around the smallest subnormals
  kHuge,     // products of two lie around the largest f32
  kPattern,  // any finite bit pattern
  kSpecial,  // plain with infinities, NaN and extreme values among them
};
inline constexpr Values kFiniteValues[] = {Values::kPlain, Values::kTiny, Values::kHuge, Values::kPattern};
inline constexpr Values kAllValues[] = {Values::kPlain, Values::kTiny, Values::kHuge, Values::kPattern,
                                        Values::kSpecial};

inline const char* to_string(Values values) {
  constexpr const char* kNames[] = {"plain", "tiny", "huge", "pattern", "special"};
  return kNames[static_cast<int>(values)];
}

inline float random_value(Random& random, Values values) {
  using Limits = std::numeric_limits<float>;
  switch (values) {
    case Values::kPlain:
      return random.below(50) == 0 ? (random.bits() % 2 != 0 ? 0.0f : -0.0f) : random.uniform();
    case Values::kTiny:
      return random.scaled(-80, -60);
    case Values::kHuge:
      return random.scaled(55, 65);
    case Values::kPattern:
      for (;;) {
        const std::uint32_t bits = random.bits();
        if ((bits & 0x7f800000u) != 0x7f800000u) return std::bit_cast<float>(bits);
      }
    case Values::kSpecial: {
      constexpr float kSpecials[] = {0.0f,
                                     -0.0f,
                                     1.0f,
                                     -1.0f,
                                     Limits::denorm_min(),
                                     -Limits::denorm_min(),
                                     Limits::min(),
                                     -Limits::min(),
                                     Limits::max(),
                                     -Limits::max(),
                                     Limits::infinity(),
                                     -Limits::infinity(),
                                     Limits::quiet_NaN(),
                                     -Limits::quiet_NaN(),
                                     0x1.fffffep-51f,
                                     0x1p-50f,
                                     0x1.fffffep-101f,
                                     0x1p-100f,
                                     65504.0f,
                                     -65504.0f,
                                     65519.996f,
                                     65520.0f,
                                     -65520.0f,
                                     0x1p-24f,
                                     0x1p-25f,
                                     0x1.000002p-25f,
                                     -87.0f,
                                     88.72f,
                                     88.73f,
                                     -87.00001f};
      // A signalling NaN too: every table must make it quiet.
      if (random.below(400) == 0) return std::bit_cast<float>(0x7f800001u + (random.bits() & 0x3fffffu));
      return random.below(30) == 0 ? kSpecials[random.below(std::size(kSpecials))] : 4 * random.uniform();
    }
  }
  return 0;
}

template <typename Range>
void fill_random(Random& random, Values values, Range& range) {
  for (auto& x : range) x = random_value(random, values);
}

}  // namespace garam::test
