// exp, sigmoid and what is made of them, on 16 lanes. The operations and constants are those of
// kernels/portable/exp.h, written down again: the specification shares no code with its copies.
#pragma once

#include "kernels/simd/each.h"

namespace garam::kernels::simd {

/// exp without its limits: n * ln(2) + r for |n| <= 126.
template <typename L>
inline typename L::F exp_within(typename L::F x) {
  const auto magic = L::set(0x1.8p+23f);
  const auto shifted = L::fma(x, L::set(0x1.715476p+0f), magic);
  const auto n = L::sub(shifted, magic);
  auto r = L::fma(n, L::set(-0x1.62e430p-1f), x);
  r = L::fma(n, L::set(0x1.05c610p-29f), r);
  auto p = L::set(0x1.6a1fa6p-10f);
  p = L::fma(p, r, L::set(0x1.12398p-7f));
  p = L::fma(p, r, L::set(0x1.5558ecp-5f));
  p = L::fma(p, r, L::set(0x1.555492p-3f));
  p = L::fma(p, r, L::set(0x1.fffffcp-2f));
  p = L::fma(p, r, L::set(1.0f));
  p = L::fma(p, r, L::set(1.0f));
  return L::from_bits(L::add(L::bits(p), L::template shift_left<23>(L::bits(shifted))));
}

template <typename L>
inline typename L::F exp(typename L::F x) {
  const auto y = L::clear(L::less(x, L::set(-87.0f)), exp_within<L>(x));
  const auto all = L::select(L::less(L::set(88.72f), x), L::set(__builtin_inff()), y);
  return L::select(L::is_nan(x), x, all);
}

/// exp of lanes that are not above 0, or NaN: the larger of exp(x) and x is exp(x), and x where that is NaN.
template <typename L>
inline typename L::F exp_of_negative(typename L::F x) {
  return L::max(L::clear(L::less(x, L::set(-87.0f)), exp_within<L>(x)), x);
}

/// x / (1 + exp(-u)), u = x for SiLU.
template <typename L>
inline typename L::F times_sigmoid(typename L::F x, typename L::F u) {
  return L::div(x, L::add(L::set(1.0f), exp<L>(L::negate(u))));
}

template <typename L>
void exp_each(const float* x, std::size_t n, float* y) {
  each<L>(n, [&](std::size_t i, auto part) { L::store(y + i, exp<L>(L::load(x + i, part)), part); });
}

template <typename L>
void silu_mul(const float* gate, const float* up, std::size_t n, float* out) {
  each<L>(n, [&](std::size_t i, auto part) {
    const auto g = L::load(gate + i, part);
    L::store(out + i, L::mul(times_sigmoid<L>(g, g), L::load(up + i, part)), part);
  });
}

template <typename L>
void gelu_tanh(const float* x, std::size_t n, float* y) {
  each<L>(n, [&](std::size_t i, auto part) {
    const auto v = L::load(x + i, part);
    const auto p = L::fma(L::mul(v, v), L::set(0x1.2444f2p-4f), L::set(0x1.988454p+0f));
    L::store(y + i, times_sigmoid<L>(v, L::mul(v, p)), part);
  });
}

}  // namespace garam::kernels::simd
