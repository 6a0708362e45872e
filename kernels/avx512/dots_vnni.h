// Dots with vpdpbusd: four unsigned codes times four signed activations, added to an int32 without
// saturation. Sums start from what the offset of the codes adds too much.
#pragma once

#include "kernels/avx512/matmul_blocks.h"

namespace garam::kernels::avx512 {
namespace {

/// kOnIntel: two pipes multiply, and where a neighbour's thread runs on the same core, what counts is how
/// many instructions go by. Every second row of activations is then broadcast by the products themselves: two
/// loads instead of one, but one instruction less; for all rows, loads would be the limit. Emerald Rapids,
/// beside a neighbour: 8 rows of q8_0 1.06, q4_0 1.05, 252 rows 1.04, alone 1.00 to 1.01; sums over halves,
/// whose first half goes through memory anyhow, 0.98. Wide tiles have no registers for so many addresses.
template <bool kOnIntel>
struct VnniDots {
  static constexpr const char* kName = "avx512-vnni";
  template <bool kIntel>
  using On = VnniDots<kIntel>;
  /// Saves a block's two products with scales in every tile.
  static constexpr bool kFolds = true;
  static constexpr bool kTogether = true;
  /// Registers then hold all sums: of q6_K with 4 rows 1.06, 16 and 32 1.06, 252 1.02, 9 to 15 1.00 to 1.05
  /// (Emerald Rapids). Tiles of 3 would lose 10 to 14 %.
  static constexpr bool kFoursForHalves = kOnIntel;
  static constexpr bool kWide = kOnIntel;

  /// Whether 16 bits hold the sum over a half: at most 16 * 4 * 127 = 8128 where codes are below 8.
  template <typename F>
  static constexpr bool kNarrow = F::kFolded != kNoFold;

  /// Where the sums of first halves begin that join as floats: the bits of 1.5 * 2^23, whose last place is 1.
  /// A sum of 16 products, less than 2^22, then is that much more than itself when read as a float, which
  /// saves its conversion: of 256 rows of q6_K 0.50 of the peak, 0.52 with it (Emerald Rapids).
  static constexpr std::int32_t kFloatOrigin = 0x4b400000;

  template <typename F>
  [[gnu::always_inline]] static void prepare(__m512i halves, Halves& half) {
    if constexpr (kNarrow<F>) {
      half.scale[0] = halves;
    } else {
      const __m512 first = _mm512_cvtepi32_ps(_mm512_srai_epi32(_mm512_slli_epi32(halves, 16), 16));
      half.scale[0] = _mm512_castps_si512(first);
      half.scale[1] = _mm512_castps_si512(_mm512_cvtepi32_ps(_mm512_srai_epi32(halves, 16)));
      half.minus_origin = _mm512_mul_ps(first, _mm512_set1_ps(-__builtin_bit_cast(float, kFloatOrigin)));
    }
  }

