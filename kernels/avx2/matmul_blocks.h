// Products of weights in blocks of 32: per block the exact integer dots, in registers, then one conversion,
// one product of scales and one fma per 8 outputs, whose accumulators wait in L1. How a block's integers are
// multiplied is the kernel's:
//   kFormat
//   Activations<kTokens>        what dot reads of the activations; prepare(m, first, block, count) readies
//                               `count` <= kChunkBlocks blocks from `block` of the rows from `first`
//   dot(w, q, b, isum)          isum[t][r] = exact dots of 8 * kWide rows; w behind the block's scales, b
//   counts
//                               from the prepared block
#pragma once

#include "kernels/avx2/matmul_parts.h"

namespace garam::kernels::avx2 {
namespace {

inline constexpr std::size_t kScaleBytes = 2 * kPanelRows;
inline constexpr std::size_t kGroupBytes = 4 * kPanelRows;
/// Blocks in one sweep. 6 rows of 32 blocks, prepared as 16-bit integers, take 12 KiB of L1.
inline constexpr std::size_t kChunkBlocks = 32;

template <std::size_t kTokens>
struct Sums {
  alignas(32) float at[kTokens][kPanelRows];
};

/// Blocks [0, count) behind `block`, rows [8 * first, 8 * (first + kWide)) of the panel.
template <typename Kernel, std::size_t kTokens, std::size_t kWide>
[[gnu::always_inline]] inline void blocks_sweep(const std::byte* block, std::size_t first, std::size_t count,
                                                const typename Kernel::template Activations<kTokens>& q,
                                                const float* scale, std::size_t scale_stride,
                                                const std::byte*& ahead, std::size_t lines,
                                                Sums<kTokens>& sums) {
  constexpr std::size_t kBlockBytes = panel_bytes(Kernel::kFormat, kBlock);
  for (std::size_t b = 0; b < count; ++b) {
    simd::fetch_ahead(ahead, lines);
    __m256i isum[kTokens][kWide];
    Kernel::template dot<kTokens, kWide>(block + kScaleBytes + 32 * first, q, b, isum);
    __m256 d[kWide];
#pragma GCC unroll 4
    for (std::size_t r = 0; r < kWide; ++r) d[r] = load_f16(block + 16 * (first + r));
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) {
      const __m256 da = _mm256_broadcast_ss(scale + t * scale_stride + b);
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kWide; ++r) {
        float* sum = sums.at[t] + 8 * (first + r);
        _mm256_store_ps(sum, _mm256_fmadd_ps(_mm256_mul_ps(d[r], da), _mm256_cvtepi32_ps(isum[t][r]),
                                             _mm256_load_ps(sum)));
      }
    }
    block += kBlockBytes;
  }
}

template <typename Kernel, std::size_t kTokens>
void blocks_tile(const Matmul& m, const simd::Tile& tile) {
  constexpr std::size_t kBlockBytes = panel_bytes(Kernel::kFormat, kBlock);
  constexpr std::size_t kWide = wide_for(kTokens);
  const std::size_t blocks = m.k / kBlock;
  const std::byte* ahead = tile.ahead;
  Sums<kTokens> sums = {};
  typename Kernel::template Activations<kTokens> q;
  for (std::size_t b = 0; b < blocks; b += kChunkBlocks) {
    const std::size_t count = blocks - b < kChunkBlocks ? blocks - b : kChunkBlocks;
    q.prepare(m, tile.first, b, count);
    const float* scale = m.scale + tile.first * m.scale_stride + b;
    for (std::size_t first = 0; first < kPanelRegisters; first += kWide) {
      blocks_sweep<Kernel, kTokens, kWide>(tile.panel + b * kBlockBytes, first, count, q, scale,
                                           m.scale_stride, ahead, first == 0 ? tile.lines : 0, sums);
    }
  }
  for (std::size_t t = 0; t < kTokens; ++t) {
    __builtin_memcpy(tile.out + t * m.out_stride, sums.at[t], sizeof sums.at[t]);
  }
}

template <typename Kernel>
void blocks_matmul(const Matmul& m) {
  static constexpr simd::TileFn kTiles[kMostTokens] = {blocks_tile<Kernel, 1>, blocks_tile<Kernel, 2>,
                                                       blocks_tile<Kernel, 3>, blocks_tile<Kernel, 4>,
                                                       blocks_tile<Kernel, 5>, blocks_tile<Kernel, 6>};
  constexpr std::size_t kBlockBytes = panel_bytes(Kernel::kFormat, kBlock);
  constexpr simd::Ahead kAhead = {1, kBlockBytes / simd::kCacheLine, kAheadBytes, kNearBytes};
  simd::each_tile(m, m.k / kBlock * kBlockBytes, kTiles, kMostTokens, kAhead);
}

}  // namespace
}  // namespace garam::kernels::avx2
