// Products of weights in blocks of 32: per block the exact integer dots of a tile, in registers, then one
// conversion, one product of scales and one fma per 8 outputs, whose accumulators wait in L1.
//
// Up to 8 activation rows are one tile, which takes the codes apart as it reads them. More rows share that
// work: a stretch of a panel is unpacked once, then every tile multiplies with what is in L2.
#pragma once

#include "kernels/avx2/block_formats.h"
#include "kernels/simd/packed_blocks.h"

namespace garam::kernels::avx2 {
namespace {

/// Registers of 8 rows that a tile computes at once, for at most 12 accumulators. Up to three rows take the
/// whole panel, so that what comes from memory only ascends.
constexpr std::size_t wide_of(std::size_t tokens) {
  return tokens <= kMostTokens ? wide_for(tokens) : 1;
}
/// Rows of a tile that reads packed codes. 8 rows at once by single registers take them apart no more often
/// than two tiles of 4 by pairs, without the stretch between: 1.1 of its speed.
inline constexpr std::size_t kMostPacked = 8;
/// Blocks whose activations are widened at once, for Sum::kWords: 8 rows take 16 KiB of L1. A multiple of
/// every unit.
inline constexpr std::size_t kSweepBlocks = 32;

/// The activations that meet codes of 8 bits: 16 of the 32 in each vector of words.
struct Words {
  alignas(32) std::int16_t even[16];  // integers 0, 2, 4, ...: a pair per group of k
  alignas(32) std::int16_t odd[16];   // 1, 3, 5, ...
};

/// The activations of a tile.
template <std::size_t kTokens>
struct TileRows {
  const ActivationBlock* x;  // block 0 of the sweep, row 0 of the tile
  std::size_t stride;        // blocks between rows
  Words* words;              // [blocks][kTokens], for Sum::kWords
};

template <std::size_t kTokens>
[[gnu::always_inline]] inline void widen_rows(const TileRows<kTokens>& rows, std::size_t count) {
  for (std::size_t b = 0; b < count; ++b) {
    for (std::size_t t = 0; t < kTokens; ++t) {
      const auto* q = reinterpret_cast<const __m256i*>(rows.x[t * rows.stride + b].q);
      const __m256i v = _mm256_load_si256(q);
      Words& words = rows.words[b * kTokens + t];
      const __m256i even = _mm256_srai_epi16(_mm256_slli_epi16(v, 8), 8);
      _mm256_store_si256(reinterpret_cast<__m256i*>(words.even), even);
      _mm256_store_si256(reinterpret_cast<__m256i*>(words.odd), _mm256_srai_epi16(v, 8));
    }
  }
}

/// Blocks of a panel as they lie in memory.
template <typename F>
struct Packed {
  const std::byte* from;  // a unit

  struct Block : simd::PackedBlock {
    /// Groups of k in the order of addresses: a byte of nibbles holds two.
    static constexpr std::size_t group(std::size_t i) {
      return F::kSum == Sum::kWhole ? i / 2 + i % 2 * 4 : i;
    }
    [[gnu::always_inline]] __m256i code(std::size_t r, std::size_t g) const { return F::code(planes, r, g); }
    [[gnu::always_inline]] __m256i even(std::size_t r, std::size_t g) const {
      return _mm256_and_si256(code(r, g), _mm256_set1_epi16(0xff));
    }
    [[gnu::always_inline]] __m256i odd(std::size_t r, std::size_t g) const {
      return _mm256_srli_epi16(code(r, g), 8);
    }
    [[gnu::always_inline]] Scales scales(std::size_t r) const { return F::scales(header, s, r); }
    [[gnu::always_inline]] __m256i half_scale(std::size_t r, std::size_t half) const {
      return F::half_scale(header, s, r, half);
    }
    [[gnu::always_inline]] __m256i minimums(std::size_t r) const { return F::minimums(header, s, r); }
  };
  [[gnu::always_inline]] Block at(std::size_t b) const { return {simd::packed_block<F::kFormat>(from, b)}; }
};

/// Blocks of a panel taken apart: codes a byte or a word each, scales as the float steps want them. 64 blocks
/// are 74 to 90 KiB, 32 of words 68. Stretches of 8 blocks, which L1 holds, are 10 to 16 % slower: what tiles
/// hand on to the next stretch costs more than reading from L2.
template <typename F>
struct Unpacked {
  static constexpr bool kWords = F::kSum == Sum::kWords;
  static constexpr bool kHalves = F::kSum == Sum::kHalves;
  static constexpr std::size_t kCount = kWords ? 32 : 64;
  static constexpr std::size_t kPlanes = kWords ? 2 : 1;  // even and odd