  /// sum += four codes of two registers of weights times group g of row t.
  template <bool kByProducts>
  [[gnu::always_inline]] static void add(__m512i w0, __m512i w1, const BlockRows& x, std::size_t t,
                                         std::size_t g, __m512i (&sum)[2]) {
#if defined(__AVX512F__)
    if (kByProducts && t % 2 == 0) {
      const auto& bytes = *reinterpret_cast<const std::int8_t(*)[4]>(x.at(t).q + 4 * g);
      asm("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sum[0]) : "v"(w0), "m"(bytes));
      asm("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sum[1]) : "v"(w1), "m"(bytes));
      return;
    }
#endif
    const __m512i v = x.group(t, g);
    sum[0] = _mm512_dpbusd_epi32(sum[0], w0, v);
    sum[1] = _mm512_dpbusd_epi32(sum[1], w1, v);
  }

  template <typename Source, std::size_t kTokens, typename Fetch>
  [[gnu::always_inline]] static void whole(const typename Source::Block& block, const BlockRows& x,
                                           const Fetch& fetch, __m512i (&isum)[kTokens][2]) {
#pragma GCC unroll 12
    for (std::size_t t = 0; t < kTokens; ++t) {
      isum[t][0] = isum[t][1] = minus_times<Source::kOffset>(x.at(t));
    }
#pragma GCC unroll 8
    for (std::size_t i = 0; i < 8; ++i) {
      fetch.group(i);
      const std::size_t g = block.group(i);
      const __m512i w0 = block.code(0, g);
      const __m512i w1 = block.code(1, g);
#pragma GCC unroll 12
      for (std::size_t t = 0; t < kTokens; ++t) {
        add<(kOnIntel && kTokens <= kMostTokens)>(w0, w1, x, t, g, isum[t]);
      }
    }
  }

  /// -kOffset times the sums of both halves of each row. Through memory, whose broadcasts are loads and
  /// nothing else, and as scalars, which do not go through the pipes that multiply: 1.08 of 256 rows of q6_K.
  template <typename F, std::size_t kTokens>
  struct Starts {
    std::int32_t at[kTokens][2];

    [[gnu::always_inline]] explicit Starts(const BlockRows& x) {
      if constexpr (F::kOffset == 0) return;
#pragma GCC unroll 6
      for (std::size_t t = 0; t < kTokens; ++t) {
        std::int32_t first = -F::kOffset * x.at(t).half_sum[0], second = -F::kOffset * x.at(t).half_sum[1];
        if constexpr (!kNarrow<F>) first += kFloatOrigin;
        asm("" : "+r"(first), "+r"(second));  // else gcc makes vectors of them
        at[t][0] = first;
        at[t][1] = second;
      }
      end_of_phase();
    }
    [[gnu::always_inline]] __m512i operator()(std::size_t t, std::size_t half) const {
      return F::kOffset == 0 ? _mm512_setzero_si512() : _mm512_set1_epi32(at[t][half]);
    }
  };

  /// Group g of a block joins the sums of all rows.
  template <std::size_t kTokens, typename Block>
  [[gnu::always_inline]] static void add_group(const Block& block, std::size_t g, const BlockRows& x,
                                               __m512i (&sum)[kTokens][2]) {
    const __m512i w0 = block.code(0, g);
    const __m512i w1 = block.code(1, g);
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) add<false>(w0, w1, x, t, g, sum[t]);
  }

  template <std::size_t kTokens, typename Block, typename Starts, typename Fetch>
  [[gnu::always_inline]] static void half_sums(const Block& block, std::size_t half, const Starts& starts,
                                               const BlockRows& x, const Fetch& fetch,
                                               __m512i (&sum)[kTokens][2]) {
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) sum[t][0] = sum[t][1] = starts(t, half);
#pragma GCC unroll 4
    for (std::size_t g = 4 * half; g < 4 * half + 4; ++g) {
      fetch.group(g);
      add_group(block, g, x, sum);
    }
  }

  template <std::size_t kTokens, typename Block, typename Starts>
  [[gnu::always_inline]] static void both_halves(const Block& block, const Starts& starts, const BlockRows& x,
                                                 __m512i (&first)[kTokens][2],
                                                 __m512i (&second)[kTokens][2]) {
#pragma GCC unroll 4
    for (std::size_t t = 0; t < kTokens; ++t) {
      first[t][0] = first[t][1] = starts(t, 0);
      second[t][0] = second[t][1] = starts(t, 1);
    }
#pragma GCC unroll 4
    for (std::size_t g = 0; g < 4; ++g) {
      add_group(block, g, x, first);
      add_group(block, g + 4, x, second);
    }
  }

  template <typename F>
  [[gnu::always_inline]] static __m512 join(__m512i first, __m512i second, const Halves& half) {
    if constexpr (kNarrow<F>) {
      const __m512i pairs = _mm512_mask_blend_epi16(0xaaaaaaaa, first, _mm512_slli_epi32(second, 16));
      return _mm512_cvtepi32_ps(_mm512_madd_epi16(pairs, half.scale[0]));
    } else {
      // In floats, exactly: 16 * 32 * 127 * 128 and twice that are below 2^24, and so has kFloatOrigin times
      // a scale no more than 24 bits. Only a zero may be negative where the integer is none; it then joins an
      // accumulator that is no negative zero, which without minimums none ever is.
      static_assert(!F::kMinimum);
      const __m512 scaled =
          _mm512_fmadd_ps(_mm512_castsi512_ps(first), _mm512_castsi512_ps(half.scale[0]), half.minus_origin);
      return _mm512_fmadd_ps(_mm512_cvtepi32_ps(second), _mm512_castsi512_ps(half.scale[1]), scaled);
    }
  }
};
using Vnni = VnniDots<false>;

}  // namespace
}  // namespace garam::kernels::avx512
