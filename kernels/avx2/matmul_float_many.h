// Products of f32, f16 and bf16 weights with more rows than one tile has: 128 k of a panel are brought to f32
// once, 16 KiB of L1, then every tile multiplies with them. Between two stretches of k the sums wait in
// `out`. In an anonymous namespace, so that nothing made from it is visible outside the file that includes
// it.
#pragma once

#include "kernels/avx2/matmul_parts.h"

namespace garam::kernels::avx2 {
namespace {

inline constexpr std::size_t kStretch = 128;

/// [k][32 rows], in the order in which they are multiplied.
struct alignas(64) Stretch {
  float w[kStretch][kPanelRows];
};

// How a format comes to f32:
//   kRowBytes, kElements                       of one k of a panel, k of one step
//   weights(panel, k, count, room)             `count` k from `k` on, in `room` or where they are
//   rows(m, first, k, count, tokens, room, stride)   the same of activation rows; sets their distance

struct ManyF32 {
  static constexpr std::size_t kRowBytes = 4 * kPanelRows;
  static constexpr std::size_t kElements = 1;
  static const float* weights(const std::byte* panel, std::size_t k, std::size_t, Stretch&) {
    return reinterpret_cast<const float*>(panel + k * kRowBytes);
  }
  static const float* rows(const Matmul& m, std::size_t first, std::size_t k, std::size_t, std::size_t,
                           float*, std::size_t& stride) {
    stride = m.x_stride;
    return static_cast<const float*>(m.x) + first * stride + k;
  }
};

struct ManyF16 {
  static constexpr std::size_t kRowBytes = 2 * kPanelRows;
  static constexpr std::size_t kElements = 1;
  static const float* weights(const std::byte* panel, std::size_t k, std::size_t count, Stretch& room) {
    const std::byte* from = panel + k * kRowBytes;
    for (std::size_t i = 0; i < count * kPanelRegisters; ++i) {
      _mm256_store_ps(&room.w[0][0] + kLanes8 * i, load_f16(from + 2 * kLanes8 * i));
    }
    return &room.w[0][0];
  }
  static const float* rows(const Matmul& m, std::size_t first, std::size_t k, std::size_t count,
                           std::size_t tokens, float* room, std::size_t& stride) {
    return ManyF32::rows(m, first, k, count, tokens, room, stride);
  }
};

/// Of each pair the odd element comes first (numerics rule 4).
struct ManyBf16 {
  static constexpr std::size_t kRowBytes = 2 * kPanelRows;
  static constexpr std::size_t kElements = 2;
  static __m256 odd(__m256i pairs) {
    return _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32(static_cast<int>(0xffff0000u))));
  }
  static __m256 even(__m256i pairs) { return _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16)); }

  static const float* weights(const std::byte* panel, std::size_t k, std::size_t count, Stretch& room) {
    const std::byte* from = panel + k * kRowBytes;
    for (std::size_t i = 0; i < count; i += 2) {
      for (std::size_t r = 0; r < kPanelRegisters; ++r) {
        const __m256i pairs = load_weights(from + i * kRowBytes + 32 * r);
        _mm256_store_ps(room.w[i] + kLanes8 * r, odd(pairs));
        _mm256_store_ps(room.w[i + 1] + kLanes8 * r, even(pairs));
      }
    }
    return &room.w[0][0];
  }
  static const float* rows(const Matmul& m, std::size_t first, std::size_t k, std::size_t count,
                           std::size_t tokens, float* room, std::size_t& stride) {
    stride = kStretch;
    for (std::size_t t = 0; t < tokens; ++t) {
      const auto* x = static_cast<const std::uint16_t*>(m.x) + (first + t) * m.x_stride + k;
      float* to = room + t * kStretch;
      std::size_t i = 0;
      for (; i + kLanes8 <= count; i += kLanes8) {
        const __m128i eight = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i));
        const __m256i wide = _mm256_slli_epi32(_mm256_cvtepu16_epi32(eight), 16);
        _mm256_storeu_ps(to + i, _mm256_permute_ps(_mm256_castsi256_ps(wide), 0xb1));
      }
      for (; i < count; ++i) to[i] = __builtin_bit_cast(float, std::uint32_t{x[i ^ 1]} << 16);
    }
    return room;
  }
};

template <std::size_t kTokens>
void float_tile(const float* w, const float* x, std::size_t stride, std::size_t count, bool first, float* out,
                std::size_t out_stride) {
  constexpr std::size_t kWide = wide_for(kTokens);
  for (std::size_t part = 0; part < kPanelRegisters; part += kWide) {
    float* sums = out + kLanes8 * part;
    __m256 acc[kTokens][kWide];
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) {
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kWide; ++r) {
        acc[t][r] = first ? _mm256_setzero_ps() : _mm256_loadu_ps(sums + t * out_stride + kLanes8 * r);
      }
    }
    const float* from = w + kLanes8 * part;
    const float* v = x;
    for (std::size_t k = 0; k < count; ++k) {
      __m256 weights[kWide];
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kWide; ++r) weights[r] = _mm256_load_ps(from + kLanes8 * r);
#pragma GCC unroll 6
      for (std::size_t t = 0; t < kTokens; ++t) {
        const __m256 one = _mm256_broadcast_ss(v + t * stride);
#pragma GCC unroll 4
        for (std::size_t r = 0; r < kWide; ++r) acc[t][r] = _mm256_fmadd_ps(weights[r], one, acc[t][r]);
      }
      from += kPanelRows;
      ++v;
    }
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) {
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kWide; ++r)
        _mm256_storeu_ps(sums + t * out_stride + kLanes8 * r, acc[t][r]);
    }
  }
}

template <typename Many>
void float_many_rows(const Matmul& m) {
  using TileFn = void (*)(const float*, const float*, std::size_t, std::size_t, bool, float*, std::size_t);
  // Shared out evenly, 7 rows and more never leave a tile of fewer than 3.
  static constexpr TileFn kTiles[] = {float_tile<3>, float_tile<4>, float_tile<5>, float_tile<6>};
  const std::size_t k = round_up(m.k, Many::kElements);
  const std::size_t tiles = (m.rows + kMostTokens - 1) / kMostTokens;
  Stretch stretch;
  float room[kMostTokens * kStretch];
  for (std::size_t p = 0; p < m.panel_count; ++p) {
    const std::byte* panel = m.panels + p * k * Many::kRowBytes;
    for (std::size_t from = 0; from < k; from += kStretch) {
      const std::size_t count = k - from < kStretch ? k - from : kStretch;
      const float* w = Many::weights(panel, from, count, stretch);
      for (std::size_t i = 0; i < tiles; ++i) {
        const std::size_t row = m.rows * i / tiles;
        const std::size_t tokens = m.rows * (i + 1) / tiles - row;
        std::size_t stride = 0;
        const float* x = Many::rows(m, row, from, count, tokens, room, stride);
        kTiles[tokens - 3](w, x, stride, count, from == 0 && !m.accumulate,
                           m.out + row * m.out_stride + p * kPanelRows, m.out_stride);
      }
    }
  }
}

}  // namespace
}  // namespace garam::kernels::avx2
