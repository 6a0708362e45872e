// Sums, quotients and checks on 16 lanes, and RoPE.
#pragma once

#include "kernels/simd/each.h"

namespace garam::kernels::simd {

template <typename L>
void add(float* x, const float* y, std::size_t n) {
  each<L>(n, [&](std::size_t i, auto part) {
    L::store(x + i, L::add(L::load(x + i, part), L::load(y + i, part)), part);
  });
}

template <typename L>
void divide(float* x, std::size_t n, float divisor) {
  const auto d = L::set(divisor);
  each<L>(n, [&](std::size_t i, auto part) { L::store(x + i, L::div(L::load(x + i, part), d), part); });
}

template <typename L>
void multiply(float* x, const float* y, std::size_t n) {
  each<L>(n, [&](std::size_t i, auto part) {
    L::store(x + i, L::mul(L::load(x + i, part), L::load(y + i, part)), part);
  });
}

template <typename L>
void add_scaled(float* x, const float* y, std::size_t n, float factor) {
  const auto f = L::set(factor);
  each<L>(n, [&](std::size_t i, auto part) {
    L::store(x + i, L::fma(f, L::load(y + i, part), L::load(x + i, part)), part);
  });
}

template <typename L>
void scale(float* x, std::size_t n, float factor) {
  const auto f = L::set(factor);
  each<L>(n, [&](std::size_t i, auto part) { L::store(x + i, L::mul(L::load(x + i, part), f), part); });
}

/// |x| as integers: they order like the magnitudes, NaN above infinity.
template <typename L>
inline typename L::I magnitude(typename L::F x) {
  return L::bit_and(L::bits(x), L::set_int(0x7fffffff));
}

template <typename L>
bool all_finite(const float* x, std::size_t n) {
  auto largest = L::set_int(0);
  each<L>(n,
          [&](std::size_t i, auto part) { largest = L::max(largest, magnitude<L>(L::load(x + i, part))); });
  return L::largest(largest) < 0x7f800000;
}

/// a' = fma(a, cos, -fl(b * sin)), b' = fma(a, sin, fl(b * cos)).
template <typename L>
inline void rotate(typename L::F& a, typename L::F& b, typename L::F cos, typename L::F sin) {
  const auto turned = L::fma(a, cos, L::negate(L::mul(b, sin)));
  b = L::fma(a, sin, L::mul(b, cos));
  a = turned;
}

template <typename L>
void rope_halves(float* x, std::size_t heads, std::size_t head_dim, const float* cos, const float* sin,
                 std::size_t pairs) {
  for (std::size_t h = 0; h < heads; ++h, x += head_dim) {
    each<L>(pairs, [&](std::size_t i, auto part) {
      auto a = L::load(x + i, part);
      auto b = L::load(x + pairs + i, part);
      rotate<L>(a, b, L::load(cos + i, part), L::load(sin + i, part));
      L::store(x + i, a, part);
      L::store(x + pairs + i, b, part);
    });
  }
}

template <typename L>
void rope_adjacent(float* x, std::size_t heads, std::size_t head_dim, const float* cos, const float* sin,
                   std::size_t pairs) {
  const auto turn = [](float* at, typename L::F c, typename L::F s) {
    typename L::F a, b;
    L::load_pairs(at, a, b);
    rotate<L>(a, b, c, s);
    L::store_pairs(at, a, b);
  };
  for (std::size_t h = 0; h < heads; ++h, x += head_dim) {
    std::size_t i = 0;
    for (; i + kLanes <= pairs; i += kLanes) {
      turn(x + 2 * i, L::load(cos + i, typename L::Full{}), L::load(sin + i, typename L::Full{}));
    }
    if (i == pairs) continue;
    const auto tail = L::tail(pairs - i);
    float rest[2 * kLanes] = {};
    for (std::size_t j = 0; j < 2 * (pairs - i); ++j) rest[j] = x[2 * i + j];
    turn(rest, L::load(cos + i, tail), L::load(sin + i, tail));
    for (std::size_t j = 0; j < 2 * (pairs - i); ++j) x[2 * i + j] = rest[j];
  }
}

}  // namespace garam::kernels::simd
