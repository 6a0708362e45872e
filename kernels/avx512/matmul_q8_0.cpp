// q8_0 products without vpdpbusd. vpmaddubsw saturates on unsigned weights (255 * 127 twice), so weights
// become magnitudes and their signs move to the activations: a pair is at most 2 * 128 * 127 = 32512. Two
// such pairs would overflow, so each is widened to int32 before it is added.
#include "kernels/avx512/matmul_blocks.h"
#include "kernels/avx512/parts.h"

namespace garam::kernels::avx512 {
namespace {

struct Q8_0 {
  static constexpr Format kFormat = Format::kQ8_0;
  static constexpr std::size_t kAheadFromRows = 6;

  struct Weights {
    __m512i magnitude;
    __mmask64 negative;
  };

  [[gnu::always_inline]] static Weights load(const std::byte* w) {
    const __m512i value = _mm512_xor_si512(load_weights(w), _mm512_set1_epi8(-128));
    return {_mm512_abs_epi8(value), _mm512_movepi8_mask(value)};
  }

  /// Four products each, in int32.
  [[gnu::always_inline]] static __m512i multiply(const Weights& w, __m512i v) {
    const __m512i flipped = _mm512_mask_sub_epi8(v, w.negative, _mm512_setzero_si512(), v);
    return _mm512_madd_epi16(_mm512_maddubs_epi16(w.magnitude, flipped), _mm512_set1_epi16(1));
  }

  template <std::size_t kTokens>
  [[gnu::always_inline]] static void dot(const std::byte* w, const BlockRows& q,
                                         __m512i (&isum)[kTokens][2]) {
#pragma GCC unroll 16
    for (std::size_t t = 0; t < kTokens; ++t) isum[t][0] = isum[t][1] = _mm512_setzero_si512();
      // Not unrolled: gcc would gather all 8 additions of a sum behind the last product and spill the
      // products.
#pragma GCC unroll 1
    for (std::size_t g = 0; g < 8; ++g) {
      const Weights w0 = load(w + g * kGroupBytes);
      const Weights w1 = load(w + g * kGroupBytes + kGroupBytes / 2);
#pragma GCC unroll 16
      for (std::size_t t = 0; t < kTokens; ++t) {
        const __m512i v = q.group(t, g);
        isum[t][0] = _mm512_add_epi32(isum[t][0], multiply(w0, v));
        isum[t][1] = _mm512_add_epi32(isum[t][1], multiply(w1, v));
      }
    }
  }
};

}  // namespace

void matmul_q8_0(const Matmul& m) {
  blocks_matmul<Q8_0>(m);
}

}  // namespace garam::kernels::avx512
