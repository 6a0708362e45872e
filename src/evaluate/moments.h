// Mean and standard error of values that come one by one.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>

#include "garam/perplexity.h"

namespace garam {

/// Welford's recurrence: unlike the difference of two sums it keeps its digits when the deviation is small.
class Moments {
 public:
  void add(double value) {
    const double from_old = value - mean_;
    mean_ += from_old / static_cast<double>(++count_);
    squares_ += from_old * (value - mean_);
  }

  std::size_t count() const { return count_; }
  double mean() const { return mean_; }
  /// The mean, and sqrt(variance / count) with the variance of a sample.
  Estimate estimate() const {
    if (count_ < 2) return {mean_, std::numeric_limits<double>::quiet_NaN()};
    const auto n = static_cast<double>(count_);
    return {mean_, std::sqrt(squares_ / (n - 1) / n)};
  }

 private:
  std::size_t count_ = 0;
  double mean_ = 0;
  double squares_ = 0;  // of the distances from the mean, summed
};

}  // namespace garam
