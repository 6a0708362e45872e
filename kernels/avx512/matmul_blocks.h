// Products of weights in blocks of 32: per block the exact integer dots of 32 rows x up to 6 tokens, then one
// conversion, one product of scales and one fma. 12 integer and 12 float accumulators stay in registers (or
// 24 integer ones: few_rows). A format (block_formats.h) says what is multiplied, a Dot (dots_vnni.h,
// dots_pairs.h) how:
//   kName                            for Table::matmul_name
//   On<kOnIntel>                     the Dot of such CPUs
//   kFolds                           whether Unpacked multiplies the scales of halves into the codes
//   prepare<F>(halves, half)         Halves, out of Scales::halves
//   whole<Source>(block, x, fetch, isum)   isum[t][r] = exact dots of a block
//   Starts<F, kTokens>(x)            what the sums over halves start from
//   kWide                            whether tiles of more rows are worth it (few_rows)
//   kFoursForHalves                  whether many rows are taken 4 or 5 at a time where halves have scales
//   kTogether                        whether sums over a half are formed for both registers, by
//     half_sums(block, n, starts, x, fetch, sum)   sum[t][r] = dots of half n, or both_halves, and
//     join<F>(first, second, half)          each half times its scale, as floats; or for one register by
//     halves<F>(block, r, half, starts, x, fetch, isum)   isum[t] = the same
//
// Few rows, and all of formats that are cheap to take apart, are taken apart in every tile. More rows share
// the work: a stretch of a panel is unpacked once, then every tile multiplies with what is in L1 or L2.
#pragma once

#include "kernels/avx512/block_sources.h"

namespace garam::kernels::avx512 {
namespace {

/// With more, float accumulators wait in L1 between blocks (few_rows).
inline constexpr std::size_t kMostTokens = 6;

/// With more, registers do not hold the sums over both halves of a block.
inline constexpr std::size_t kMostWithBothHalves = 4;

/// One block of each activation row.
struct BlockRows {
  const ActivationBlock* x;
  std::size_t stride;

  [[gnu::always_inline]] const ActivationBlock& at(std::size_t t) const { return x[t * stride]; }
  /// Integers 4 * group to 4 * group + 3 of a row, in every lane.
  [[gnu::always_inline]] __m512i group(std::size_t t, std::size_t group) const {
    return broadcast_4_bytes(at(t).q + 4 * group);
  }
};

/// Cache lines of a panel, for one block of 32 rows.
template <typename F>
inline constexpr std::size_t kBlockLines =
    round_up(simd::kBlockBytes<F::kFormat>, simd::kCacheLine) / simd::kCacheLine;

/// What is brought into L2 while a block is computed, shared out over its 8 groups: up to 17 lines at once
/// take all 16 buffers that Intel's L1 has for misses, and what the block itself reads waits. From memory,
/// 4 to 16 rows of q4_0, q8_0, q4_K, q5_0 gain 3 to 12 % (Emerald Rapids). kLines is the most lines that a
/// share can have, 0 where nothing is left to bring.
template <std::size_t kLines>
struct SpreadFetch {
  simd::Share ahead;

