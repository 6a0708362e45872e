// Numerics rule 7 as scalar code, for the few sums that no kernel is worth.
#pragma once

#include <cstddef>

#include "kernels/layout.h"

namespace garam::ops {

inline float striped_sum(const float* x, std::size_t n) {
  float s[kernels::kLanes] = {};
  for (std::size_t i = 0; i < n; ++i) s[i % kernels::kLanes] += x[i];
  for (std::size_t width = kernels::kLanes / 2; width > 0; width /= 2) {
    for (std::size_t i = 0; i < width; ++i) s[i] += s[i + width];
  }
  return s[0];
}

}  // namespace garam::ops
