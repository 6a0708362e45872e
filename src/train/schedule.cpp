// Learning-rate schedules: linear warm-up, then constant, linear or cosine decay (Loshchilov and Hutter,
// 2016).
#include "train/schedule.h"

#include <algorithm>
#include <numbers>

#include "base/det_math.h"

namespace garam::training {

double learning_rate(const Schedule& schedule, std::uint64_t step) {
  if (step < schedule.warmup) {
    return schedule.peak * static_cast<double>(step + 1) / static_cast<double>(schedule.warmup);
  }
  if (schedule.decay == Decay::kConstant) return schedule.peak;
  const std::uint64_t behind = schedule.steps > schedule.warmup ? schedule.steps - schedule.warmup : 1;
  const double done =
      std::min(1.0, static_cast<double>(step - schedule.warmup) / static_cast<double>(behind));
  const double left =
      schedule.decay == Decay::kLinear ? 1.0 - done : 0.5 * (1.0 + det_sincos(std::numbers::pi * done).cos);
  return schedule.floor + (schedule.peak - schedule.floor) * left;
}

}  // namespace garam::training
