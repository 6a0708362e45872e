// The comparisons of all rows made into KlDivergence.
#pragma once

#include <vector>

#include "evaluate/moments.h"
#include "evaluate/row_score.h"

namespace garam {

class KlStatistics {
 public:
  /// To be called in the order of the text.
  void add(const RowComparison& row);
  /// To be called once, last, after at least one add().
  KlDivergence finish();

 private:
  Moments kl_, same_top_, change_, squared_change_, base_nll_, nll_difference_;
  std::vector<double> values_;  // of KL, for the percentiles
};

/// e^mean, and its error by the derivative.
Estimate exponential(const Estimate& mean);

}  // namespace garam
