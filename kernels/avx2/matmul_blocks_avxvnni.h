// Products of weights in blocks of 32 with vpdpbusd on 8 rows to a register: four unsigned codes times four
// signed activations, added to an int32 without saturation, so that no sum needs to be centred or widened.
// Sums start from what the offset of the codes adds too much; float accumulators wait in L1.
//
// Up to 6 activation rows are one tile, which takes the codes apart as it reads them. More rows share that
// work: 8 blocks of a panel are unpacked once, then every tile multiplies with what is in L1.
#pragma once

#include "kernels/avx2/block_formats.h"
#include "kernels/simd/packed_blocks.h"

namespace garam::kernels::avx2 {
namespace {

/// Registers of 8 rows at once: 12 sums of up to 6 rows, with two registers of weights. One and two rows take
/// the whole panel, so that what comes from memory only ascends.
constexpr std::size_t vnni_wide(std::size_t tokens) {
  return tokens <= 2 ? kPanelRegisters : kPanelRegisters / 2;
}

/// Whether a format has a scale for each half of a block.
template <typename F>
inline constexpr bool kHasHalves = F::kSum == Sum::kHalves;
/// Whether codes times scales of halves fit a byte, and the offset that makes them positive: q2_K 0 to 45,
/// q3_K -124 to 128. Their sums over a half fit 16 bits: at most 16 * 4 * 127 = 8128.
template <typename F>
inline constexpr bool kFolds = F::kFormat == Format::kQ2_K || F::kFormat == Format::kQ3_K;
template <typename F>
inline constexpr int kFoldedOffset = F::kFormat == Format::kQ3_K ? 127 : 0;

/// One block of each activation row.
struct BlockRows {
  const ActivationBlock* x;
  std::size_t stride;

  [[gnu::always_inline]] const ActivationBlock& at(std::size_t t) const { return x[t * stride]; }
  /// Integers 4 * group to 4 * group + 3 of a row, in every lane.
  [[gnu::always_inline]] __m256i group(std::size_t t, std::size_t group) const {
    return broadcast_4_bytes(at(t).q + 4 * group);
  }
};

/// Nothing is read early from behind this: there is no register for it.
[[gnu::always_inline]] inline void end_of_phase() {
  asm volatile("" ::: "memory");
}

/// -kTimes * the sum of a block's integers, in every lane. 8 and 128 times it lie there.
template <int kTimes>
[[gnu::always_inline]] inline __m256i minus_times(const ActivationBlock& block) {
  if constexpr (kTimes == 0) {
    return _mm256_setzero_si256();
  } else if constexpr (kTimes == 128) {
    return broadcast_4_bytes(&block.minus_128_sums);
  } else {
    const __m256i eight = broadcast_4_bytes(&block.minus_8_sums);
    if constexpr (kTimes == 8) return eight;
    if constexpr (kTimes == 12) return _mm256_add_epi32(eight, _mm256_srai_epi32(eight, 1));
    if constexpr (kTimes == 16) return _mm256_add_epi32(eight, eight);
    if constexpr (kTimes == 127)
      return _mm256_sub_epi32(minus_times<128>(block), _mm256_srai_epi32(eight, 3));
    static_assert(kTimes == 8 || kTimes == 12 || kTimes == 16 || kTimes == 127);
  }
}

/// What the sums over halves meet: both scales as integers, or each as floats.
struct HalfScales {
  __m256i pairs;  // kFolds
  __m256 d[2];    // else
  __m256i minimum;
};
template <typename F>
[[gnu::always_inline]] inline HalfScales scales_of_halves(const std::byte* header, std::size_t s,
                                                          std::size_t r) {
  constexpr bool kBoth = F::kFormat == Format::kQ2_K;  // a byte holds a scale and a minimum
  HalfScales found;
  __m256i bytes;
  if constexpr (kBoth) {
    bytes = _mm256_cvtepu8_epi16(scale_bytes(header + 2 * kHalfBytes, s, r));
  } else {
    bytes = _mm256_cvtepi8_epi16(scale_bytes(header + kHalfBytes, s, r));
  }
  if constexpr (kFolds<F>) {
    found.pairs = kBoth ? _mm256_and_si256(bytes, _mm256_set1_epi16(15)) : bytes;
  } else {
    const __m256i first = _mm256_srai_epi32(_mm256_slli_epi32(bytes, 16), 16);
    found.d[0] = _mm256_cvtepi32_ps(first);
    found.d[1] = _mm256_cvtepi32_ps(_mm256_srai_epi32(bytes, 16));
  }
  if constexpr (F::kMinimum) found.minimum = _mm256_srli_epi16(bytes, 4);
  return found;
}

/// Blocks of a panel as they lie in memory.
template <typename F>
struct PackedCodes {
  static constexpr bool kHalves = kHasHalves<F>;
  static constexpr int kOffset = F::kOffset;
  const std::byte* from;  // a unit

