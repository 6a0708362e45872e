// Dots without vpdpbusd: vpmaddubsw adds the products of two unsigned codes and two signed activations to 16
// bits, with saturation, so no sum may come near its end.
#pragma once

#include "kernels/avx512/matmul_blocks.h"

namespace garam::kernels::avx512 {
namespace {

struct Pairs {
  static constexpr const char* kName = "avx512";
  template <bool>
  using On = Pairs;
  /// Scales meet the sums of 16 bits in the instruction that widens them.
  static constexpr bool kFolds = false;
  static constexpr bool kTogether = false;
  static constexpr bool kFoursForHalves = false;
  static constexpr bool kWide = false;

  template <typename F>
  [[gnu::always_inline]] static void prepare(__m512i halves, Halves& half) {
    half.scale[0] = first_twice(halves);
    half.scale[1] = second_twice(halves);
  }

  template <typename Source, std::size_t kTokens, typename Fetch>
  [[gnu::always_inline]] static void whole(const typename Source::Block& block, const BlockRows& x,
                                           const Fetch& fetch, __m512i (&isum)[kTokens][2]) {
    if constexpr (Source::kSum == Sum::kBytes) {
      whole_of_bytes(block, x, fetch, isum);
    } else {
      whole_of_bits<Source::kCentre, Source::kOffset>(block, x, fetch, isum);
    }
  }

  /// Every row's own lanes say where its sums start.
  template <typename F, std::size_t kTokens>
  struct Starts {
    explicit Starts(const BlockRows&) {}
  };

  /// Each half has 8 products a lane of 16 bits, at most 8 * 32 * 127 = 32512 once centred.
  template <typename F, std::size_t kTokens, typename Block, typename Fetch>
  [[gnu::always_inline]] static void halves(const Block& block, std::size_t r, const Halves& half,
                                            const Starts<F, kTokens>&, const BlockRows& x, const Fetch& fetch,
                                            __m512 (&isum)[kTokens]) {
    static_assert(F::kCentre == F::kOffset);
    __m512i sum[kTokens][2];
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) {
      sum[t][0] = minus_centre<F::kCentre>(x.at(t).minus_lanes[0]);
      sum[t][1] = minus_centre<F::kCentre>(x.at(t).minus_lanes[1]);
    }
#pragma GCC unroll 4
    for (std::size_t g = 0; g < 4; ++g) {
      fetch.group(g + 4 * r);
      const __m512i w0 = block.code(r, g);
      const __m512i w1 = block.code(r, g + 4);
#pragma GCC unroll 6
      for (std::size_t t = 0; t < kTokens; ++t) {
        add(sum[t][0], w0, x.group(t, g));
        add(sum[t][1], w1, x.group(t, g + 4));
      }
    }
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) {
      const __m512i first = _mm512_madd_epi16(sum[t][0], half.scale[0]);
      isum[t] = _mm512_cvtepi32_ps(_mm512_add_epi32(first, _mm512_madd_epi16(sum[t][1], half.scale[1])));
    }
  }

 private:
  /// sum += the products of pairs, in 16 bits.
  [[gnu::always_inline]] static void add(__m512i& sum, __m512i w, __m512i v) {
    sum = _mm512_add_epi16(sum, _mm512_maddubs_epi16(w, v));
    settle(sum);
  }

  /// Sums of 16 bits start here: at minus kCentre times the activations that each lane will see.
  template <int kCentre>
  [[gnu::always_inline]] static __m512i minus_centre(const std::int16_t (&minus_lanes)[2]) {
    if constexpr (kCentre == 0) {
      return _mm512_setzero_si512();
    } else if constexpr (kCentre == 12) {
      return _mm512_mullo_epi16(broadcast_4_bytes(minus_lanes), _mm512_set1_epi16(12));
    } else {
      static_assert((kCentre & (kCentre - 1)) == 0);
      return _mm512_slli_epi16(broadcast_4_bytes(minus_lanes), __builtin_ctz(kCentre));
    }
  }

  /// The 16 products of a lane are at most 16 * 16 * 127 = 32512 once centred.
  template <int kCentre, int kOffset, std::size_t kTokens, typename Block, typename Fetch>
  [[gnu::always_inline]] static void whole_of_bits(const Block& block, const BlockRows& x, const Fetch& fetch,
                                                   __m512i (&isum)[kTokens][2]) {
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) {
      isum[t][0] = isum[t][1] = minus_centre<kCentre>(x.at(t).minus_all_lanes);
    }
#pragma GCC unroll 8
    for (std::size_t i = 0; i < 8; ++i) {
      fetch.group(i);
      const std::size_t g = block.group(i);
      const __m512i w0 = block.code(0, g);
      const __m512i w1 = block.code(1, g);
#pragma GCC unroll 6
      for (std::size_t t = 0; t < kTokens; ++t) {
        const __m512i v = x.group(t, g);
        add(isum[t][0], w0, v);
        add(isum[t][1], w1, v);
      }
    }
    const __m512i ones = _mm512_set1_epi16(1);
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) {
      isum[t][0] = _mm512_madd_epi16(isum[t][0], ones);
      isum[t][1] = _mm512_madd_epi16(isum[t][1], ones);
      if constexpr (kCentre != kOffset) {
        static_assert(kOffset == 0);
        const __m512i back = minus_times<kCentre>(x.at(t));
        isum[t][0] = _mm512_sub_epi32(isum[t][0], back);
        isum[t][1] = _mm512_sub_epi32(isum[t][1], back);
      }
    }
  }

  /// Codes of 8 bits saturate (255 * 127 twice), so they become magnitudes and their signs move to the
  /// activations: a pair is at most 2 * 128 * 127 = 32512. Two such pairs would overflow, so each is widened
  /// before it is added.
  struct Signed {
    __m512i magnitude;
    __mmask64 negative;
  };
  [[gnu::always_inline]] static Signed signed_of(__m512i code) {
    const __m512i value = _mm512_xor_si512(code, _mm512_set1_epi8(-128));
    return {_mm512_abs_epi8(value), _mm512_movepi8_mask(value)};
  }
  [[gnu::always_inline]] static void add_widened(__m512i& sum, const Signed& w, __m512i v) {
    const __m512i flipped = _mm512_mask_sub_epi8(v, w.negative, _mm512_setzero_si512(), v);
    const __m512i pairs = _mm512_maddubs_epi16(w.magnitude, flipped);
    sum = _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
    settle(sum);
  }
  template <std::size_t kTokens, typename Block, typename Fetch>
  [[gnu::always_inline]] static void whole_of_bytes(const Block& block, const BlockRows& x,
                                                    const Fetch& fetch, __m512i (&isum)[kTokens][2]) {
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) isum[t][0] = isum[t][1] = _mm512_setzero_si512();
#pragma GCC unroll 8
    for (std::size_t i = 0; i < 8; ++i) {
      fetch.group(i);
      const std::size_t g = block.group(i);
      const Signed w0 = signed_of(block.code(0, g));
      const Signed w1 = signed_of(block.code(1, g));
#pragma GCC unroll 6
      for (std::size_t t = 0; t < kTokens; ++t) {
        const __m512i v = x.group(t, g);
        add_widened(isum[t][0], w0, v);
        add_widened(isum[t][1], w1, v);
      }
    }
  }
};

}  // namespace
}  // namespace garam::kernels::avx512
