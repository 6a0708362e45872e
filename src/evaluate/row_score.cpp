// With p = e^a / A and q = e^b / B, a and b logits less their maximum: KL = sum of e^a (a - b) / A - (ln A -
// ln B). So one exponential for each entry and model is enough, and of equal rows it is exactly 0.
#include "evaluate/row_score.h"

#include <algorithm>

#include "base/det_math.h"
#include "sample/candidates.h"
#include "sample/log_softmax.h"

namespace garam {

double negative_log_likelihood(std::span<const float> row, std::int32_t token) noexcept {
  const double max = best_candidate(row)->first;
  return det_log(sum_of_exp(row, max)) - (row[static_cast<std::size_t>(token)] - max);
}

RowComparison compare_rows(std::span<const float> base, std::span<const float> row,
                           std::int32_t token) noexcept {
  const Candidate base_top = *best_candidate(base), top = *best_candidate(row);
  const double base_max = base_top.first, max = top.first;
  StripedSum base_sum, sum, weighted;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const double a = base[i] - base_max, b = row[i] - max;
    const double e = det_exp(a);
    base_sum.add(i, e);
    sum.add(i, det_exp(b));
    weighted.add(i, e * (a - b));
  }
  const double base_total = base_sum.total(), base_log = det_log(base_total), log = det_log(sum.total());
  const auto t = static_cast<std::size_t>(token);
  RowComparison c;
  c.base_nll = base_log - (base[t] - base_max);
  c.nll = log - (row[t] - max);
  c.kl = std::max(0.0, weighted.total() / base_total - (base_log - log));
  c.change = det_exp(-c.nll) - det_exp(-c.base_nll);
  c.same_top = base_top.second == top.second;
  return c;
}

}  // namespace garam
