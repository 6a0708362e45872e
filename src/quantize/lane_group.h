// Sixteen blocks of weights side by side, a block a lane: a search tries one scale for each with a few vector
// instructions a value, and what a lane computes does not depend on its neighbours or on the instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"

namespace garam::quant {

inline constexpr std::size_t kLanes = 16;
inline constexpr std::size_t kLongestBlock = 32;

/// One number for each block.
struct alignas(64) Lane {
  float v[kLanes] = {};
  float& operator[](std::size_t lane) { return v[lane]; }
  float operator[](std::size_t lane) const { return v[lane]; }
};

struct LaneGroup {
  std::size_t n = 0;  // values of a block
  alignas(64) float x[kLongestBlock * kLanes];
  alignas(64) float w[kLongestBlock * kLanes];
  Lane sum_w, sum_wx, sum_wxx;
  Lane extreme;  // of largest magnitude, with its sign
  Lane smallest, largest;

  /// Sets lane `lane` to n values with their importance, or importance 1 where there is none.
  void set(std::size_t lane, const float* values, const float* importance);
  /// Zero values: a lane without a block.
  void clear(std::size_t lane);
  /// Computes the sums; after the last set().
  void finish();
};

/// The integers that a value's quotient by the scale is rounded to.
struct Codebook {
  float low, high;
  const float* levels = nullptr;  // rounded to these, ascending, instead of to integers
  std::size_t level_count = 0;
};

/// Sums of Fit (kernels.h) over each block.
struct FitSums {
  Lane q, qq, xq;
};

/// Weighted squared error of scale * q - minimum over block `lane`, as exact as sums in f32 are: about 1e-7
/// of the squares of the values.
float error_of(const LaneGroup& group, const FitSums& sums, std::size_t lane, float scale, float minimum);
/// 1 / scale, or 0 where that is not finite.
float inverse_of(float scale);

/// q of x * inverse + offset. `codes` [n][16] or null.
FitSums fit(const kernels::Table& table, const LaneGroup& group, const Codebook& book, const Lane& inverse,
            const Lane& offset, std::int8_t* codes = nullptr);

}  // namespace garam::quant
