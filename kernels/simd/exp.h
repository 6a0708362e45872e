// exp, sigmoid and what is made of them, on 16 lanes. The operations and constants are those of
// kernels/portable/exp.h, written down again: the specification shares no code with its copies.
#pragma once

#include "kernels/simd/each.h"

namespace garam::kernels::simd {

/// Whether a set has an instruction for p * 2^n.
template <typename L>
inline constexpr bool kTimesPowers = requires(typename L::F p, typename L::F n) {
  L::times_power_of_two(p, n);
};

/// exp without its limits, n * ln(2) + r for |n| <= 126, of kCount vectors in step: one waits for its own
/// products most of the time. Zen 5: 6.5 cycles a vector for four, 8.6 one after another.
template <typename L, std::size_t kCount>
[[gnu::always_inline]] inline void exp_within(const typename L::F (&x)[kCount], typename L::F (&y)[kCount]) {
  const auto magic = L::set(0x1.8p+23f);
  typename L::F shifted[kCount], n[kCount], r[kCount], p[kCount];
#pragma GCC unroll 4
  for (std::size_t i = 0; i < kCount; ++i) shifted[i] = L::fma(x[i], L::set(0x1.715476p+0f), magic);
#pragma GCC unroll 4
  for (std::size_t i = 0; i < kCount; ++i) {
    n[i] = L::sub(shifted[i], magic);
    r[i] = L::fma(n[i], L::set(-0x1.62e430p-1f), x[i]);
  }
#pragma GCC unroll 4
  for (std::size_t i = 0; i < kCount; ++i) {
    r[i] = L::fma(n[i], L::set(0x1.05c610p-29f), r[i]);
    p[i] = L::set(0x1.6a1fa6p-10f);
  }
  constexpr float kCoefficients[] = {0x1.12398p-7f,  0x1.5558ecp-5f, 0x1.555492p-3f,
                                     0x1.fffffcp-2f, 1.0f,           1.0f};
#pragma GCC unroll 6
  for (const float c : kCoefficients) {
#pragma GCC unroll 4
    for (std::size_t i = 0; i < kCount; ++i) p[i] = L::fma(p[i], r[i], L::set(c));
  }
#pragma GCC unroll 4
  for (std::size_t i = 0; i < kCount; ++i) {
    if constexpr (kTimesPowers<L>) {
      y[i] = L::times_power_of_two(p[i], n[i]);
    } else {
      y[i] = L::from_bits(L::add(L::bits(p[i]), L::template shift_left<23>(L::bits(shifted[i]))));
    }
  }
}

template <typename L>
inline typename L::F exp(typename L::F x) {
  typename L::F within[1];
  exp_within<L>({x}, within);
  const auto y = L::clear(L::less(x, L::set(-87.0f)), within[0]);
  const auto all = L::select(L::less(L::set(88.72f), x), L::set(__builtin_inff()), y);
  return L::select(L::is_nan(x), x, all);
}

/// exp of lanes that are not above 0, or NaN: the larger of exp(x) and x is exp(x), and x where that is NaN.
/// Multiplied by its power of two, a NaN is one already.
template <typename L, std::size_t kCount>
[[gnu::always_inline]] inline void exp_of_negative(typename L::F (&x)[kCount]) {
  typename L::F within[kCount];
  exp_within<L>(x, within);
#pragma GCC unroll 4
  for (std::size_t i = 0; i < kCount; ++i) {
    const auto y = L::clear(L::less(x[i], L::set(-87.0f)), within[i]);
    x[i] = kTimesPowers<L> ? y : L::max(y, x[i]);
  }
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

/// NaN stays: it is on no side of a limit.
template <typename L>
void swiglu_clamped(const float* gate, const float* up, std::size_t n, float alpha, float limit, float* out) {
  const auto high = L::set(limit), low = L::set(-limit), one = L::set(1.0f);
  each<L>(n, [&](std::size_t i, auto part) {
    auto g = L::load(gate + i, part);
    auto u = L::load(up + i, part);
    g = L::select(L::less(high, g), high, g);
    u = L::select(L::less(high, u), high, u);
    u = L::select(L::less(u, low), low, u);
    const auto gated = times_sigmoid<L>(g, L::mul(L::set(alpha), g));
    L::store(out + i, L::mul(gated, L::add(u, one)), part);
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

/// fl(tanh(fl(x / cap)) * cap), the tanh of kernels.h.
template <typename L>
inline typename L::F soft_capped(typename L::F x, typename L::F cap) {
  const auto u = L::div(x, cap);
  const auto size = L::from_bits(L::bit_and(L::bits(u), L::set_int(0x7fffffff)));
  const auto s = L::mul(u, u);
  auto p = L::set(-0x1.75e1d4p-8f);
  p = L::fma(p, s, L::set(0x1.52269cp-6f));
  p = L::fma(p, s, L::set(-0x1.b83c5ap-5f));
  p = L::fma(p, s, L::set(0x1.110726p-3f));
  p = L::fma(p, s, L::set(-0x1.555532p-2f));
  const auto small = L::fma(L::mul(u, s), p, u);
  const auto one = L::set(1.0f), two = L::set(2.0f);
  const auto large = L::sub(one, L::div(two, L::add(exp<L>(L::mul(two, size)), one)));
  const auto sign = L::bit_and(L::bits(u), L::set_int(INT32_MIN));
  const auto tanh =
      L::select(L::less(size, L::set(0.625f)), small, L::from_bits(L::bit_or(L::bits(large), sign)));
  return L::mul(tanh, cap);
}

template <typename L>
void soft_cap(float* x, std::size_t n, float cap) {
  const auto c = L::set(cap);
  each<L>(n,
          [&](std::size_t i, auto part) { L::store(x + i, soft_capped<L>(L::load(x + i, part), c), part); });
}

}  // namespace garam::kernels::simd
