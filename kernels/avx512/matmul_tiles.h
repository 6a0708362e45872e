// How a product is cut into register tiles: one panel by a few activation rows, the whole of k in one sweep,
// so that accumulators never leave registers. Panels ascend and all rows meet a panel while it is in L2.
// Knows no format; in an anonymous namespace, so that nothing made from it is visible outside the file that
// includes it.
#pragma once

#include <immintrin.h>

#include <cstddef>

#include "kernels/kernels.h"

namespace garam::kernels::avx512 {
namespace {

inline constexpr std::size_t kCacheLine = 64;

/// One panel and the activation rows from `first`; their number is part of the function that computes it.
struct Tile {
  const std::byte* panel;
  std::size_t first;
  float* out;              // 32 outputs of row `first`, the other rows out_stride further each
  const std::byte* ahead;  // what of the next panel to bring into L2 meanwhile,
  std::size_t lines;       // so many cache lines per step of the sweep; 0: nothing
};
using TileFn = void (*)(const Matmul&, const Tile&);

/// The next panel is brought into L2 where `from_rows` rows or more make arithmetic outweigh reading; below,
/// software prefetch only disturbs the hardware's.
struct Ahead {
  std::size_t from_rows;
  std::size_t step_lines;  // cache lines of a panel per step
};
inline constexpr Ahead kNoAhead = {static_cast<std::size_t>(-1), 0};

/// A panel that several tiles read again must stay in L2 (1 MiB on Zen 4) beside the next one.
inline constexpr std::size_t kAheadBytes = std::size_t{384} << 10;

/// tiles[n - 1] computes n activation rows; none of more than `most` rows is used. Rows are shared out evenly
/// (7 as 3 + 4), because tiles of 1 and 2 rows cannot fill the multiply pipes.
template <std::size_t kSizes>
void each_tile(const Matmul& m, std::size_t panel_bytes, const TileFn (&tiles)[kSizes], std::size_t most,
               const Ahead& ahead) {
  const std::size_t count = (m.rows + most - 1) / most;
  const bool fits = count == 1 || panel_bytes <= kAheadBytes;
  for (std::size_t p = 0; p < m.panel_count; ++p) {
    const std::byte* panel = m.panels + p * panel_bytes;
    const bool fetch = fits && m.rows >= ahead.from_rows && p + 1 < m.panel_count;
    // Of the lines of a step, tile 0 fetches the first few, tile 1 the next few, and so on: each walks its
    // own contiguous part of the next panel.
    std::size_t left = fetch ? ahead.step_lines : 0;
    const std::size_t share = (left + count - 1) / count;
    const std::byte* next = panel + panel_bytes;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t first = m.rows * i / count;
      const std::size_t last = m.rows * (i + 1) / count;
      const std::size_t lines = share < left ? share : left;
      float* out = m.out + first * m.out_stride + p * kPanelRows;
      tiles[last - first - 1](m, {panel, first, out, next, lines});
      left -= lines;
      if (fetch) next += panel_bytes / ahead.step_lines * lines;
    }
  }
}

/// Fetches the next lines of tile.ahead, one step's worth.
[[gnu::always_inline]] inline void fetch_ahead(const std::byte*& ahead, std::size_t lines) {
  for (std::size_t i = 0; i < lines; ++i) _mm_prefetch(ahead + i * kCacheLine, _MM_HINT_T1);
  ahead += lines * kCacheLine;
}

[[gnu::always_inline]] inline __m512i load_weights(const std::byte* from) {
  return _mm512_load_si512(from);
}

/// 16 f16 values, exactly.
[[gnu::always_inline]] inline __m512 load_f16(const std::byte* from) {
  return _mm512_cvtph_ps(_mm256_load_si256(reinterpret_cast<const __m256i*>(from)));
}

/// The four bytes at `from`, of any alignment, in every lane.
[[gnu::always_inline]] inline __m512i broadcast_4_bytes(const void* from) {
  int bytes;
  __builtin_memcpy(&bytes, from, sizeof bytes);
  return _mm512_set1_epi32(bytes);
}

/// The 32 outputs of each row of a tile.
template <std::size_t kTokens>
[[gnu::always_inline]] inline void store_tile(const __m512 (&acc)[kTokens][2], float* out,
                                              std::size_t stride) {
#pragma GCC unroll 16
  for (std::size_t t = 0; t < kTokens; ++t) {
    _mm512_storeu_ps(out + t * stride, acc[t][0]);
    _mm512_storeu_ps(out + t * stride + 16, acc[t][1]);
  }
}

}  // namespace
}  // namespace garam::kernels::avx512
