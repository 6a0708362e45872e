// What one row of logits says about the token that followed, alone and beside another model's row. In double;
// sums over the vocabulary as in sample/log_softmax.h, so that bits do not depend on the machine. Rows are
// finite, at most 2^23 long, and callers hold a FloatEnvironment; nothing here throws.
#pragma once

#include <cstdint>
#include <span>

namespace garam {

/// -ln of the probability of `token`.
double negative_log_likelihood(std::span<const float> row, std::int32_t token) noexcept;

/// A row beside the base's of the same length.
struct RowComparison {
  double nll = 0, base_nll = 0;  // as negative_log_likelihood() gives them
  double kl = 0;                 // KL(base || row), not below 0
  double change = 0;             // of the token's probability, from the base to this row
  bool same_top = false;         // the most likely token, of equal ones the smallest id
};

RowComparison compare_rows(std::span<const float> base, std::span<const float> row,
                           std::int32_t token) noexcept;

}  // namespace garam
