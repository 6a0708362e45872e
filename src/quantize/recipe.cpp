// The starts are spread over the quotients that the extreme value has at the best scale of Gaussian and of
// uniform weights: where bits are few, some beyond the last code (a clipped extreme) and many below; where
// they are many, close together, because the best of many roundings is what there is to gain.
#include "quantize/recipe.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace garam::quant {
namespace {

using kernels::Format;

/// from, from + step, .. : kCount numbers.
template <std::size_t kCount>
constexpr std::array<float, kCount> ramp(float from, float to) {
  std::array<float, kCount> values{};
  for (std::size_t i = 0; i < kCount; ++i) {
    values[i] = from + (to - from) * static_cast<float>(i) / static_cast<float>(kCount - 1);
  }
  return values;
}
template <std::size_t kA, std::size_t kB>
constexpr std::array<float, kA + kB> joined(const std::array<float, kA>& a, const std::array<float, kB>& b) {
  std::array<float, kA + kB> both{};
  for (std::size_t i = 0; i < kA; ++i) both[i] = a[i];
  for (std::size_t i = 0; i < kB; ++i) both[kA + i] = b[i];
  return both;
}
/// All pairs of a low and a high end.
template <std::size_t kLow, std::size_t kHigh>
constexpr std::array<Ends, kLow * kHigh> pairs(const std::array<float, kLow>& low,
                                               const std::array<float, kHigh>& high) {
  std::array<Ends, kLow * kHigh> ends{};
  for (std::size_t i = 0; i < kLow; ++i) {
    for (std::size_t j = 0; j < kHigh; ++j) ends[i * kHigh + j] = {low[i], high[j]};
  }
  return ends;
}

// The extreme value on the side that has one code more, then on the other.
constexpr auto kStarts3 = joined(ramp<13>(-4.8f, -2.4f), ramp<11>(2.0f, 4.0f));
constexpr auto kStarts4 = joined(ramp<13>(-9.0f, -6.0f), ramp<9>(6.0f, 8.0f));
constexpr auto kStarts5 = joined(ramp<13>(-17.2f, -13.6f), ramp<9>(13.6f, 16.0f));
constexpr auto kStarts6 = joined(ramp<13>(-33.2f, -29.0f), ramp<9>(28.8f, 32.0f));
constexpr auto kStarts8 = ramp<20>(119.9f, 127.4f);
constexpr auto kStartsIq4 = joined(ramp<13>(-140.0f, -90.0f), ramp<11>(85.0f, 125.0f));

constexpr auto kEnds2 = pairs(ramp<4>(-0.6f, 0.3f), ramp<7>(2.1f, 3.6f));
constexpr auto kEnds4 = pairs(std::array{-0.35f, 0.0f, 0.3f}, ramp<7>(13.6f, 15.7f));
constexpr auto kEnds5 = pairs(std::array{-0.35f, 0.0f, 0.3f}, ramp<7>(29.5f, 31.6f));

constexpr std::array<float, 16> kIq4Levels = [] {
  std::array<float, 16> levels{};
  for (std::size_t i = 0; i < 16; ++i) levels[i] = kernels::kIq4Values[i];
  return levels;
}();
/// The values of mxfp4 in order, and their codes.
constexpr std::array<float, 15> kMxfp4Levels = {-12, -8, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8, 12};
constexpr std::array<std::uint8_t, 15> kMxfp4Codes = {15, 14, 13, 12, 11, 10, 9, 0, 1, 2, 3, 4, 5, 6, 7};

constexpr Codebook kIq4Book{-127, 113, kIq4Levels.data(), kIq4Levels.size()};
constexpr ScaleCode kSixBits{0, 63, true, 8};

constexpr std::array<Recipe, kernels::kFormatCount> kRecipes = [] {
  std::array<Recipe, kernels::kFormatCount> r{};
  const auto of = [&r](Format format) -> Recipe& { return r[static_cast<std::size_t>(format)]; };
  of(Format::kQ8_0) = {.part = 32, .book = {-127, 127}, .starts = kStarts8};
  of(Format::kQ4_0) = {.part = 32, .book = {-8, 7}, .bias = 8, .starts = kStarts4};
  of(Format::kQ5_0) = {.part = 32, .book = {-16, 15}, .bias = 16, .starts = kStarts5};
  of(Format::kQ4_1) = {.part = 32, .book = {0, 15}, .ends = kEnds4};
  of(Format::kQ5_1) = {.part = 32, .book = {0, 31}, .ends = kEnds5};
  of(Format::kIq4Nl) = {.part = 32, .book = kIq4Book, .starts = kStartsIq4};
  of(Format::kMxfp4) = {.part = 32,
                        .book = {-12, 12, kMxfp4Levels.data(), kMxfp4Levels.size()},
                        .stored = kMxfp4Codes.data(),
                        .power_of_two = true};
  of(Format::kQ2_K) = {.part = 16, .book = {0, 3}, .ends = kEnds2, .scale_code = {0, 15, true, 16}};
  of(Format::kQ3_K) = {.part = 16,
                       .book = {-4, 3},
                       .bias = 4,
                       .starts = kStarts3,
                       .scale_code = {-32, 31, false, 16},
                       .scale_bias = 32};
  of(Format::kQ4_K) = {.part = 32, .book = {0, 15}, .ends = kEnds4, .scale_code = kSixBits};
  of(Format::kQ5_K) = {.part = 32, .book = {0, 31}, .ends = kEnds5, .scale_code = kSixBits};
  of(Format::kQ6_K) = {
      .part = 16, .book = {-32, 31}, .bias = 32, .starts = kStarts6, .scale_code = {-128, 127, false, 16}};
  of(Format::kIq4Xs) = {.part = 32,
                        .book = kIq4Book,
                        .starts = kStartsIq4,
                        .scale_code = {-32, 31, false, 8},
                        .scale_bias = 32};
  return r;
}();

constexpr float kLargestScale = 0x1p126f, kSmallestScale = 0x1p-126f;

}  // namespace

const Recipe& recipe_of(Format format) {
  return kRecipes[static_cast<std::size_t>(format)];
}

Scales find_power_of_two(const kernels::Table& table, const LaneGroup& group, const Codebook& book) {
  Scales best;
  Lane least, unit, inverse;
  for (std::size_t l = 0; l < kLanes; ++l) {
    // The power of two at or below what makes the extreme value the last level.
    const float exact = std::fabs(group.extreme[l]) / book.high;
    unit[l] = std::bit_cast<float>(std::bit_cast<std::uint32_t>(exact) & 0x7f800000);
    unit[l] = std::clamp(unit[l], 2 * kSmallestScale, 0.5f * kLargestScale);
  }
  for (const float factor : {1.0f, 2.0f, 0.5f}) {
    for (std::size_t l = 0; l < kLanes; ++l) inverse[l] = 1.0f / (unit[l] * factor);
    const FitSums sums = fit(table, group, book, inverse, {});
    for (std::size_t l = 0; l < kLanes; ++l) {
      const float error = error_of(group, sums, l, unit[l] * factor, 0);
      if (factor != 1.0f && !(error < least[l])) continue;
      least[l] = error;
      best.scale[l] = unit[l] * factor;
    }
  }
  return best;
}

std::uint16_t exponent_of(float scale) {
  // Levels are twice the values of e2m1, so a byte e stands for 2^(e - 128).
  return static_cast<std::uint16_t>((std::bit_cast<std::uint32_t>(scale) >> 23) + 1);
}

}  // namespace garam::quant
