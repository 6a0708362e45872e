// The sums of a quantiser's search, sixteen blocks at a time.
#pragma once

#include "kernels/kernels.h"

namespace garam::kernels::simd {

/// q of 16 blocks, and its code where it is asked for.
template <typename L>
struct NearestInteger {
  // 1.5 * 2^23: adding it leaves no place for a fraction.
  static constexpr float kRound = 12582912.0f;
  using F = typename L::F;

  explicit NearestInteger(const Fit& f) : low(L::set(f.low)), high(L::set(f.high)), round(L::set(kRound)) {}
  F operator()(F v) const { return L::sub(L::add(L::min(L::max(v, low), high), round), round); }
  auto code(F, F q) const { return L::nearest(q); }

  F low, high, round;
};

template <typename L>
struct NearestLevel {
  using F = typename L::F;

  explicit NearestLevel(const Fit& f) : count(f.level_count) {
    for (std::size_t j = 0; j < count; ++j) levels[j] = L::set(f.levels[j]);
    for (std::size_t j = 1; j < count; ++j) middles[j] = L::set(0.5f * (f.levels[j - 1] + f.levels[j]));
  }
  F operator()(F v) const {
    F q = levels[0];
    for (std::size_t j = 1; j < count; ++j) q = L::select(L::less(middles[j], v), levels[j], q);
    return q;
  }
  auto code(F v, F) const {
    auto code = L::set_int(0);
    for (std::size_t j = 1; j < count; ++j) {
      code = L::add(code, L::select(L::less(middles[j], v), L::set_int(1), L::set_int(0)));
    }
    return code;
  }

  std::size_t count;
  F levels[16];
  F middles[16];
};

template <typename L, bool kCodes, typename Nearest>
void fit_with(const Fit& f, const Nearest& nearest) {
  constexpr typename L::Full kFull{};
  const auto inverse = L::load(f.inverse, kFull), offset = L::load(f.offset, kFull);
  auto sum = L::zero(), square = L::zero(), product = L::zero();
  for (std::size_t at = 0; at < f.n * 16; at += 16) {
    const auto x = L::load(f.x + at, kFull);
    const auto v = L::add(L::mul(x, inverse), offset);
    const auto q = nearest(v);
    const auto t = L::mul(L::load(f.w + at, kFull), q);
    sum = L::add(sum, t);
    square = L::add(square, L::mul(t, q));
    product = L::add(product, L::mul(t, x));
    if constexpr (kCodes) L::store_int8(f.codes + at, nearest.code(v, q));
  }
  L::store(f.sums, sum, kFull);
  L::store(f.sums + 16, square, kFull);
  L::store(f.sums + 32, product, kFull);
}

template <typename L, typename Nearest>
void fit(const Fit& f) {
  const Nearest nearest(f);
  f.codes != nullptr ? fit_with<L, true>(f, nearest) : fit_with<L, false>(f, nearest);
}

}  // namespace garam::kernels::simd
