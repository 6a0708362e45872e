// Mixture of experts (Shazeer et al. 2017; Jiang et al. 2024): which experts a row meets, and the sum of what
// they make of it (numerics rule 11). Rows are sorted by expert, so that each expert's weights are read once.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/context.h"
#include "tensor/matrix.h"

namespace garam::ops {

/// The experts of `rows` rows, `used` each. A place is a row of the sorted input of all experts.
struct ExpertChoice {
  std::size_t rows = 0;
  std::size_t used = 0;
  std::size_t experts = 0;
  std::int32_t* expert = nullptr;   // [rows][used], best first
  float* weight = nullptr;          // [rows][used]
  std::uint32_t* place = nullptr;   // [rows][used]
  std::uint32_t* source = nullptr;  // [rows * used], the row that a place holds
  std::uint32_t* begin = nullptr;   // [experts + 1], the places of an expert
};

/// Chooses by router logits [rows, experts], which are overwritten: the largest `used` of them, the lower
/// index first where equal; their weights are softmax over all experts, divided by their sum where
/// renormalised.
void choose_experts(const Context& context, const Rows& logits, bool renormalise, const ExpertChoice& choice);

/// sorted.row(place) = x.row(source).
void gather_rows(const Context& context, const Rows& x, const ExpertChoice& choice, const Rows& sorted);

/// out.row(t) = +0, then fma(weight, sorted.row(place), .) for its experts, best first.
void combine_experts(const Context& context, const Rows& sorted, const ExpertChoice& choice, const Rows& out);

/// out.row(t) = fma(s, shared.row(t), out.row(t)), s = fl(1 / fl(1 + exp(-share.row(t)[0]))); overwrites
/// share.
void add_shared(const Context& context, const Rows& out, const Rows& shared, const Rows& share);

}  // namespace garam::ops
