// Products whose weights multiply as floats: one step is one k, or one pair of k for bf16. 24 accumulators
// of 32 rows x 12 tokens stay in registers. What a step does with a register of weights is the kernel's:
//   X                  element of x, kElements of them per step
//   kRegisterBytes     packed weights of 16 rows and one step
//   load(panel)        those weights
//   broadcast(x)       one row's elements of a step
//   add(w, x, acc)     the step of one register
//   kFetchFrom         rows from which panels are prefetched
#pragma once

#include "kernels/avx512/matmul_tiles.h"

namespace garam::kernels::avx512 {
namespace {

/// Calls step so many times, kAtOnce at a time: counting and comparing take the pipes that add, too (Emerald
/// Rapids, f32, 60 rows: 0.98 of the peak instead of 0.95).
template <std::size_t kAtOnce, bool kFetches, typename Step>
[[gnu::always_inline]] inline void take_steps(std::size_t steps, simd::Share& ahead, const Step& step) {
  for (; steps >= kAtOnce; steps -= kAtOnce) {
    if constexpr (kFetches) simd::fetch_ahead(ahead, kAtOnce);
#pragma GCC unroll 4
    for (std::size_t i = 0; i < kAtOnce; ++i) step();
  }
  for (; steps > 0; --steps) step();
}

/// acc += `steps` steps of kTokens rows.
template <typename Kernel, std::size_t kTokens>
[[gnu::always_inline]] inline void all_steps(const std::byte* panel, const typename Kernel::X* x,
                                             std::size_t stride, std::size_t steps, simd::Share ahead,
                                             __m512 (&acc)[kTokens][2]) {
  const auto step = [&] {
    const auto w0 = Kernel::load(panel);
    const auto w1 = Kernel::load(panel + Kernel::kRegisterBytes);
#pragma GCC unroll 16
    for (std::size_t t = 0; t < kTokens; ++t) {
      const auto v = Kernel::broadcast(x + t * stride);
      acc[t][0] = Kernel::add(w0, v, acc[t][0]);
      acc[t][1] = Kernel::add(w1, v, acc[t][1]);
    }
    panel += 2 * Kernel::kRegisterBytes;
    x += Kernel::kElements;
  };
  // One row of bf16 loses 6 % where there is only nothing to fetch.
  take_steps<4, (kTokens > 1 || Kernel::kFetchFrom == 1)>(steps, ahead, step);
}

template <typename Kernel, std::size_t kTokens>
void steps_tile(const Matmul& m, const simd::Tile& tile) {
  __m512 acc[kTokens][2];
  start_tile(acc, m.accumulate, tile.out, m.out_stride);
  all_steps<Kernel>(tile.panel, static_cast<const typename Kernel::X*>(m.x) + tile.first * m.x_stride,
                    m.x_stride, (m.k + Kernel::kElements - 1) / Kernel::kElements, tile.ahead, acc);
  store_tile(acc, tile.out, m.out_stride);
}

/// Rows that lie a multiple of 4096 bytes apart meet in one set of the L1. More than its 8 ways would evict
/// each other at every step.
inline constexpr std::size_t kSetPeriod = 4096;
inline constexpr std::size_t kWays = 8;

/// Rows of the largest tile.
template <typename Kernel>
std::size_t most_tokens(const Matmul& m) {
  return m.x_stride * sizeof(typename Kernel::X) % kSetPeriod == 0 ? kWays : 12;
}

template <typename Kernel>
void steps_matmul(const Matmul& m) {
  static constexpr simd::TileFn kTiles[] = {
      steps_tile<Kernel, 1>, steps_tile<Kernel, 2>,  steps_tile<Kernel, 3>,  steps_tile<Kernel, 4>,
      steps_tile<Kernel, 5>, steps_tile<Kernel, 6>,  steps_tile<Kernel, 7>,  steps_tile<Kernel, 8>,
      steps_tile<Kernel, 9>, steps_tile<Kernel, 10>, steps_tile<Kernel, 11>, steps_tile<Kernel, 12>};
  const std::size_t steps = (m.k + Kernel::kElements - 1) / Kernel::kElements;
  constexpr std::size_t kStepBytes = 2 * Kernel::kRegisterBytes;
  constexpr simd::Ahead kAhead = {Kernel::kFetchFrom, kStepBytes / simd::kCacheLine, kAheadBytes,
                                  simd::kNearBytes};
  simd::each_tile(m, steps * kStepBytes, kTiles, most_tokens<Kernel>(m), kAhead);
}

}  // namespace
}  // namespace garam::kernels::avx512