  struct Block {
    alignas(64) __m256i codes[8][kPlanes][kPanelRegisters];
    // What a format does not have takes no room to speak of.
    __m256 d[kPanelRegisters];
    __m256 m[F::kMinimum ? kPanelRegisters : 1];
    __m256i half[2][kHalves ? kPanelRegisters : 1];
    __m256i minimum[F::kMinimum && kHalves ? kPanelRegisters : 1];

    static constexpr std::size_t group(std::size_t i) { return i; }
    [[gnu::always_inline]] __m256i code(std::size_t r, std::size_t g) const {
      return _mm256_load_si256(&codes[g][0][r]);
    }
    [[gnu::always_inline]] __m256i even(std::size_t r, std::size_t g) const { return code(r, g); }
    [[gnu::always_inline]] __m256i odd(std::size_t r, std::size_t g) const {
      return _mm256_load_si256(&codes[g][kPlanes - 1][r]);
    }
    [[gnu::always_inline]] Scales scales(std::size_t r) const {
      Scales found;
      found.d = d[r];
      if constexpr (F::kMinimum) found.m = m[r];
      return found;
    }
    [[gnu::always_inline]] __m256i half_scale(std::size_t r, std::size_t h) const { return half[h][r]; }
    [[gnu::always_inline]] __m256i minimums(std::size_t r) const { return minimum[r]; }

    /// Scales of register r.
    [[gnu::always_inline]] void keep(const typename Packed<F>::Block& block, std::size_t r) {
      const Scales found = block.scales(r);
      d[r] = found.d;
      if constexpr (F::kMinimum) m[r] = found.m;
      if constexpr (kHalves) {
        half[0][r] = block.half_scale(r, 0);
        half[1][r] = block.half_scale(r, 1);
        if constexpr (F::kMinimum) minimum[r] = block.minimums(r);
      }
    }
  };
  Block blocks[kCount];

  [[gnu::always_inline]] const Block& at(std::size_t b) const { return blocks[b]; }

  void fill(const std::byte* from, std::size_t count) {
    const Packed<F> packed{from};
    for (std::size_t b = 0; b < count; ++b) {
      const auto block = packed.at(b);
      Block& to = blocks[b];
      for (std::size_t r = 0; r < kPanelRegisters; ++r) {
#pragma GCC unroll 8
        for (std::size_t g = 0; g < 8; ++g) {
          if constexpr (kWords) {
            _mm256_store_si256(&to.codes[g][0][r], block.even(r, g));
            _mm256_store_si256(&to.codes[g][1][r], block.odd(r, g));
          } else {
            _mm256_store_si256(&to.codes[g][0][r], block.code(r, g));
          }
        }
        to.keep(block, r);
      }
    }
  }
};

/// The sum as it is here: without this, compilers add products to each other first and keep sums in memory.
[[gnu::always_inline]] inline void settle(__m256i& sum) {
  asm("" : "+x"(sum));
}

template <std::size_t kTokens>
struct Sums {
  alignas(32) float at[kTokens][kPanelRows];
};

/// sum[t][r] += codes of groups [first, last) times activations, in 16 bits.
template <std::size_t kTokens, std::size_t kWide, typename Block>
[[gnu::always_inline]] inline void add_bytes(const Block& block, std::size_t part, std::size_t first,
                                             std::size_t last, const ActivationBlock* x, std::size_t stride,
                                             __m256i (&sum)[kTokens][kWide]) {
#pragma GCC unroll 8
  for (std::size_t i = first; i < last; ++i) {
    const std::size_t g = Block::group(i);
    if constexpr (kTokens == 3) {
      // No registers for four of weights: the activations are read again for each.
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kWide; ++r) {
        const __m256i w = block.code(part + r, g);
        forget(x);
#pragma GCC unroll 8
        for (std::size_t t = 0; t < kTokens; ++t) {
          const __m256i v = broadcast_4_bytes(x[t * stride].q + 4 * g);
          sum[t][r] = _mm256_add_epi16(sum[t][r], _mm256_maddubs_epi16(w, v));
          settle(sum[t][r]);
        }
      }
      continue;
    }
    __m256i w[kWide];
#pragma GCC unroll 4
    for (std::size_t r = 0; r < kWide; ++r) w[r] = block.code(part + r, g);
#pragma GCC unroll 8
    for (std::size_t t = 0; t < kTokens; ++t) {
      const __m256i v = broadcast_4_bytes(x[t * stride].q + 4 * g);
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kWide; ++r) {
        sum[t][r] = _mm256_add_epi16(sum[t][r], _mm256_maddubs_epi16(w[r], v));
        settle(sum[t][r]);
      }
    }
  }
}