  struct Block : simd::PackedBlock {
    /// Groups of k in the order of addresses: a byte of nibbles holds two.
    static constexpr std::size_t group(std::size_t i) {
      return F::kFormat == Format::kQ8_0 ? i : i / 2 + i % 2 * 4;
    }
    [[gnu::always_inline]] __m256i code(std::size_t r, std::size_t g) const { return F::code(planes, r, g); }
    [[gnu::always_inline]] Scales scales(std::size_t r) const { return F::scales(header, s, r); }
    [[gnu::always_inline]] HalfScales halves(std::size_t r) const {
      return scales_of_halves<F>(header, s, r);
    }
  };
  [[gnu::always_inline]] Block at(std::size_t b) const { return {simd::packed_block<F::kFormat>(from, b)}; }
};

/// Blocks of a panel taken apart: codes a byte each, scales as the float steps want them.
template <typename F>
struct UnpackedCodes {
  static constexpr bool kHalves = kHasHalves<F> && !kFolds<F>;
  static constexpr int kOffset = kFolds<F> ? kFoldedOffset<F> : F::kOffset;
  static constexpr std::size_t kCount = 8;

  struct Block {
    __m256i codes[8][kPanelRegisters];
    // What a format does not have takes no room to speak of: everything must stay in L1.
    __m256 d[kPanelRegisters];
    __m256 m[F::kMinimum ? kPanelRegisters : 1];
    __m256 half[kHalves ? kPanelRegisters : 1][2];
    __m256i minimum[F::kMinimum && kHasHalves<F> ? kPanelRegisters : 1];

    static constexpr std::size_t group(std::size_t i) { return i; }
    [[gnu::always_inline]] __m256i code(std::size_t r, std::size_t g) const { return codes[g][r]; }
    [[gnu::always_inline]] Scales scales(std::size_t r) const {
      Scales found;
      found.d = d[r];
      if constexpr (F::kMinimum) found.m = m[r];
      return found;
    }
    [[gnu::always_inline]] HalfScales halves(std::size_t r) const {
      HalfScales found;
      if constexpr (kHalves) {
        found.d[0] = half[r][0];
        found.d[1] = half[r][1];
      }
      if constexpr (F::kMinimum && kHasHalves<F>) found.minimum = minimum[r];
      return found;
    }
  };
  Block blocks[kCount];

  [[gnu::always_inline]] const Block& at(std::size_t b) const { return blocks[b]; }

  void fill(const std::byte* from, std::size_t count) {
    const PackedCodes<F> packed{from};
    for (std::size_t b = 0; b < count; ++b) {
      const auto block = packed.at(b);
      Block& to = blocks[b];
      for (std::size_t r = 0; r < kPanelRegisters; ++r) {
        const Scales scales = block.scales(r);
        to.d[r] = scales.d;
        if constexpr (F::kMinimum) to.m[r] = scales.m;
        if constexpr (kHasHalves<F>) {
          const HalfScales halves = block.halves(r);
          if constexpr (F::kMinimum) to.minimum[r] = halves.minimum;
          if constexpr (kHalves) {
            to.half[r][0] = halves.d[0];
            to.half[r][1] = halves.d[1];
          } else {
            fold(block, r, halves.pairs, to);
          }
        }
        if constexpr (!kFolds<F>) {
#pragma GCC unroll 8
          for (std::size_t g = 0; g < 8; ++g) to.codes[g][r] = block.code(r, g);
        }
      }
    }
  }

