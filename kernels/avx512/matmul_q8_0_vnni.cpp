// q8_0 products with vpdpbusd: four unsigned weights times four signed activations, added to an int32 without
// saturation. The accumulator starts from what the weights' offset of 128 adds too much.
#include "kernels/avx512/matmul_blocks.h"
#include "kernels/avx512/parts.h"

namespace garam::kernels::avx512 {
namespace {

struct Q8_0Vnni {
  static constexpr Format kFormat = Format::kQ8_0;
  static constexpr std::size_t kAheadFromRows = 6;

  template <std::size_t kTokens>
  [[gnu::always_inline]] static void dot(const std::byte* w, const BlockRows& q,
                                         __m512i (&isum)[kTokens][2]) {
#pragma GCC unroll 16
    for (std::size_t t = 0; t < kTokens; ++t) {
      isum[t][0] = isum[t][1] = q.minus_offset<7>(t);
    }
#pragma GCC unroll 8
    for (std::size_t g = 0; g < 8; ++g) {
      const __m512i w0 = load_weights(w + g * kGroupBytes);
      const __m512i w1 = load_weights(w + g * kGroupBytes + kGroupBytes / 2);
#pragma GCC unroll 16
      for (std::size_t t = 0; t < kTokens; ++t) {
        const __m512i v = q.group(t, g);
        isum[t][0] = _mm512_dpbusd_epi32(isum[t][0], w0, v);
        isum[t][1] = _mm512_dpbusd_epi32(isum[t][1], w1, v);
      }
    }
  }
};

}  // namespace

void matmul_q8_0_vnni(const Matmul& m) {
  blocks_matmul<Q8_0Vnni>(m);
}

}  // namespace garam::kernels::avx512