/// A row's 16-bit sums start here: minus kCentre times the activations that each lane will see.
template <int kCentre>
[[gnu::always_inline]] inline __m256i minus_centre(const std::int16_t (&minus_lanes)[2]) {
  if constexpr (kCentre == 0) {
    return _mm256_setzero_si256();
  } else {
    const __m256i lanes = broadcast_4_bytes(minus_lanes);
    return kCentre == 12   ? _mm256_mullo_epi16(lanes, _mm256_set1_epi16(12))
           : kCentre == 4  ? _mm256_slli_epi16(lanes, 2)
           : kCentre == 8  ? _mm256_slli_epi16(lanes, 3)
           : kCentre == 16 ? _mm256_slli_epi16(lanes, 4)
                           : _mm256_slli_epi16(lanes, 5);
  }
}

template <std::size_t kTokens, std::size_t kWide>
[[gnu::always_inline]] inline void add_words(const __m256i (&w)[kWide], const std::int16_t* pair,
                                             __m256i (&isum)[kTokens][kWide]) {
  constexpr std::size_t kNextRow = sizeof(Words) / sizeof(std::int16_t);
#pragma GCC unroll 8
  for (std::size_t t = 0; t < kTokens; ++t) {
    const __m256i v = broadcast_4_bytes(pair + t * kNextRow);
#pragma GCC unroll 4
    for (std::size_t r = 0; r < kWide; ++r) {
      isum[t][r] = _mm256_add_epi32(isum[t][r], _mm256_madd_epi16(w[r], v));
      settle(isum[t][r]);
    }
  }
}

/// isum[t][r] = the integer dots of a block, rows [8 part, 8 (part + kWide)) of the panel.
template <typename F, std::size_t kTokens, std::size_t kWide, typename Block>
[[gnu::always_inline]] inline void dots(const Block& block, std::size_t part, const ActivationBlock* x,
                                        std::size_t stride, const Words* words,
                                        __m256i (&isum)[kTokens][kWide]) {
  if constexpr (F::kSum == Sum::kWords) {
    static_assert(F::kCentre == 128 && F::kOffset == 128);
#pragma GCC unroll 8
    for (std::size_t t = 0; t < kTokens; ++t) {
      const __m256i offset = broadcast_4_bytes(&x[t * stride].minus_128_sums);
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kWide; ++r) isum[t][r] = offset;
    }
#pragma GCC unroll 8
    for (std::size_t g = 0; g < 8; ++g) {
      __m256i w[kWide];
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kWide; ++r) w[r] = block.even(part + r, g);
      add_words<kTokens, kWide>(w, words->even + 2 * g, isum);
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kWide; ++r) w[r] = block.odd(part + r, g);
      add_words<kTokens, kWide>(w, words->odd + 2 * g, isum);
    }
  } else if constexpr (F::kSum == Sum::kWhole) {
#pragma GCC unroll 8
    for (std::size_t t = 0; t < kTokens; ++t) {
      const __m256i start = minus_centre<F::kCentre>(x[t * stride].minus_all_lanes);
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kWide; ++r) isum[t][r] = start;
    }
    add_bytes<kTokens, kWide>(block, part, 0, 8, x, stride, isum);
