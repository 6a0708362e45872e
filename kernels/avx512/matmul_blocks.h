// Products of weights in blocks of 32: per block the exact integer dots of 32 rows x up to 6 tokens, then one
// conversion, one product of scales and one fma. 12 integer and 12 float accumulators stay in registers. How
// a block's integers are multiplied is the kernel's:
//   kFormat, kAheadFromRows
//   dot(w, q, isum)    isum[t] = exact dots of the block's 32 rows, w behind the block's scales
#pragma once

#include "kernels/avx512/matmul_tiles.h"

namespace garam::kernels::avx512 {
namespace {

/// One block of each activation row.
struct BlockRows {
  const ActivationBlock* x;
  std::size_t stride;

  /// Integers 4 * group to 4 * group + 3 of a row, in every lane.
  [[gnu::always_inline]] __m512i group(std::size_t t, std::size_t group) const {
    return broadcast_4_bytes(x[t * stride].q + 4 * group);
  }
  /// -2^kShift times a row's sum, in every lane: what weights stored with an offset of 2^kShift add too much.
  template <int kShift>
  [[gnu::always_inline]] __m512i minus_offset(std::size_t t) const {
    const __m512i all = broadcast_4_bytes(&x[t * stride].sum);
    return _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_slli_epi32(all, kShift));
  }
};

inline constexpr std::size_t kScaleBytes = 2 * kPanelRows;
inline constexpr std::size_t kGroupBytes = 4 * kPanelRows;

template <typename Kernel, std::size_t kTokens>
void blocks_tile(const Matmul& m, const simd::Tile& tile) {
  constexpr std::size_t kBlockBytes = panel_bytes(Kernel::kFormat, kBlock);
  const std::size_t blocks = m.k / kBlock;
  const std::byte* block = tile.panel;
  const std::byte* ahead = tile.ahead;
  BlockRows rows = {static_cast<const ActivationBlock*>(m.x) + tile.first * m.x_stride, m.x_stride};
  __m512 acc[kTokens][2];
#pragma GCC unroll 16
  for (std::size_t t = 0; t < kTokens; ++t) acc[t][0] = acc[t][1] = _mm512_setzero_ps();
  for (std::size_t b = 0; b < blocks; ++b) {
    simd::fetch_ahead(ahead, tile.lines);
    __m512i isum[kTokens][2];
    Kernel::dot(block + kScaleBytes, rows, isum);
    const __m512 d0 = load_f16(block);
    const __m512 d1 = load_f16(block + kScaleBytes / 2);
#pragma GCC unroll 16
    for (std::size_t t = 0; t < kTokens; ++t) {
      const __m512 da = _mm512_set1_ps(rows.x[t * rows.stride].scale);
      acc[t][0] = _mm512_fmadd_ps(_mm512_mul_ps(d0, da), _mm512_cvtepi32_ps(isum[t][0]), acc[t][0]);
      acc[t][1] = _mm512_fmadd_ps(_mm512_mul_ps(d1, da), _mm512_cvtepi32_ps(isum[t][1]), acc[t][1]);
    }
    block += kBlockBytes;
    ++rows.x;
  }
  store_tile(acc, tile.out, m.out_stride);
}

template <typename Kernel>
void blocks_matmul(const Matmul& m) {
  static constexpr simd::TileFn kTiles[] = {blocks_tile<Kernel, 1>, blocks_tile<Kernel, 2>,
                                            blocks_tile<Kernel, 3>, blocks_tile<Kernel, 4>,
                                            blocks_tile<Kernel, 5>, blocks_tile<Kernel, 6>};
  constexpr std::size_t kBlockBytes = panel_bytes(Kernel::kFormat, kBlock);
  constexpr simd::Ahead kAhead = {Kernel::kAheadFromRows, kBlockBytes / simd::kCacheLine, kAheadBytes, 0};
  simd::each_tile(m, m.k / kBlock * kBlockBytes, kTiles, 6, kAhead);
}

}  // namespace
}  // namespace garam::kernels::avx512
