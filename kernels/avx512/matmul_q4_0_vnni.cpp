// q4_0 products with vpdpbusd: nibbles are taken apart in registers, which costs nothing beside the dots. The
// accumulator starts from what the weights' offset of 8 adds too much.
#include "kernels/avx512/matmul_blocks.h"
#include "kernels/avx512/parts.h"

namespace garam::kernels::avx512 {
namespace {

struct Q4_0Vnni {
  static constexpr Format kFormat = Format::kQ4_0;
  static constexpr std::size_t kAheadFromRows = 4;

  /// One group of k, weights in bytes.
  template <std::size_t kTokens>
  [[gnu::always_inline]] static void add(__m512i w0, __m512i w1, const BlockRows& q, std::size_t group,
                                         __m512i (&isum)[kTokens][2]) {
#pragma GCC unroll 16
    for (std::size_t t = 0; t < kTokens; ++t) {
      const __m512i v = q.group(t, group);
      isum[t][0] = _mm512_dpbusd_epi32(isum[t][0], w0, v);
      isum[t][1] = _mm512_dpbusd_epi32(isum[t][1], w1, v);
    }
  }

  template <std::size_t kTokens>
  [[gnu::always_inline]] static void dot(const std::byte* w, const BlockRows& q,
                                         __m512i (&isum)[kTokens][2]) {
    const __m512i low = _mm512_set1_epi8(15);
#pragma GCC unroll 16
    for (std::size_t t = 0; t < kTokens; ++t) {
      isum[t][0] = isum[t][1] = q.minus_offset<3>(t);
    }
#pragma GCC unroll 4
    for (std::size_t g = 0; g < 4; ++g) {
      const __m512i w0 = load_weights(w + g * kGroupBytes);
      const __m512i w1 = load_weights(w + g * kGroupBytes + kGroupBytes / 2);
      add(_mm512_and_si512(w0, low), _mm512_and_si512(w1, low), q, g, isum);
      add(_mm512_and_si512(_mm512_srli_epi16(w0, 4), low), _mm512_and_si512(_mm512_srli_epi16(w1, 4), low), q,
          g + 4, isum);
    }
  }
};

}  // namespace

void matmul_q4_0_vnni(const Matmul& m) {
  blocks_matmul<Q4_0Vnni>(m);
}

}  // namespace garam::kernels::avx512