#pragma GCC unroll 8
    for (std::size_t t = 0; t < kTokens; ++t) {
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kWide; ++r) {
        isum[t][r] = _mm256_madd_epi16(isum[t][r], _mm256_set1_epi16(1));
        if constexpr (F::kCentre != F::kOffset) {
          static_assert(F::kCentre - F::kOffset == 16);
          const __m256i back = _mm256_slli_epi32(broadcast_4_bytes(&x[t * stride].minus_8_sums), 1);
          isum[t][r] = _mm256_sub_epi32(isum[t][r], back);
        }
      }
    }
  } else {
#pragma GCC unroll 2
    for (std::size_t half = 0; half < 2; ++half) {
      __m256i sum[kTokens][kWide];
#pragma GCC unroll 8
      for (std::size_t t = 0; t < kTokens; ++t) {
        const __m256i start = minus_centre<F::kCentre>(x[t * stride].minus_lanes[half]);
#pragma GCC unroll 4
        for (std::size_t r = 0; r < kWide; ++r) sum[t][r] = start;
      }
      add_bytes<kTokens, kWide>(block, part, 4 * half, 4 * half + 4, x, stride, sum);
      __m256i scale[kWide];
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kWide; ++r) scale[r] = block.half_scale(part + r, half);
#pragma GCC unroll 8
      for (std::size_t t = 0; t < kTokens; ++t) {
#pragma GCC unroll 4
        for (std::size_t r = 0; r < kWide; ++r) {
          const __m256i scaled = _mm256_madd_epi16(sum[t][r], scale[r]);
          isum[t][r] = half == 0 ? scaled : _mm256_add_epi32(isum[t][r], scaled);
        }
      }
    }
  }
}

/// Blocks [0, count) of all rows of the panel. Meanwhile ahead_bytes a block of what comes next are brought
/// into L2.
template <typename F, std::size_t kTokens, typename Source>
[[gnu::always_inline]] inline void sweep(const Source& source, std::size_t count,
                                         const TileRows<kTokens>& rows, const std::byte* ahead,
                                         std::size_t ahead_bytes, Sums<kTokens>& sums) {
  constexpr std::size_t kWide = wide_of(kTokens);
  const std::size_t stride = rows.stride;
  const ActivationBlock* x = rows.x;
  for (std::size_t b = 0; b < count; ++b, ++x) {
    for (std::size_t i = 0; i < ahead_bytes; i += simd::kCacheLine) _mm_prefetch(ahead + i, _MM_HINT_T1);
    ahead += ahead_bytes;
    const auto& block = source.at(b);
    const Words* words = rows.words + b * kTokens;
    std::size_t parts = kPanelRegisters;
    if constexpr (kWide < kPanelRegisters) asm("" : "+r"(parts));  // unrolled, the loop would spill
    for (std::size_t part = 0; part < parts; part += kWide) {
      forget(x);  // what one part reads is not kept for the next
      forget(words);
      __m256i isum[kTokens][kWide];
      dots<F, kTokens, kWide>(block, part, x, stride, words, isum);
      Scales scales[kWide];
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kWide; ++r) scales[r] = block.scales(part + r);
      asm("" : "+m"(sums));  // stays in memory: there are no registers for it
#pragma GCC unroll 8
      for (std::size_t t = 0; t < kTokens; ++t) {
        const __m256 da = _mm256_broadcast_ss(&x[t * stride].scale);
#pragma GCC unroll 4
        for (std::size_t r = 0; r < kWide; ++r) {
          float* at = sums.at[t] + kLanes8 * (part + r);
          __m256 sum = _mm256_fmadd_ps(_mm256_mul_ps(scales[r].d, da), _mm256_cvtepi32_ps(isum[t][r]),
                                       _mm256_load_ps(at));
          if constexpr (F::kMinimum && F::kSum == Sum::kHalves) {
            const __m256i imin =
                _mm256_madd_epi16(block.minimums(part + r), broadcast_4_bytes(x[t * stride].half_sum));
            sum = _mm256_fmadd_ps(scales[r].m, _mm256_mul_ps(da, _mm256_cvtepi32_ps(imin)), sum);
          } else if constexpr (F::kMinimum) {
            sum = _mm256_fmadd_ps(scales[r].m, _mm256_broadcast_ss(&x[t * stride].scaled_sum), sum);
          }
          _mm256_store_ps(at, sum);
        }
      }
    }
  }
}

/// All of k for one panel and up to 6 rows.
template <typename F, std::size_t kTokens>
void packed_tile(const Matmul& m, const std::byte* panel, float* out) {
  // Lines read in the order of addresses, and few instructions between them: the hardware's own prefetching
  // does better, 0.93 of plain reading instead of 0.85.
  constexpr bool kPrefetch = F::kFormat != Format::kQ8_0 || kTokens > 2;
  const std::size_t blocks = m.k / kBlock;
  Words words[F::kSum == Sum::kWords ? kSweepBlocks * kTokens : 1];
  Sums<kTokens> sums = {};
  TileRows<kTokens> rows{static_cast<const ActivationBlock*>(m.x), m.x_stride, words};
  for (std::size_t b = 0; b < blocks; b += kSweepBlocks, rows.x += kSweepBlocks) {
    const std::size_t count = blocks - b < kSweepBlocks ? blocks - b : kSweepBlocks;
    if constexpr (F::kSum == Sum::kWords) widen_rows<kTokens>(rows, count);
    const std::byte* from = panel + panel_bytes(F::kFormat, b * kBlock);
    sweep<F, kTokens>(Packed<F>{from}, count, rows, from + simd::kNearBytes,
                      kPrefetch ? simd::kBlockBytes<F::kFormat> : 0, sums);
  }
  for (std::size_t t = 0; t < kTokens; ++t) {
    __builtin_memcpy(out + t * m.out_stride, sums.at[t], sizeof sums.at[t]);
  }
}

