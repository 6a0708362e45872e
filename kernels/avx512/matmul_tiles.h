// Loads and stores that every register tile of this set needs. In an anonymous namespace, so that nothing
// made from it is visible outside the file that includes it.
#pragma once

#include <immintrin.h>

#include "kernels/simd/tiles.h"

namespace garam::kernels::avx512 {
namespace {

/// Two panels must fit in 1 MiB of L2 (Zen 4 and later).
inline constexpr std::size_t kAheadBytes = std::size_t{384} << 10;

[[gnu::always_inline]] inline __m512i load_weights(const std::byte* from) {
  return _mm512_load_si512(from);
}

/// 16 f16 values, exactly.
[[gnu::always_inline]] inline __m512 load_f16(const std::byte* from) {
  return _mm512_cvtph_ps(_mm256_load_si256(reinterpret_cast<const __m256i*>(from)));
}

/// The four bytes at `from`, of any alignment, in every lane.
[[gnu::always_inline]] inline __m512i broadcast_4_bytes(const void* from) {
  int bytes;
  __builtin_memcpy(&bytes, from, sizeof bytes);
  return _mm512_set1_epi32(bytes);
}

/// What the sums of a tile begin with: zero, or what out holds.
template <std::size_t kTokens>
[[gnu::always_inline]] inline void start_tile(__m512 (&acc)[kTokens][2], bool from_out, const float* out,
                                              std::size_t stride) {
#pragma GCC unroll 16
  for (std::size_t t = 0; t < kTokens; ++t) {
    acc[t][0] = from_out ? _mm512_loadu_ps(out + t * stride) : _mm512_setzero_ps();
    acc[t][1] = from_out ? _mm512_loadu_ps(out + t * stride + 16) : _mm512_setzero_ps();
  }
}

/// The 32 outputs of each row of a tile.
template <std::size_t kTokens>
[[gnu::always_inline]] inline void store_tile(const __m512 (&acc)[kTokens][2], float* out,
                                              std::size_t stride) {
#pragma GCC unroll 16
  for (std::size_t t = 0; t < kTokens; ++t) {
    _mm512_storeu_ps(out + t * stride, acc[t][0]);
    _mm512_storeu_ps(out + t * stride + 16, acc[t][1]);
  }
}

}  // namespace
}  // namespace garam::kernels::avx512
