// How the learning rate moves over a training run. In double and by det_math, so that every machine takes the
// same steps.
#pragma once

#include <cstdint>

namespace garam::training {

enum class Decay { kConstant, kLinear, kCosine };

struct Schedule {
  double peak = 1e-3;          // reached at the end of the warm-up
  double floor = 1e-4;         // at the last step; not used by kConstant
  std::uint64_t warmup = 100;  // steps of linear growth from peak / warmup
  std::uint64_t steps = 1000;  // of the whole run
  Decay decay = Decay::kCosine;
};

/// The rate of a step, counted from 0.
double learning_rate(const Schedule& schedule, std::uint64_t step);

}  // namespace garam::training