 private:
  /// (code - offset) * scale + kOffset of the bytes of a word at once: whatever is carried over between them
  /// on the way, in the end each of them is 0 to 255.
  [[gnu::always_inline]] static void fold(const typename PackedCodes<F>::Block& block, std::size_t r,
                                          __m256i pairs, Block& to) {
    const __m256i scale[2] = {_mm256_blend_epi16(pairs, _mm256_slli_epi32(pairs, 16), 0xaa),
                              _mm256_blend_epi16(_mm256_srli_epi32(pairs, 16), pairs, 0xaa)};
#pragma GCC unroll 2
    for (std::size_t half = 0; half < 2; ++half) {
      const __m256i lowered = _mm256_mullo_epi16(scale[half], _mm256_set1_epi16(F::kOffset));
      const __m256i one = _mm256_sub_epi16(_mm256_set1_epi16(kOffset), lowered);
      const __m256i add = _mm256_mullo_epi16(one, _mm256_set1_epi16(0x0101));
#pragma GCC unroll 4
      for (std::size_t g = 4 * half; g < 4 * half + 4; ++g) {
        to.codes[g][r] = _mm256_add_epi16(_mm256_mullo_epi16(block.code(r, g), scale[half]), add);
      }
    }
  }
};

/// The accumulators of a tile.
template <std::size_t kTokens>
struct TileSums {
  alignas(32) float at[kTokens][kPanelRows];
};

/// One block joins the accumulators of register r.
template <typename F, std::size_t kTokens, typename Block>
[[gnu::always_inline]] inline void add_block(const Block& block, std::size_t r, const BlockRows& x,
                                             const __m256 (&isum)[kTokens], TileSums<kTokens>& sums) {
  const Scales scales = block.scales(r);
#pragma GCC unroll 6
  for (std::size_t t = 0; t < kTokens; ++t) {
    const ActivationBlock& q = x.at(t);
    float* at = sums.at[t] + kLanes8 * r;
    const __m256 da = _mm256_broadcast_ss(&q.scale);
    __m256 sum = _mm256_fmadd_ps(_mm256_mul_ps(scales.d, da), isum[t], _mm256_load_ps(at));
    if constexpr (F::kMinimum && kHasHalves<F>) {
      const __m256i imin = _mm256_madd_epi16(block.halves(r).minimum, broadcast_4_bytes(q.half_sum));
      sum = _mm256_fmadd_ps(scales.m, _mm256_mul_ps(da, _mm256_cvtepi32_ps(imin)), sum);
    } else if constexpr (F::kMinimum) {
      sum = _mm256_fmadd_ps(scales.m, _mm256_broadcast_ss(&q.scaled_sum), sum);
    }
    _mm256_store_ps(at, sum);
  }
}

/// isum[t] = dots of register r, each half times its scale. Both halves at once make 12 sums of 6 rows.
template <typename F, std::size_t kTokens, typename Block>
[[gnu::always_inline]] inline void half_dots(const Block& block, std::size_t r, const BlockRows& x,
                                             const std::int32_t (&starts)[kTokens][2],
                                             __m256 (&isum)[kTokens]) {
  __m256i sum[kTokens][2];
#pragma GCC unroll 6
  for (std::size_t t = 0; t < kTokens; ++t) {
    sum[t][0] = F::kOffset == 0 ? _mm256_setzero_si256() : _mm256_set1_epi32(starts[t][0]);
    sum[t][1] = F::kOffset == 0 ? _mm256_setzero_si256() : _mm256_set1_epi32(starts[t][1]);
  }
#pragma GCC unroll 4
  for (std::size_t g = 0; g < 4; ++g) {
    const __m256i w0 = block.code(r, g);
    const __m256i w1 = block.code(r, g + 4);
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) {
      sum[t][0] = _mm256_dpbusd_avx_epi32(sum[t][0], w0, x.group(t, g));
      sum[t][1] = _mm256_dpbusd_avx_epi32(sum[t][1], w1, x.group(t, g + 4));
    }
  }
  const HalfScales scales = block.halves(r);
#pragma GCC unroll 6
  for (std::size_t t = 0; t < kTokens; ++t) {
    if constexpr (kFolds<F>) {
      const __m256i pairs = _mm256_blend_epi16(sum[t][0], _mm256_slli_epi32(sum[t][1], 16), 0xaa);
      isum[t] = _mm256_cvtepi32_ps(_mm256_madd_epi16(pairs, scales.pairs));
    } else {
      // In floats, exactly: 16 * 32 * 127 * 128 and twice that are below 2^24. Only a zero may be negative
      // where the integer is none; it then joins an accumulator that is no negative zero, which without
      // minimums none ever is.
      static_assert(!F::kMinimum);
      const __m256 first = _mm256_mul_ps(_mm256_cvtepi32_ps(sum[t][0]), scales.d[0]);
      isum[t] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum[t][1]), scales.d[1], first);
    }
  }
}

