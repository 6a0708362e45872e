// A matrix the other way round, 8 x 8 values in registers at a time. In an anonymous namespace, so that
// nothing made from it is visible outside the file that includes it.
#pragma once

#include <immintrin.h>

#include <cstddef>

namespace garam::kernels::avx2 {
namespace {

/// to[c][r] = from[r][c] of 8 x 8 values.
[[gnu::always_inline]] inline void transpose_square(const float* from, std::size_t from_stride, float* to,
                                                    std::size_t to_stride) {
  // Rows i and i + 4 share a register from the start: then no value crosses a register's half again.
  __m256 r[8];
#pragma GCC unroll 4
  for (std::size_t i = 0; i < 4; ++i) {
    const auto both = [&](std::size_t column) {
      const __m256 low = _mm256_castps128_ps256(_mm_loadu_ps(from + i * from_stride + column));
      return _mm256_insertf128_ps(low, _mm_loadu_ps(from + (i + 4) * from_stride + column), 1);
    };
    r[i] = both(0);
    r[i + 4] = both(4);
  }
#pragma GCC unroll 2
  for (std::size_t half = 0; half < 8; half += 4) {
    const __m256 a = _mm256_unpacklo_ps(r[half], r[half + 1]), b = _mm256_unpackhi_ps(r[half], r[half + 1]);
    const __m256 c = _mm256_unpacklo_ps(r[half + 2], r[half + 3]),
                 d = _mm256_unpackhi_ps(r[half + 2], r[half + 3]);
    float* const out = to + half * to_stride;
    _mm256_storeu_ps(out, _mm256_shuffle_ps(a, c, 0x44));
    _mm256_storeu_ps(out + to_stride, _mm256_shuffle_ps(a, c, 0xee));
    _mm256_storeu_ps(out + 2 * to_stride, _mm256_shuffle_ps(b, d, 0x44));
    _mm256_storeu_ps(out + 3 * to_stride, _mm256_shuffle_ps(b, d, 0xee));
  }
}

void transpose(const float* from, std::size_t from_stride, std::size_t rows, std::size_t columns, float* to,
               std::size_t to_stride) {
  const std::size_t whole_rows = rows / 8 * 8, whole_columns = columns / 8 * 8;
  for (std::size_t r = 0; r < whole_rows; r += 8) {
    for (std::size_t c = 0; c < whole_columns; c += 8) {
      transpose_square(from + r * from_stride + c, from_stride, to + c * to_stride + r, to_stride);
    }
  }
  for (std::size_t c = 0; c < columns; ++c) {
    for (std::size_t r = c < whole_columns ? whole_rows : 0; r < rows; ++r) {
      to[c * to_stride + r] = from[r * from_stride + c];
    }
  }
}

}  // namespace
}  // namespace garam::kernels::avx2
