// q4_0 products with vpmaddubsw: a pair of products is at most 2 * 15 * 127 = 3810, so the 8 pairs of a block
// add up in 16 bits (30480) and are widened once.
#include "kernels/avx2/matmul_blocks.h"
#include "kernels/avx2/parts.h"

namespace garam::kernels::avx2 {
namespace {

struct Q4_0 {
  static constexpr Format kFormat = Format::kQ4_0;

  /// Activations as they are.
  template <std::size_t kTokens>
  struct Activations {
    const std::int8_t* x;
    std::size_t x_stride;
    const std::int32_t* sum;
    std::size_t sum_stride;

    [[gnu::always_inline]] void prepare(const Matmul& m, std::size_t first, std::size_t from, std::size_t) {
      x = static_cast<const std::int8_t*>(m.x) + first * m.x_stride + from * kBlock;
      x_stride = m.x_stride;
      sum = m.sum + first * m.scale_stride + from;
      sum_stride = m.scale_stride;
    }
  };

  template <std::size_t kTokens, std::size_t kWide>
  [[gnu::always_inline]] static void add(const __m256i (&w)[kWide], const std::int8_t* x, std::size_t stride,
                                         __m256i (&isum)[kTokens][kWide]) {
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) {
      const __m256i v = broadcast_4_bytes(x + t * stride);
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kWide; ++r) {
        isum[t][r] = _mm256_add_epi16(isum[t][r], _mm256_maddubs_epi16(w[r], v));
      }
    }
  }

  template <std::size_t kTokens, std::size_t kWide>
  [[gnu::always_inline]] static void dot(const std::byte* w, const Activations<kTokens>& q, std::size_t b,
                                         __m256i (&isum)[kTokens][kWide]) {
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) {
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kWide; ++r) isum[t][r] = _mm256_setzero_si256();
    }
    const std::int8_t* x = q.x + b * kBlock;
#pragma GCC unroll 1
    for (std::size_t g = 0; g < 4; ++g) {
      __m256i part[kWide];
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kWide; ++r) {
        part[r] = _mm256_and_si256(load_weights(w + 32 * r), _mm256_set1_epi8(15));
      }
      add<kTokens, kWide>(part, x, q.x_stride, isum);
      forget(w);
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kWide; ++r) {
        part[r] = _mm256_and_si256(_mm256_srli_epi16(load_weights(w + 32 * r), 4), _mm256_set1_epi8(15));
      }
      add<kTokens, kWide>(part, x + 16, q.x_stride, isum);
      w += kGroupBytes;
      x += 4;
    }
    // What weights stored with 8 added add too much.
    const std::int32_t* sum = q.sum + b;
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) {
      const __m256i offset = _mm256_slli_epi32(broadcast_4_bytes(sum + t * q.sum_stride), 3);
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kWide; ++r) {
        isum[t][r] = _mm256_sub_epi32(_mm256_madd_epi16(isum[t][r], _mm256_set1_epi16(1)), offset);
      }
    }
  }
};

}  // namespace

void matmul_q4_0(const Matmul& m) {
  blocks_matmul<Q4_0>(m);
}

}  // namespace garam::kernels::avx2
