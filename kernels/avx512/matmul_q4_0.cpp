// q4_0 products without vpdpbusd. A pair of nibbles times activations is at most 2 * 15 * 127 = 3810, so all
// 8 pairs that a 16-bit lane sees in a block fit (30480) and are widened to int32 once.
#include "kernels/avx512/matmul_blocks.h"
#include "kernels/avx512/parts.h"

namespace garam::kernels::avx512 {
namespace {

struct Q4_0 {
  static constexpr Format kFormat = Format::kQ4_0;
  static constexpr std::size_t kAheadFromRows = 4;

  /// Adds the products of four groups of k, those of the low nibbles or those of the high ones, in 16 bits.
  template <int kShift, std::size_t kTokens>
  [[gnu::always_inline]] static void add(const std::byte* w, const BlockRows& q, __m512i (&sum)[kTokens][2]) {
    const __m512i low = _mm512_set1_epi8(15);
    // Not unrolled: gcc would gather all additions of a sum behind the last product and spill the products.
#pragma GCC unroll 1
    for (std::size_t g = 0; g < 4; ++g) {
      const __m512i w0 = _mm512_and_si512(_mm512_srli_epi16(load_weights(w), kShift), low);
      const __m512i w1 = _mm512_and_si512(_mm512_srli_epi16(load_weights(w + kGroupBytes / 2), kShift), low);
      w += kGroupBytes;
#pragma GCC unroll 16
      for (std::size_t t = 0; t < kTokens; ++t) {
        const __m512i v = q.group(t, g + kShift);
        sum[t][0] = _mm512_add_epi16(sum[t][0], _mm512_maddubs_epi16(w0, v));
        sum[t][1] = _mm512_add_epi16(sum[t][1], _mm512_maddubs_epi16(w1, v));
      }
    }
  }

  template <std::size_t kTokens>
  [[gnu::always_inline]] static void dot(const std::byte* w, const BlockRows& q,
                                         __m512i (&isum)[kTokens][2]) {
#pragma GCC unroll 16
    for (std::size_t t = 0; t < kTokens; ++t) isum[t][0] = isum[t][1] = _mm512_setzero_si512();
    add<0>(w, q, isum);
    add<4>(w, q, isum);
    const __m512i ones = _mm512_set1_epi16(1);
#pragma GCC unroll 16
    for (std::size_t t = 0; t < kTokens; ++t) {
      const __m512i offset = q.minus_offset<3>(t);
      isum[t][0] = _mm512_add_epi32(_mm512_madd_epi16(isum[t][0], ones), offset);
      isum[t][1] = _mm512_add_epi32(_mm512_madd_epi16(isum[t][1], ones), offset);
    }
  }
};

}  // namespace

void matmul_q4_0(const Matmul& m) {
  blocks_matmul<Q4_0>(m);
}

}  // namespace garam::kernels::avx512