/// Blocks [0, count) of a panel. Meanwhile ahead_bytes a block of what comes next are brought into L2.
template <typename F, std::size_t kTokens, typename Source>
[[gnu::always_inline]] inline void vnni_sweep(const Source& source, std::size_t count, BlockRows x,
                                              const std::byte* ahead, std::size_t ahead_bytes,
                                              TileSums<kTokens>& sums) {
  constexpr std::size_t kWide = vnni_wide(kTokens);
  for (std::size_t b = 0; b < count; ++b, ++x.x) {
    for (std::size_t i = 0; i < ahead_bytes; i += simd::kCacheLine) _mm_prefetch(ahead + i, _MM_HINT_T1);
    ahead += ahead_bytes;
    const auto& block = source.at(b);
    if constexpr (Source::kHalves) {
      std::int32_t starts[kTokens][2];
      for (std::size_t t = 0; t < kTokens; ++t) {
        starts[t][0] = -F::kOffset * x.at(t).half_sum[0];
        starts[t][1] = -F::kOffset * x.at(t).half_sum[1];
      }
      end_of_phase();
      std::size_t registers = kPanelRegisters;
      asm("" : "+r"(registers));  // unrolled, the loop would spill
      for (std::size_t r = 0; r < registers; ++r) {
        __m256 isum[kTokens];
        half_dots<F, kTokens>(block, r, x, starts, isum);
        add_block<F, kTokens>(block, r, x, isum, sums);
        end_of_phase();
      }
    } else {
      std::size_t parts = kPanelRegisters;
      if constexpr (kWide < kPanelRegisters) asm("" : "+r"(parts));  // unrolled, the loop would spill
      for (std::size_t part = 0; part < parts; part += kWide) {
        __m256i isum[kTokens][kWide];
#pragma GCC unroll 6
        for (std::size_t t = 0; t < kTokens; ++t) {
          const __m256i start = minus_times<Source::kOffset>(x.at(t));
#pragma GCC unroll 4
          for (std::size_t r = 0; r < kWide; ++r) isum[t][r] = start;
        }
#pragma GCC unroll 8
        for (std::size_t i = 0; i < 8; ++i) {
          const std::size_t g = block.group(i);
          __m256i w[kWide];
#pragma GCC unroll 4
          for (std::size_t r = 0; r < kWide; ++r) w[r] = block.code(part + r, g);
#pragma GCC unroll 6
          for (std::size_t t = 0; t < kTokens; ++t) {
            const __m256i v = x.group(t, g);
#pragma GCC unroll 4
            for (std::size_t r = 0; r < kWide; ++r) {
              isum[t][r] = _mm256_dpbusd_avx_epi32(isum[t][r], w[r], v);
            }
          }
        }
        end_of_phase();
#pragma GCC unroll 4
        for (std::size_t r = 0; r < kWide; ++r) {
          __m256 converted[kTokens];
#pragma GCC unroll 6
          for (std::size_t t = 0; t < kTokens; ++t) converted[t] = _mm256_cvtepi32_ps(isum[t][r]);
          add_block<F, kTokens>(block, part + r, x, converted, sums);
        }
        end_of_phase();
      }
    }
  }
}

/// All of k for one panel and up to 6 rows.
template <typename F, std::size_t kTokens>
void packed_vnni_tile(const Matmul& m, const std::byte* panel, float* out) {
  const BlockRows x = {static_cast<const ActivationBlock*>(m.x), m.x_stride};
  TileSums<kTokens> sums = {};
  vnni_sweep<F, kTokens>(PackedCodes<F>{panel}, m.k / kBlock, x, panel + simd::kNearBytes,
                         simd::kBlockBytes<F::kFormat>, sums);
  for (std::size_t t = 0; t < kTokens; ++t) {
    __builtin_memcpy(out + t * m.out_stride, sums.at[t], sizeof sums.at[t]);
  }
}

