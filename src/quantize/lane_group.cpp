// Blocks side by side, their sums, and one kernel call over them.
#include "quantize/lane_group.h"

#include <algorithm>
#include <cmath>

namespace garam::quant {

void LaneGroup::set(std::size_t lane, const float* values, const float* importance) {
  for (std::size_t i = 0; i < n; ++i) {
    x[i * kLanes + lane] = values[i];
    w[i * kLanes + lane] = importance != nullptr ? importance[i] : 1.0f;
  }
}

void LaneGroup::clear(std::size_t lane) {
  for (std::size_t i = 0; i < n; ++i) x[i * kLanes + lane] = 0, w[i * kLanes + lane] = 1;
}

void LaneGroup::finish() {
  sum_w = sum_wx = sum_wxx = {};
  std::copy_n(x, kLanes, smallest.v);
  std::copy_n(x, kLanes, largest.v);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t l = 0; l < kLanes; ++l) {
      const float value = x[i * kLanes + l], weight = w[i * kLanes + l];
      sum_w[l] += weight;
      sum_wx[l] += weight * value;
      sum_wxx[l] += weight * value * value;
      smallest[l] = std::min(smallest[l], value);
      largest[l] = std::max(largest[l], value);
    }
  }
  for (std::size_t l = 0; l < kLanes; ++l) extreme[l] = largest[l] > -smallest[l] ? largest[l] : smallest[l];
}

float error_of(const LaneGroup& group, const FitSums& sums, std::size_t lane, float scale, float minimum) {
  const float of_scale = scale * (scale * sums.qq[lane] - 2.0f * sums.xq[lane]);
  const float rest = group.sum_wx[lane] - scale * sums.q[lane];
  return group.sum_wxx[lane] + of_scale + minimum * (minimum * group.sum_w[lane] + 2.0f * rest);
}

float inverse_of(float scale) {
  const float inverse = 1.0f / scale;
  return std::isfinite(inverse) ? inverse : 0.0f;
}

FitSums fit(const kernels::Table& table, const LaneGroup& group, const Codebook& book, const Lane& inverse,
            const Lane& offset, std::int8_t* codes) {
  static_assert(sizeof(FitSums) == 3 * kLanes * sizeof(float));
  FitSums sums;
  const kernels::Fit f{.x = group.x,
                       .w = group.w,
                       .n = group.n,
                       .inverse = inverse.v,
                       .offset = offset.v,
                       .low = book.low,
                       .high = book.high,
                       .levels = book.levels,
                       .level_count = book.level_count,
                       .sums = sums.q.v,
                       .codes = codes};
  book.levels != nullptr ? table.fit_levels(f) : table.fit_integers(f);
  return sums;
}

}  // namespace garam::quant
