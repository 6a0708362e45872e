// The loss over a run, for people: as numbers and as a picture.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace garam::training {

struct CurvePoint {
  std::uint64_t step = 0;    // done
  std::uint64_t tokens = 0;  // trained on until then
  double loss = 0;           // of the step
  double held_out = 0;       // NaN: not measured
  double learning_rate = 0;
  double gradient_norm = 0;
};

/// A line of names, then a line a step.
std::string curve_csv(const std::vector<CurvePoint>& curve);
/// A picture of loss (smoothed where there are more steps than it has room for) and held-out loss over
/// tokens.
std::string curve_svg(const std::vector<CurvePoint>& curve);

}  // namespace garam::training