/// One unpacked stretch of k for one panel and one of several tiles; out holds the sums of what came before.
template <typename F, std::size_t kTokens>
void unpacked_tile(const Matmul& m, const Unpacked<F>& source, const ActivationBlock* x, std::size_t count,
                   bool first, const std::byte* ahead, std::size_t ahead_bytes, float* out) {
  Words words[F::kSum == Sum::kWords ? Unpacked<F>::kCount * kTokens : 1];
  const TileRows<kTokens> rows{x, m.x_stride, words};
  if constexpr (F::kSum == Sum::kWords) widen_rows<kTokens>(rows, count);
  Sums<kTokens> sums = {};
  for (std::size_t t = 0; t < kTokens && !first; ++t) {
    __builtin_memcpy(sums.at[t], out + t * m.out_stride, sizeof sums.at[t]);
  }
  sweep<F, kTokens>(source, count, rows, ahead, ahead_bytes, sums);
  for (std::size_t t = 0; t < kTokens; ++t) {
    __builtin_memcpy(out + t * m.out_stride, sums.at[t], sizeof sums.at[t]);
  }
}

template <typename F>
void many_rows(const Matmul& m) {
  using TileFn = void (*)(const Matmul&, const Unpacked<F>&, const ActivationBlock*, std::size_t, bool,
                          const std::byte*, std::size_t, float*);
  // Shared out evenly, 9 rows and more never leave a tile of fewer than 4.
  static constexpr TileFn kTiles[] = {unpacked_tile<F, 4>, unpacked_tile<F, 5>, unpacked_tile<F, 6>};
  const std::size_t blocks = m.k / kBlock;
  const std::size_t panel_size = panel_bytes(F::kFormat, m.k);
  const std::size_t tiles = (m.rows + kMostTokens - 1) / kMostTokens;
  const auto* x = static_cast<const ActivationBlock*>(m.x);
  Unpacked<F> source;
  for (std::size_t p = 0; p < m.panel_count; ++p) {
    const std::byte* panel = m.panels + p * panel_size;
    for (std::size_t b = 0; b < blocks; b += Unpacked<F>::kCount) {
      const std::size_t count = blocks - b < Unpacked<F>::kCount ? blocks - b : Unpacked<F>::kCount;
      const std::byte* from = panel + panel_bytes(F::kFormat, b * kBlock);
      source.fill(from, count);
      for (std::size_t i = 0; i < tiles; ++i) {
        const std::size_t row = m.rows * i / tiles;
        const std::size_t tokens = m.rows * (i + 1) / tiles - row;
        // The first tile brings in what is unpacked next.
        const std::byte* ahead = from + panel_bytes(F::kFormat, count * kBlock);
        kTiles[tokens - 4](m, source, x + row * m.x_stride + b, count, b == 0, ahead,
                           i == 0 ? simd::kBlockBytes<F::kFormat> : 0,
                           m.out + row * m.out_stride + p * kPanelRows);
      }
    }
  }
}

template <typename F>
void blocks_matmul(const Matmul& m) {
  using TileFn = void (*)(const Matmul&, const std::byte*, float*);
  static constexpr TileFn kTiles[kMostPacked] = {packed_tile<F, 1>, packed_tile<F, 2>, packed_tile<F, 3>,
                                                 packed_tile<F, 4>, packed_tile<F, 5>, packed_tile<F, 6>,
                                                 packed_tile<F, 7>, packed_tile<F, 8>};
  if (m.rows > kMostPacked) return many_rows<F>(m);
  const std::size_t panel_size = panel_bytes(F::kFormat, m.k);
  for (std::size_t p = 0; p < m.panel_count; ++p) {
    kTiles[m.rows - 1](m, m.panels + p * panel_size, m.out + p * kPanelRows);
  }
}

}  // namespace
}  // namespace garam::kernels::avx2