  [[gnu::always_inline]] void group(std::size_t g) const {
    const std::size_t first = kLines * g / 8, last = kLines * (g + 1) / 8;
    if (first == last || first >= ahead.lines) return;
    simd::fetch_lines(ahead.from + first * simd::kCacheLine, last - first);
  }
};

/// A sum as it is here: without this, gcc adds products to each other first, or prepares the operands of many
/// sums before it forms one, and keeps registers in memory. (Where the set is emulated, none holds it.)
template <typename Register>
[[gnu::always_inline]] inline void settle([[maybe_unused]] Register& sum) {
#if defined(__AVX512F__)
  asm("" : "+v"(sum));
#endif
}
/// Nothing is read early from behind this.
[[gnu::always_inline]] inline void end_of_phase() {
  asm volatile("" ::: "memory");
}

/// -kTimes * the sum of a block's integers, in every lane. 8 and 128 times it lie there.
template <int kTimes>
[[gnu::always_inline]] inline __m512i minus_times(const ActivationBlock& block) {
  if constexpr (kTimes == 0) {
    return _mm512_setzero_si512();
  } else if constexpr (kTimes == 128) {
    return broadcast_4_bytes(&block.minus_128_sums);
  } else {
    const __m512i eight = broadcast_4_bytes(&block.minus_8_sums);
    if constexpr (kTimes == 8) return eight;
    if constexpr (kTimes == 12) return _mm512_add_epi32(eight, _mm512_srai_epi32(eight, 1));
    if constexpr (kTimes == 16) return _mm512_add_epi32(eight, eight);
    if constexpr (kTimes == 127)
      return _mm512_sub_epi32(minus_times<128>(block), _mm512_srai_epi32(eight, 3));
    static_assert(kTimes == 8 || kTimes == 12 || kTimes == 16 || kTimes == 127);
  }
}

/// One block joins register r of every row's accumulators.
template <typename F, std::size_t kTokens>
[[gnu::always_inline]] inline void add_block(const Scales& scales, const __m512 (&isum)[kTokens],
                                             const BlockRows& x, std::size_t r, __m512 (&acc)[kTokens][2]) {
#pragma GCC unroll 12
  for (std::size_t t = 0; t < kTokens; ++t) {
    const ActivationBlock& q = x.at(t);
    const __m512 da = _mm512_set1_ps(q.scale);
    acc[t][r] = _mm512_fmadd_ps(_mm512_mul_ps(scales.d, da), isum[t], acc[t][r]);
    if constexpr (F::kMinimum && F::kSum == Sum::kHalves) {
      const __m512i imin = _mm512_madd_epi16(scales.minimum, broadcast_4_bytes(q.half_sum));
      acc[t][r] = _mm512_fnmadd_ps(scales.m, _mm512_mul_ps(da, _mm512_cvtepi32_ps(imin)), acc[t][r]);
    } else if constexpr (F::kMinus) {
      acc[t][r] = _mm512_fnmadd_ps(scales.m, _mm512_set1_ps(q.scaled_sum), acc[t][r]);
    } else if constexpr (F::kMinimum) {
      acc[t][r] = _mm512_fmadd_ps(scales.m, _mm512_set1_ps(q.scaled_sum), acc[t][r]);
    }
  }
}

/// Blocks [0, count) of one panel join a tile's accumulators.
template <typename F, typename Dot, std::size_t kTokens, typename Source>
[[gnu::always_inline]] inline void sweep(const Source& source, std::size_t count, BlockRows x,
                                         simd::Share ahead, __m512 (&acc)[kTokens][2]) {
  // 3 rows of q4_0 would lose 8 %, 4 of q6_K 7 %.
  constexpr bool kSpreads = kTokens > (Source::kSum == Sum::kHalves ? kMostWithBothHalves : 3);
  for (std::size_t b = 0; b < count; ++b, ++x.x) {
    const SpreadFetch<kSpreads ? kBlockLines<F> : 0> fetch = {ahead};
    if constexpr (kSpreads) {
      ahead.from += ahead.lines * simd::kCacheLine;
    } else {
      simd::fetch_ahead(ahead);
    }
    if constexpr (kTokens <= 2) source.touch(b);
    const auto& block = source.at(b);
    if constexpr (Source::kSum == Sum::kHalves && Dot::kTogether) {
      // Where registers do not hold the sums of both halves, those of the first wait in memory: with one
      // register of weights at a time instead of two, every activation would be loaded twice, and loads, not
      // multiplications, would be the limit.
      const typename Dot::template Starts<F, kTokens> starts(x);
      __m512i first[kTokens][2], second[kTokens][2];
      if constexpr (kTokens <= kMostWithBothHalves) {
        Dot::both_halves(block, starts, x, first, second);
      } else {
        Dot::half_sums(block, 0, starts, x, fetch, second);
#pragma GCC unroll 6
        for (std::size_t t = 0; t < kTokens; ++t) {
          first[t][0] = second[t][0];
          first[t][1] = second[t][1];
        }
        asm("" : "+m"(first));
        end_of_phase();
        Dot::half_sums(block, 1, starts, x, fetch, second);
      }
      end_of_phase();
#pragma GCC unroll 2
      for (std::size_t r = 0; r < 2; ++r) {
        Halves half;
        const Scales scales = block.scales(r, half);
        __m512 isum[kTokens];
#pragma GCC unroll 12
        for (std::size_t t = 0; t < kTokens; ++t) {
          isum[t] = Dot::template join<F>(first[t][r], second[t][r], half);
        }
        add_block<F>(scales, isum, x, r, acc);
        end_of_phase();
      }
    } else if constexpr (Source::kSum == Sum::kHalves) {
      const typename Dot::template Starts<F, kTokens> starts(x);
#pragma GCC unroll 2
      for (std::size_t r = 0; r < 2; ++r) {
        Halves half;
        const Scales scales = block.scales(r, half);
        __m512 isum[kTokens];
        Dot::template halves<F>(block, r, half, starts, x, fetch, isum);
        add_block<F>(scales, isum, x, r, acc);
        end_of_phase();
      }
    } else {
      // Scales that take work come first, while there are registers to make them in.
      Halves none;
      Scales scales[2];
      if constexpr (Source::kScalesFirst) {
        scales[0] = block.scales(0, none);
        scales[1] = block.scales(1, none);
        end_of_phase();
      }
      __m512i isum[kTokens][2];
      Dot::template whole<Source>(block, x, fetch, isum);
      end_of_phase();
#pragma GCC unroll 2
      for (std::size_t r = 0; r < 2; ++r) {
        if constexpr (!Source::kScalesFirst) scales[r] = block.scales(r, none);
        __m512 converted[kTokens];
#pragma GCC unroll 12
        for (std::size_t t = 0; t < kTokens; ++t) converted[t] = _mm512_cvtepi32_ps(isum[t][r]);
        add_block<F>(scales[r], converted, x, r, acc);
        if constexpr (kTokens > kMostTokens) asm volatile("" : "+m"(acc));
      }
    }
  }
}

/// All of k for one panel and a few rows.
template <typename F, typename Dot, std::size_t kTokens>
void packed_tile(const Matmul& m, const simd::Tile& tile) {
  const BlockRows x = {static_cast<const ActivationBlock*>(m.x) + tile.first * m.x_stride, m.x_stride};
  __m512 acc[kTokens][2];
#pragma GCC unroll 12
  for (std::size_t t = 0; t < kTokens; ++t) acc[t][0] = acc[t][1] = _mm512_setzero_ps();
  sweep<F, Dot>(Packed<F, Dot>{tile.panel}, m.k / kBlock, x, tile.ahead, acc);
  store_tile(acc, tile.out, m.out_stride);
}

/// One unpacked stretch of k for one of several tiles of a panel.
struct Stretch {
  BlockRows x;
  std::size_t count;  // of blocks
  bool first;         // else out holds the sums of what came before
  simd::Share ahead;  // per block
  float* out;
};

template <typename F, typename Dot, std::size_t kTokens>
void unpacked_tile(const Matmul& m, const Unpacked<F, Dot>& source, const Stretch& s) {
  __m512 acc[kTokens][2];
  start_tile(acc, !s.first, s.out, m.out_stride);
  sweep<F, Dot>(source, s.count, s.x, s.ahead, acc);
  store_tile(acc, s.out, m.out_stride);
}

template <typename F, typename Dot>
void many_rows(const Matmul& m) {
  using TileFn = void (*)(const Matmul&, const Unpacked<F, Dot>&, const Stretch&);
  // Shared out evenly, 7 rows and more never leave a tile of fewer than 3.
  static constexpr TileFn kTiles[] = {unpacked_tile<F, Dot, 3>, unpacked_tile<F, Dot, 4>,
                                      unpacked_tile<F, Dot, 5>, unpacked_tile<F, Dot, 6>};
  // Few tiles find a short stretch in L1; with many, what counts is that each loads and stores its sums once
  // a stretch, from rows that lie a power of two apart: at 256 rows 5 to 14 % (Zen 5).
  // Tiles of fewer rows read it more often, from L1.
  constexpr bool kFours = Unpacked<F, Dot>::kSum == Sum::kHalves && Dot::kFoursForHalves;
  const std::size_t stretch = m.rows < 64 ? 8 : kFours ? 16 : Unpacked<F, Dot>::kCount;
  const std::size_t blocks = m.k / kBlock;
  const std::size_t panel_size = panel_bytes(F::kFormat, m.k);
  const std::size_t tiles = kFours ? m.rows / kMostWithBothHalves : (m.rows + kMostTokens - 1) / kMostTokens;
  const auto* x = static_cast<const ActivationBlock*>(m.x);
  Unpacked<F, Dot> source;
  for (std::size_t p = 0; p < m.panel_count; ++p) {
    for (std::size_t b = 0; b < blocks; b += stretch) {
      const std::size_t count = blocks - b < stretch ? blocks - b : stretch;
      const std::byte* from = m.panels + p * panel_size + panel_bytes(F::kFormat, b * kBlock);
      const std::size_t bytes = panel_bytes(F::kFormat, count * kBlock);
      simd::Shares shares(from + bytes, bytes, kBlockLines<F>, tiles + 1);
      source.fill(from, count, shares.take());
      for (std::size_t i = 0; i < tiles; ++i) {
        const std::size_t row = m.rows * i / tiles;
        const std::size_t tokens = m.rows * (i + 1) / tiles - row;
        Stretch s;
        s.x = {x + row * m.x_stride + b, m.x_stride};
        s.count = count;
        s.first = b == 0;
        s.ahead = shares.take();
        s.out = m.out + row * m.out_stride + p * kPanelRows;
        kTiles[tokens - 3](m, source, s);
      }
    }
  }
}

template <typename F, typename Dot, std::size_t... kRows>
inline constexpr simd::TileFn kTilesOf[] = {packed_tile<F, Dot, kRows>...};

/// Tiles that take a few rows. With more of them to share masks and shifts, those take less of Intel's two
/// pipes, and tiles of 4 rows, which cannot fill them, do not happen: 8, 12, 16 and 32 rows of q4_0 gain 12,
/// 8, 6 and 9 %, 8 rows of q8_0 4 %, of which 12 as one tile lose 4 %; formats with minimums lose 10 to 18 %
/// (Emerald Rapids).
template <typename F, typename Dot>
void few_rows(const Matmul& m, const simd::Ahead& ahead) {
  const std::size_t bytes = panel_bytes(F::kFormat, m.k);
  if constexpr (Dot::kWide && F::kFormat == Format::kQ4_0) {
    simd::each_tile(m, bytes, kTilesOf<F, Dot, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12>, 12, ahead);
  } else if constexpr (Dot::kWide && F::kFormat == Format::kQ8_0) {
    const std::size_t most = m.rows > 8 ? kMostTokens : 8;
    simd::each_tile(m, bytes, kTilesOf<F, Dot, 1, 2, 3, 4, 5, 6, 7, 8>, most, ahead);
  } else {
    simd::each_tile(m, bytes, kTilesOf<F, Dot, 1, 2, 3, 4, 5, 6>, kMostTokens, ahead);
  }
}

/// kOnIntel: on Intel CPUs one row of everything gains from prefetching (Emerald Rapids, of plain
/// reading: q4_0 0.99, without 0.68; q8_0 1.01, 0.88; iq4_nl 0.98, 0.61).
template <typename F, typename AnyDot, bool kOnIntel>
void blocks_matmul(const Matmul& m) {
  using Dot = typename AnyDot::template On<kOnIntel>;
  constexpr Unit kUnit = unit_of(F::kFormat);
  // Where the hardware's own prefetching keeps up, this costs 3 to 12 %: one row of what has a header in
  // front of every block, two of bytes. Elsewhere it gains, 17 to 65 % for a single row of q2_K to q6_K and
  // q5_0, 12 to 20 % for two rows of the others (Zen 5, at 15 and at 30 GB/s a core).
  constexpr bool kOneGains =
      kOnIntel || kUnit.values == 256 || (kUnit.block > kNibbleBytes && F::kFormat != Format::kQ8_0);
  constexpr std::size_t kFromRows = kOneGains ? 1 : F::kFormat == Format::kQ8_0 ? 3 : 2;
  constexpr simd::Ahead kAhead = {kFromRows, kBlockLines<F>, kAheadBytes, simd::kNearBytes};
  constexpr std::size_t kUnpackFrom = kOnIntel ? F::kUnpackFromOnIntel : F::kUnpackFrom;
  if constexpr (kUnpackFrom != kNever) {
    if (m.rows >= kUnpackFrom) return many_rows<F, Dot>(m);
  }
  few_rows<F, Dot>(m, kAhead);
}

/// The product of a format in a table.
template <typename F, typename Dot>
void set_blocks(Table& table, const Features& features) {
  table.matmul[static_cast<std::size_t>(F::kFormat)] =
      features.intel ? blocks_matmul<F, Dot, true> : blocks_matmul<F, Dot, false>;
  table.matmul_name[static_cast<std::size_t>(F::kFormat)] = Dot::kName;
}

}  // namespace
}  // namespace garam::kernels::avx512
