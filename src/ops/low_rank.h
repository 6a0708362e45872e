// What adapters add to projections (numerics rule 15).
#pragma once

#include <cstddef>
#include <span>

#include "ops/linear.h"
#include "tensor/low_rank.h"

namespace garam::ops {

/// Projections whose updates are computed side by side: those of queries, keys and values.
inline constexpr std::size_t kLowRankAtOnce = 3;

/// Floats a row that ActivationForms::low_rank holds where no update is wider than `widest`.
constexpr std::size_t low_rank_room(std::size_t widest) {
  return kLowRankAtOnce * widest;
}

/// Every projection whose weight has updates, in their order: u = A x and d = B u, each a sum over k
/// ascending by fma from +0, all in f32 whatever the weight's type; out = fma(factor, d, out).
void add_low_rank(const Context& context, const Rows& x, const ActivationForms& forms,
                  std::span<const Projection> projections);

}  // namespace garam::ops
