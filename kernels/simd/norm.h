// RMSNorm and LayerNorm on 16 lanes. Lane i of the sum is stripe i of numerics rule 7; what is left out of
// a tail adds +0 to sums that are never -0, so it changes nothing.
#pragma once

#include "kernels/simd/each.h"

namespace garam::kernels::simd {

template <typename L>
void rms_norm(const float* x, const float* w, std::size_t n, float eps, float* y) {
  auto squares = L::zero();
  each<L>(n, [&](std::size_t i, auto part) {
    const auto v = L::load(x + i, part);
    squares = L::fma(v, v, squares);
  });
  const float mean = L::sum_of_stripes(squares) / static_cast<float>(n);
  const auto r = L::set(1.0f / L::sqrt(mean + eps));
  each<L>(n, [&](std::size_t i, auto part) {
    L::store(y + i, L::mul(L::mul(L::load(x + i, part), r), L::load(w + i, part)), part);
  });
}

template <typename L>
void layer_norm(const float* x, const float* w, const float* b, std::size_t n, float eps, float* y) {
  auto sum = L::zero();
  each<L>(n, [&](std::size_t i, auto part) { sum = L::add(sum, L::load(x + i, part)); });
  const auto mean = L::set(L::sum_of_stripes(sum) / static_cast<float>(n));
  auto squares = L::zero();
  each<L>(n, [&](std::size_t i, auto part) {
    const auto d = L::keep(L::sub(L::load(x + i, part), mean), part);
    squares = L::fma(d, d, squares);
  });
  const float variance = L::sum_of_stripes(squares) / static_cast<float>(n);
  const auto r = L::set(1.0f / L::sqrt(variance + eps));
  each<L>(n, [&](std::size_t i, auto part) {
    const auto scaled = L::mul(L::sub(L::load(x + i, part), mean), r);
    const auto weight = L::load(w + i, part);
    L::store(y + i, b != nullptr ? L::fma(scaled, weight, L::load(b + i, part)) : L::mul(scaled, weight),
             part);
  });
}

}  // namespace garam::kernels::simd
