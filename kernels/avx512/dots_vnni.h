// Dots with vpdpbusd: four unsigned codes times four signed activations, added to an int32 without
// saturation. Sums start from what the offset of the codes adds too much.
#pragma once

#include "kernels/avx512/matmul_blocks.h"

namespace garam::kernels::avx512 {
namespace {

struct Vnni {
  static constexpr const char* kName = "avx512-vnni";
  /// Saves a block's two products with scales in every tile.
  static constexpr bool kFolds = true;
  static constexpr bool kTogether = true;

  /// Whether 16 bits hold the sum over a half: at most 16 * 4 * 127 = 8128 where codes are below 8.
  template <typename F>
  static constexpr bool kNarrow = F::kFolded != kNoFold;

  template <typename F>
  [[gnu::always_inline]] static void prepare(__m512i halves, __m512i (&half)[2]) {
    if constexpr (kNarrow<F>) {
      half[0] = halves;
    } else {
      const __m512i first = _mm512_srai_epi32(_mm512_slli_epi32(halves, 16), 16);
      half[0] = _mm512_castps_si512(_mm512_cvtepi32_ps(first));
      half[1] = _mm512_castps_si512(_mm512_cvtepi32_ps(_mm512_srai_epi32(halves, 16)));
    }
  }

  template <typename Source, std::size_t kTokens>
  [[gnu::always_inline]] static void whole(const typename Source::Block& block, const BlockRows& x,
                                           __m512i (&isum)[kTokens][2]) {
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) {
      isum[t][0] = isum[t][1] = minus_times<Source::kOffset>(broadcast_4_bytes(&x.at(t).sum));
    }
#pragma GCC unroll 8
    for (std::size_t i = 0; i < 8; ++i) {
      const std::size_t g = block.group(i);
      const __m512i w0 = block.code(0, g);
      const __m512i w1 = block.code(1, g);
#pragma GCC unroll 6
      for (std::size_t t = 0; t < kTokens; ++t) {
        const __m512i v = x.group(t, g);
        isum[t][0] = _mm512_dpbusd_epi32(isum[t][0], w0, v);
        isum[t][1] = _mm512_dpbusd_epi32(isum[t][1], w1, v);
      }
    }
  }

  /// -kOffset times the sums of both halves of each row. Through memory: the small operations cost half of
  /// what they would on whole registers, and a broadcast from memory nothing.
  template <int kOffset, std::size_t kTokens>
  struct Starts {
    alignas(16) std::int32_t at[kTokens][2];

    [[gnu::always_inline]] explicit Starts(const BlockRows& x) {
#pragma GCC unroll 6
      for (std::size_t t = 0; t < kTokens; ++t) {
        int both;
        __builtin_memcpy(&both, x.at(t).half_sum, sizeof both);
        const __m128i sums = _mm_cvtepi16_epi32(_mm_cvtsi32_si128(both));
        const __m128i times = _mm_slli_epi32(sums, __builtin_ctz(kOffset));
        _mm_storel_epi64(reinterpret_cast<__m128i*>(at[t]), _mm_sub_epi32(_mm_setzero_si128(), times));
      }
      end_of_phase();
    }
    [[gnu::always_inline]] __m512i operator()(std::size_t t, std::size_t half) const {
      return _mm512_set1_epi32(at[t][half]);
    }
  };
  template <std::size_t kTokens>
  struct Starts<0, kTokens> {
    explicit Starts(const BlockRows&) {}
    [[gnu::always_inline]] __m512i operator()(std::size_t, std::size_t) const {
      return _mm512_setzero_si512();
    }
  };

  template <std::size_t kTokens, typename Block, typename Starts>
  [[gnu::always_inline]] static void half_sums(const Block& block, std::size_t half, const Starts& starts,
                                               const BlockRows& x, __m512i (&sum)[kTokens][2]) {
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) sum[t][0] = sum[t][1] = starts(t, half);
#pragma GCC unroll 4
    for (std::size_t g = 4 * half; g < 4 * half + 4; ++g) {
      const __m512i w0 = block.code(0, g);
      const __m512i w1 = block.code(1, g);
#pragma GCC unroll 6
      for (std::size_t t = 0; t < kTokens; ++t) {
        const __m512i v = x.group(t, g);
        sum[t][0] = _mm512_dpbusd_epi32(sum[t][0], w0, v);
        sum[t][1] = _mm512_dpbusd_epi32(sum[t][1], w1, v);
      }
    }
  }

  template <typename F>
  [[gnu::always_inline]] static __m512 join(__m512i first, __m512i second, const __m512i (&half)[2]) {
    if constexpr (kNarrow<F>) {
      const __m512i pairs = _mm512_mask_blend_epi16(0xaaaaaaaa, first, _mm512_slli_epi32(second, 16));
      return _mm512_cvtepi32_ps(_mm512_madd_epi16(pairs, half[0]));
    } else {
      // In floats, exactly: 16 * 32 * 127 * 128 and twice that are below 2^24. Only a zero may be negative
      // where the integer is none; it then joins an accumulator that is no negative zero, which without
      // minimums none ever is.
      static_assert(!F::kMinimum);
      const __m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(first), _mm512_castsi512_ps(half[0]));
      return _mm512_fmadd_ps(_mm512_cvtepi32_ps(second), _mm512_castsi512_ps(half[1]), scaled);
    }
  }
};

}  // namespace
}  // namespace garam::kernels::avx512