/// One unpacked stretch of k for one panel and one of several tiles; out holds the sums of what came before.
template <typename F, std::size_t kTokens>
void unpacked_vnni_tile(const Matmul& m, const UnpackedCodes<F>& source, const ActivationBlock* x,
                        std::size_t count, bool first, const std::byte* ahead, std::size_t ahead_bytes,
                        float* out) {
  TileSums<kTokens> sums = {};
  for (std::size_t t = 0; t < kTokens && !first; ++t) {
    __builtin_memcpy(sums.at[t], out + t * m.out_stride, sizeof sums.at[t]);
  }
  vnni_sweep<F, kTokens>(source, count, {x, m.x_stride}, ahead, ahead_bytes, sums);
  for (std::size_t t = 0; t < kTokens; ++t) {
    __builtin_memcpy(out + t * m.out_stride, sums.at[t], sizeof sums.at[t]);
  }
}

template <typename F>
void many_vnni_rows(const Matmul& m) {
  using TileFn = void (*)(const Matmul&, const UnpackedCodes<F>&, const ActivationBlock*, std::size_t, bool,
                          const std::byte*, std::size_t, float*);
  // Shared out evenly, 7 rows and more never leave a tile of fewer than 3.
  static constexpr TileFn kTiles[] = {unpacked_vnni_tile<F, 3>, unpacked_vnni_tile<F, 4>,
                                      unpacked_vnni_tile<F, 5>, unpacked_vnni_tile<F, 6>};
  constexpr std::size_t kCount = UnpackedCodes<F>::kCount;
  const std::size_t blocks = m.k / kBlock;
  const std::size_t panel_size = panel_bytes(F::kFormat, m.k);
  const std::size_t tiles = (m.rows + kMostTokens - 1) / kMostTokens;
  const auto* x = static_cast<const ActivationBlock*>(m.x);
  UnpackedCodes<F> source;
  for (std::size_t p = 0; p < m.panel_count; ++p) {
    for (std::size_t b = 0; b < blocks; b += kCount) {
      const std::size_t count = blocks - b < kCount ? blocks - b : kCount;
      const std::byte* from = m.panels + p * panel_size + panel_bytes(F::kFormat, b * kBlock);
      source.fill(from, count);
      for (std::size_t i = 0; i < tiles; ++i) {
        const std::size_t row = m.rows * i / tiles;
        const std::size_t tokens = m.rows * (i + 1) / tiles - row;
        // The first tile brings in what is unpacked next.
        const std::byte* ahead = from + panel_bytes(F::kFormat, kCount * kBlock);
        kTiles[tokens - 3](m, source, x + row * m.x_stride + b, count, b == 0, ahead,
                           i == 0 ? simd::kBlockBytes<F::kFormat> : 0,
                           m.out + row * m.out_stride + p * kPanelRows);
      }
    }
  }
}

template <typename F>
void vnni_matmul(const Matmul& m) {
  using TileFn = void (*)(const Matmul&, const std::byte*, float*);
  static constexpr TileFn kTiles[kMostTokens] = {packed_vnni_tile<F, 1>, packed_vnni_tile<F, 2>,
                                                 packed_vnni_tile<F, 3>, packed_vnni_tile<F, 4>,
                                                 packed_vnni_tile<F, 5>, packed_vnni_tile<F, 6>};
  if (m.rows > kMostTokens) return many_vnni_rows<F>(m);
  const std::size_t panel_size = panel_bytes(F::kFormat, m.k);
  for (std::size_t p = 0; p < m.panel_count; ++p) {
    kTiles[m.rows - 1](m, m.panels + p * panel_size, m.out + p * kPanelRows);
  }
}

/// The product of a format in a table.
template <typename F>
void set_vnni(Table& table) {
  table.matmul[static_cast<std::size_t>(F::kFormat)] = vnni_matmul<F>;
  table.matmul_name[static_cast<std::size_t>(F::kFormat)] = "avx2-vnni";
}

}  // namespace
}  // namespace garam::kernels::avx2
