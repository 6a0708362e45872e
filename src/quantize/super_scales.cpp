// Scales of scales: blocks of 256 hold a small integer for each part, times one f16 for all of them.
#include <algorithm>
#include <cmath>

#include "quantize/search.h"
#include "tensor/half.h"

namespace garam::quant {
namespace {

using kernels::Table;

float to_f16(float x) {
  return half_to_float(float_to_half(x));
}
float nearest_in(float x, float low, float high) {
  return std::clamp(std::nearbyint(x), low, high);
}

/// What is known of a group at integers that are being improved.
class Rounding {
 public:
  Rounding(const Table& table, const LaneGroup& group, const Codebook& book, const ScaleCode& code)
      : table_(table), group_(group), book_(book), code_(code) {}

  /// The scale of largest magnitude becomes the integer of largest magnitude.
  void begin(const Scales& exact) {
    for (std::size_t first = 0; first < kLanes; first += code_.lanes) {
      float extreme = 0, largest_minimum = 0;
      for (std::size_t l = first; l < first + code_.lanes; ++l) {
        if (std::fabs(exact.scale[l]) > std::fabs(extreme)) extreme = exact.scale[l];
        largest_minimum = std::max(largest_minimum, exact.minimum[l]);
      }
      const float d = to_f16(extreme / (code_.low < 0 ? code_.low : code_.high));
      const float dmin = to_f16(largest_minimum / code_.high);
      for (std::size_t l = first; l < first + code_.lanes; ++l) {
        d_[l] = d;
        dmin_[l] = dmin;
        scale_[l] = d != 0 ? nearest_in(exact.scale[l] / d, code_.low, code_.high) : 0;
        minimum_[l] = dmin != 0 ? nearest_in(exact.minimum[l] / dmin, 0, code_.high) : 0;
      }
    }
  }

  /// The neighbours of every lane's scale, each with the best minimum for its codes.
  void improve_integers() {
    Lane least, scale = scale_, minimum = minimum_;
    for (const float step : {0.0f, -1.0f, 1.0f}) {
      Lane candidate;
      for (std::size_t l = 0; l < kLanes; ++l) {
        candidate[l] = std::clamp(scale_[l] + step, code_.low, code_.high);
      }
      const FitSums s = fit_at(candidate, minimum_);
      for (std::size_t l = 0; l < kLanes; ++l) {
        const float m = code_.minimums ? best_minimum(s, l, d_[l] * candidate[l]) : 0;
        const float error = error_of(group_, s, l, d_[l] * candidate[l], dmin_[l] * m);
        if (step != 0 && !(error < least[l])) continue;
        least[l] = error;
        scale[l] = candidate[l];
        minimum[l] = m;
      }
    }
    scale_ = scale;
    minimum_ = minimum;
  }

  /// Codes by the present scales, then the d and dmin of least error for codes and integers. Kept where less
  /// error is left with fresh codes.
  void improve_d() {
    const FitSums s = fit_at(scale_, minimum_);
    const Lane old_d = d_, old_dmin = dmin_;
    for (std::size_t first = 0; first < kLanes; first += code_.lanes) set_best_d(s, first);
    const FitSums fresh = fit_at(scale_, minimum_);
    for (std::size_t first = 0; first < kLanes; first += code_.lanes) {
      float before = 0, after = 0;
      for (std::size_t l = first; l < first + code_.lanes; ++l) {
        before += error_of(group_, s, l, old_d[l] * scale_[l], old_dmin[l] * minimum_[l]);
        after += error_of(group_, fresh, l, d_[l] * scale_[l], dmin_[l] * minimum_[l]);
      }
      if (after < before) continue;
      for (std::size_t l = first; l < first + code_.lanes; ++l) d_[l] = old_d[l], dmin_[l] = old_dmin[l];
    }
  }

  SuperScales result() const {
    SuperScales to;
    to.scale = scale_;
    to.minimum = minimum_;
    for (std::size_t s = 0; s < kLanes / code_.lanes; ++s) {
      to.d[s] = float_to_half(d_[s * code_.lanes]);
      to.dmin[s] = float_to_half(dmin_[s * code_.lanes]);
    }
    return to;
  }

 private:
  FitSums fit_at(const Lane& scale, const Lane& minimum) const {
    Lane inverse, offset;
    for (std::size_t l = 0; l < kLanes; ++l) {
      inverse[l] = inverse_of(d_[l] * scale[l]);
      offset[l] = dmin_[l] * minimum[l] * inverse[l];
    }
    return fit(table_, group_, book_, inverse, offset);
  }
  float best_minimum(const FitSums& s, std::size_t l, float scale) const {
    if (dmin_[l] == 0) return 0;
    const float exact = (scale * s.q[l] - group_.sum_wx[l]) / group_.sum_w[l];
    return nearest_in(exact / dmin_[l], 0, code_.high);
  }
  /// Least squares of x = d * a - dmin * b over the lanes, a = scale * q, b = minimum.
  void set_best_d(const FitSums& s, std::size_t first) {
    float aa = 0, ab = 0, bb = 0, ax = 0, bx = 0;
    for (std::size_t l = first; l < first + code_.lanes; ++l) {
      const float scale = scale_[l], minimum = minimum_[l];
      aa += scale * scale * s.qq[l];
      ab += scale * minimum * s.q[l];
      bb += minimum * minimum * group_.sum_w[l];
      ax += scale * s.xq[l];
      bx += minimum * group_.sum_wx[l];
    }
    const float determinant = aa * bb - ab * ab;
    float d = aa > 0 ? ax / aa : 0, dmin = 0;
    if (code_.minimums && determinant > 0) {
      d = (ax * bb - ab * bx) / determinant;
      dmin = (ab * ax - aa * bx) / determinant;
    }
    d = to_f16(d);
    dmin = to_f16(dmin);
    if (!std::isfinite(d) || !std::isfinite(dmin) || dmin < 0) return;
    for (std::size_t l = first; l < first + code_.lanes; ++l) d_[l] = d, dmin_[l] = dmin;
  }

  const Table& table_;
  const LaneGroup& group_;
  const Codebook& book_;
  const ScaleCode& code_;
  Lane d_, dmin_, scale_, minimum_;
};

}  // namespace

Scales SuperScales::value(const ScaleCode& code) const {
  Scales to;
  for (std::size_t l = 0; l < kLanes; ++l) {
    to.scale[l] = half_to_float(d[l / code.lanes]) * scale[l];
    to.minimum[l] = half_to_float(dmin[l / code.lanes]) * minimum[l];
  }
  return to;
}

SuperScales round_to_integers(const Table& table, const LaneGroup& group, const Codebook& book,
                              const ScaleCode& code, const Scales& exact) {
  Rounding rounding(table, group, book, code);
  rounding.begin(exact);
  for (int round = 0; round < 2; ++round) {
    rounding.improve_integers();
    rounding.improve_d();
  }
  return rounding.result();
}

}  // namespace garam::quant
