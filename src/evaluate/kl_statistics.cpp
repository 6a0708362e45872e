// Errors of what follows from a mean are the mean's, times the derivative.
#include "evaluate/kl_statistics.h"

#include <algorithm>

#include "base/det_math.h"

namespace garam {
namespace {

double percentile(const std::vector<double>& sorted, double share) {
  const double rank = share * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<std::size_t>(rank);
  const std::size_t high = std::min(low + 1, sorted.size() - 1);
  const double part = rank - static_cast<double>(low);
  return sorted[low] + part * (sorted[high] - sorted[low]);
}

Estimate square_root(const Estimate& mean) {
  const double root = std::sqrt(mean.value);
  return {root, root > 0 ? mean.error / (2 * root) : mean.error};
}

}  // namespace

Estimate exponential(const Estimate& mean) {
  const double value = det_exp(mean.value);
  return {value, value * mean.error};
}

void KlStatistics::add(const RowComparison& row) {
  kl_.add(row.kl);
  same_top_.add(row.same_top ? 1 : 0);
  change_.add(row.change);
  squared_change_.add(row.change * row.change);
  base_nll_.add(row.base_nll);
  // Both models read the same tokens, so the error of the ratio is that of the differences: much smaller than
  // the two errors together.
  nll_difference_.add(row.nll - row.base_nll);
  values_.push_back(row.kl);
}

KlDivergence KlStatistics::finish() {
  std::sort(values_.begin(), values_.end());
  KlDivergence result;
  result.mean = kl_.estimate();
  result.maximum = values_.back();
  result.median = percentile(values_, 0.5);
  result.percentile_90 = percentile(values_, 0.9);
  result.percentile_95 = percentile(values_, 0.95);
  result.percentile_99 = percentile(values_, 0.99);
  result.percentile_99_9 = percentile(values_, 0.999);
  result.same_top = same_top_.estimate();
  result.probability_change = change_.estimate();
  result.probability_change_rms = square_root(squared_change_.estimate());
  result.base_perplexity = exponential(base_nll_.estimate());
  result.perplexity_ratio = exponential(nll_difference_.estimate());
  return result;
}

}  // namespace garam
