// Starts, least squares, refinement: the scales of single blocks.
#include "quantize/search.h"

#include <algorithm>
#include <cmath>

#include "tensor/half.h"

namespace garam::quant {
namespace {

using kernels::Table;

constexpr int kRefits = 2;  // of a block: codes by the best scale, then the best scale for the codes

FitSums fit_at(const Table& table, const LaneGroup& group, const Codebook& book, const Scales& scales,
               std::int8_t* codes = nullptr) {
  Lane inverse, offset;
  for (std::size_t l = 0; l < kLanes; ++l) {
    inverse[l] = inverse_of(scales.scale[l]);
    offset[l] = scales.minimum[l] * inverse[l];
  }
  return fit(table, group, book, inverse, offset, codes);
}

/// What the best scale and minimum for these codes take off the weighted squares of the values.
struct Best {
  float scale = 0, minimum = 0, gain = 0;
};
Best best_scale(const FitSums& s, std::size_t l) {
  if (!(s.qq[l] > 0)) return {};
  const float scale = s.xq[l] / s.qq[l];
  return {scale, 0, scale * s.xq[l]};
}
Best best_scale_and_minimum(const LaneGroup& g, const FitSums& s, std::size_t l, Minimum kind) {
  const float determinant = g.sum_w[l] * s.qq[l] - s.q[l] * s.q[l];
  // Codes that are nearly all equal, so that rounding decides: the mean, as a minimum where it can be one.
  if (!(determinant > 1e-5f * g.sum_w[l] * s.qq[l])) {
    const float minimum = -g.sum_wx[l] / g.sum_w[l];
    if (kind == Minimum::kSubtracted && minimum < 0) return best_scale(s, l);
    return {0, minimum, minimum * minimum * g.sum_w[l]};
  }
  const float scale = (g.sum_w[l] * s.xq[l] - s.q[l] * g.sum_wx[l]) / determinant;
  const float minimum = (s.q[l] * s.xq[l] - s.qq[l] * g.sum_wx[l]) / determinant;
  if (kind == Minimum::kSubtracted && minimum < 0) return best_scale(s, l);
  return {scale, minimum, scale * s.xq[l] - minimum * g.sum_wx[l]};
}

/// The best of every lane so far.
struct Found {
  Scales scales;
  Lane gain;

  void take(std::size_t l, const Best& best) {
    if (!(best.gain > gain[l]) || !std::isfinite(best.scale) || !std::isfinite(best.minimum)) return;
    gain[l] = best.gain;
    scales.scale[l] = best.scale;
    scales.minimum[l] = best.minimum;
  }
};

}  // namespace

Scales find_scale(const Table& table, const LaneGroup& group, const Codebook& book,
                  std::span<const float> starts) {
  Found found;
  const auto look = [&](const FitSums& sums) {
    for (std::size_t l = 0; l < kLanes; ++l) found.take(l, best_scale(sums, l));
  };
  Lane unit, inverse;
  for (std::size_t l = 0; l < kLanes; ++l) unit[l] = inverse_of(group.extreme[l]);
  for (const float start : starts) {
    for (std::size_t l = 0; l < kLanes; ++l) inverse[l] = start * unit[l];
    look(fit(table, group, book, inverse, {}));
  }
  for (int refit = 0; refit < kRefits; ++refit) look(fit_at(table, group, book, found.scales));
  return found.scales;
}

Scales find_scale_and_minimum(const Table& table, const LaneGroup& group, const Codebook& book,
                              std::span<const Ends> starts, Minimum minimum) {
  Found found;
  const auto look = [&](const FitSums& sums) {
    for (std::size_t l = 0; l < kLanes; ++l) found.take(l, best_scale_and_minimum(group, sums, l, minimum));
  };
  Lane unit, smallest, inverse, offset;
  for (std::size_t l = 0; l < kLanes; ++l) {
    smallest[l] = minimum == Minimum::kSubtracted ? std::min(0.0f, group.smallest[l]) : group.smallest[l];
    unit[l] = inverse_of(group.largest[l] - smallest[l]);
  }
  for (const Ends& ends : starts) {
    for (std::size_t l = 0; l < kLanes; ++l) {
      inverse[l] = (ends.high - ends.low) * unit[l];
      offset[l] = ends.low - smallest[l] * inverse[l];
    }
    look(fit(table, group, book, inverse, offset));
  }
  for (int refit = 0; refit < kRefits; ++refit) look(fit_at(table, group, book, found.scales));
  return found.scales;
}

void round_to_f16(const Table& table, const LaneGroup& group, const Codebook& book, bool minimums,
                  Scales* scales) {
  Lane least;
  Scales best;
  for (const int step : {0, 1, -1}) {
    Scales at;
    for (std::size_t l = 0; l < kLanes; ++l) {
      const std::uint16_t nearest = float_to_half(scales->scale[l]);
      // The next f16 of larger or smaller magnitude; none from zero downwards or to infinity.
      const bool there = step == 0 || ((nearest & 0x7fff) > 0 && (nearest & 0x7fff) < 0x7bff);
      at.scale[l] = half_to_float(there ? static_cast<std::uint16_t>(nearest + step) : nearest);
      at.minimum[l] = half_to_float(float_to_half(scales->minimum[l]));
    }
    const FitSums sums = fit_at(table, group, book, at);
    for (std::size_t l = 0; l < kLanes; ++l) {
      if (minimums) {
        const float free = (at.scale[l] * sums.q[l] - group.sum_wx[l]) / group.sum_w[l];
        at.minimum[l] = half_to_float(float_to_half(free));
      }
      const float error = error_of(group, sums, l, at.scale[l], at.minimum[l]);
      if (step != 0 && !(error < least[l])) continue;
      least[l] = error;
      best.scale[l] = at.scale[l];
      best.minimum[l] = at.minimum[l];
    }
  }
  *scales = best;
}

void final_codes(const Table& table, const LaneGroup& group, const Codebook& book, const Scales& scales,
                 std::int8_t* codes) {
  fit_at(table, group, book, scales, codes);
}

}  // namespace garam::quant
