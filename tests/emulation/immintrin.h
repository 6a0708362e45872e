// AVX-512 in software, by SIMDe, for machines whose CPU has none: the kernels of kernels/avx512, and those of
// kernels/avx2 for AVX-VNNI, are compiled with this in front of the compiler's header. What SIMDe 0.7 lacks
// stands below, lane by lane.
#pragma once
#pragma GCC system_header

#include_next <immintrin.h>

// Calls instead of hundreds of inlined bodies in one function: gcc takes minutes for some files otherwise.
#define SIMDE_NO_INLINE
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

#include <cstdint>
#include <cstring>

namespace emulation {

template <typename Lane, typename Register>
inline Lane lane(const Register& r, int i) {
  Lane value;
  std::memcpy(&value, reinterpret_cast<const char*>(&r) + i * sizeof(Lane), sizeof value);
  return value;
}
template <typename Lane, typename Register>
inline void set_lane(Register& r, int i, Lane value) {
  std::memcpy(reinterpret_cast<char*>(&r) + i * sizeof(Lane), &value, sizeof value);
}

template <typename Holds>
inline __mmask16 compare(const __m512i& a, const __m512i& b, Holds holds) {
  unsigned mask = 0;
  for (int i = 0; i < 16; ++i) {
    if (holds(lane<std::int32_t>(a, i), lane<std::int32_t>(b, i))) mask |= 1u << i;
  }
  return static_cast<__mmask16>(mask);
}
inline __mmask16 less(const __m512i& a, const __m512i& b) {
  return compare(a, b, [](std::int32_t x, std::int32_t y) { return x < y; });
}
inline __mmask16 not_equal(const __m512i& a, const __m512i& b) {
  return compare(a, b, [](std::int32_t x, std::int32_t y) { return x != y; });
}

template <typename To, typename Half>
inline Half narrow(const __m512i& a) {
  Half half;
  for (int i = 0; i < 16; ++i) set_lane(half, i, static_cast<To>(lane<std::uint32_t>(a, i)));
  return half;
}

inline __m256 low(const __m512& a) {
  __m256 half;
  std::memcpy(&half, &a, sizeof half);
  return half;
}
inline __m256 high(const __m512& a) {
  __m256 half;
  std::memcpy(&half, reinterpret_cast<const char*>(&a) + sizeof half, sizeof half);
  return half;
}
template <typename Whole, typename Half>
inline Whole join(const Half& a, const Half& b) {
  Whole whole;
  std::memcpy(&whole, &a, sizeof a);
  std::memcpy(reinterpret_cast<char*>(&whole) + sizeof a, &b, sizeof b);
  return whole;
}
inline __m256i low_int(const __m512i& a) {
  __m256i half;
  std::memcpy(&half, &a, sizeof half);
  return half;
}
inline __m256i high_int(const __m512i& a) {
  __m256i half;
  std::memcpy(&half, reinterpret_cast<const char*>(&a) + sizeof half, sizeof half);
  return half;
}

inline __m512 to_float(const __m512i& a) {
  return join<__m512>(_mm256_cvtepi32_ps(low_int(a)), _mm256_cvtepi32_ps(high_int(a)));
}
inline __m512i to_int(const __m512& a) {
  return join<__m512i>(_mm256_cvtps_epi32(low(a)), _mm256_cvtps_epi32(high(a)));
}
inline __m512i from_bytes(const __m128i& a) {
  return join<__m512i>(_mm256_cvtepi8_epi32(a), _mm256_cvtepi8_epi32(_mm_srli_si128(a, 8)));
}
inline __m512 from_half(const __m256i& a) {
  __m128i halves[2];
  std::memcpy(halves, &a, sizeof halves);
  return join<__m512>(_mm256_cvtph_ps(halves[0]), _mm256_cvtph_ps(halves[1]));
}
inline __m256i to_half(const __m512& a) {
  return join<__m256i>(_mm256_cvtps_ph(low(a), 0), _mm256_cvtps_ph(high(a), 0));
}

inline __m512 fused(const __m512& a, const __m512& b, const __m512& c) {
  return join<__m512>(_mm256_fmadd_ps(low(a), low(b), low(c)), _mm256_fmadd_ps(high(a), high(b), high(c)));
}
inline __m512 fused_negated(const __m512& a, const __m512& b, const __m512& c) {
  return join<__m512>(_mm256_fnmadd_ps(low(a), low(b), low(c)), _mm256_fnmadd_ps(high(a), high(b), high(c)));
}

/// a * 2^floor(b), which may be finite where 2^floor(b) is not.
inline __m512 scaled(__m512 a, const __m512& b) {
  for (int i = 0; i < 16; ++i) {
    const float power = lane<float>(b, i);
    const float within = power < -400.0f ? -400.0f : power > 400.0f ? 400.0f : power;
    const bool is_nan = power != power;
    const int exponent = is_nan ? 0 : static_cast<int>(__builtin_floorf(within));
    const double product = is_nan ? power : __builtin_ldexp(lane<float>(a, i), exponent);
    set_lane(a, i, static_cast<float>(product));
  }
  return a;
}

inline void store_some(void* to, __mmask16 mask, const __m512& a) {
  for (int i = 0; i < 16; ++i) {
    if ((mask >> i & 1) != 0)
      std::memcpy(static_cast<char*>(to) + 4 * i, reinterpret_cast<const char*>(&a) + 4 * i, 4);
  }
}
inline __m512 load_some(__mmask16 mask, const void* from) {
  __m512 a = _mm512_setzero_ps();
  for (int i = 0; i < 16; ++i) {
    if ((mask >> i & 1) != 0)
      std::memcpy(reinterpret_cast<char*>(&a) + 4 * i, static_cast<const char*>(from) + 4 * i, 4);
  }
  return a;
}

inline void store_some_16(void* to, __mmask16 mask, const __m256i& a) {
  for (int i = 0; i < 16; ++i) {
    if ((mask >> i & 1) == 0) continue;
    std::memcpy(static_cast<char*>(to) + 2 * i, reinterpret_cast<const char*>(&a) + 2 * i, 2);
  }
}

/// Lanes of `to` out of as many of `from`, whatever their widths.
template <typename To, typename From, typename Register>
inline __m512i widen(const Register& a) {
  static_assert(sizeof(Register) / sizeof(From) == sizeof(__m512i) / sizeof(To));
  __m512i wide;
  for (int i = 0; i < static_cast<int>(sizeof(__m512i) / sizeof(To)); ++i) {
    set_lane(wide, i, static_cast<To>(lane<From>(a, i)));
  }
  return wide;
}
inline __m512i shift_right(const __m512i& a, int count) {
  return join<__m512i>(_mm256_srai_epi32(low_int(a), count), _mm256_srai_epi32(high_int(a), count));
}

inline __m512i multiply_add(const __m512i& a, const __m512i& b) {
  return join<__m512i>(_mm256_madd_epi16(low_int(a), low_int(b)),
                       _mm256_madd_epi16(high_int(a), high_int(b)));
}

/// vpdpbusd: four unsigned bytes times four signed ones.
inline __m256i dot_bytes(__m256i sum, const __m256i& a, const __m256i& b) {
  for (int i = 0; i < 8; ++i) {
    std::int32_t dot = 0;
    for (int j = 4 * i; j < 4 * i + 4; ++j) dot += lane<std::uint8_t>(a, j) * lane<std::int8_t>(b, j);
    set_lane(sum, i, lane<std::uint32_t>(sum, i) + static_cast<std::uint32_t>(dot));
  }
  return sum;
}

/// vdpbf16ps as measured on Zen 4: two chained fused products, the odd element first.
inline __m512 dot_bf16(const __m512& acc, const __m512i& a, const __m512i& b) {
  const __m512i upper = _mm512_set1_epi32(static_cast<int>(0xffff0000u));
  const auto odd = [&](const __m512i& x) { return _mm512_castsi512_ps(_mm512_and_si512(x, upper)); };
  const auto even = [](const __m512i& x) { return _mm512_castsi512_ps(_mm512_slli_epi32(x, 16)); };
  return fused(even(a), even(b), fused(odd(a), odd(b), acc));
}

// AMX: eight tiles of up to 16 rows of 64 bytes, per thread.
struct Tile {
  std::size_t rows = 0, row_bytes = 0;
  std::int8_t bytes[16][64] = {};
};
inline thread_local Tile tiles[8];

inline void tile_loadconfig(const void* config) {
  const auto* from = static_cast<const std::uint8_t*>(config);
  for (int i = 0; i < 8; ++i) {
    tiles[i] = {};
    tiles[i].row_bytes = from[16 + 2 * i];
    tiles[i].rows = from[48 + i];
  }
}
inline void tile_release() {
  for (Tile& tile : tiles) tile = {};
}
inline void tile_zero(int i) {
  std::memset(tiles[i].bytes, 0, sizeof tiles[i].bytes);
}
inline void tile_loadd(int i, const void* base, std::size_t stride) {
  tile_zero(i);
  for (std::size_t r = 0; r < tiles[i].rows; ++r) {
    std::memcpy(tiles[i].bytes[r], static_cast<const char*>(base) + r * stride, tiles[i].row_bytes);
  }
}
inline void tile_stored(int i, void* base, std::size_t stride) {
  for (std::size_t r = 0; r < tiles[i].rows; ++r) {
    std::memcpy(static_cast<char*>(base) + r * stride, tiles[i].bytes[r], tiles[i].row_bytes);
  }
}
inline void tile_dpbssd(int to, int a, int b) {
  for (std::size_t m = 0; m < tiles[to].rows; ++m) {
    for (std::size_t n = 0; n < tiles[to].row_bytes / 4; ++n) {
      std::int32_t sum;
      std::memcpy(&sum, tiles[to].bytes[m] + 4 * n, sizeof sum);
      for (std::size_t k = 0; k < tiles[a].row_bytes; ++k) {
        sum += tiles[a].bytes[m][k] * tiles[b].bytes[k / 4][4 * n + k % 4];
      }
      std::memcpy(tiles[to].bytes[m] + 4 * n, &sum, sizeof sum);
    }
  }
}

}  // namespace emulation

#undef _mm512_fmadd_ps
#undef _mm512_dpbf16_ps
#define _mm512_cmplt_epi32_mask(a, b) emulation::less(a, b)
#define _mm512_cmpneq_epi32_mask(a, b) emulation::not_equal(a, b)
#define _mm512_cvtepi8_epi32(a) emulation::from_bytes(a)
#define _mm512_cvtepi32_epi16(a) (emulation::narrow<std::uint16_t, __m256i>(a))
#define _mm512_cvtepi32_epi8(a) (emulation::narrow<std::uint8_t, __m128i>(a))
#define _mm512_cvtepi8_epi32(a) (emulation::widen<std::int32_t, std::int8_t>(a))
#define _mm512_cvtepu8_epi32(a) (emulation::widen<std::int32_t, std::uint8_t>(a))
#undef _mm512_cvtepi8_epi16
#define _mm512_cvtepi8_epi16(a) (emulation::widen<std::int16_t, std::int8_t>(a))
#define _mm512_cvtepu8_epi16(a) (emulation::widen<std::int16_t, std::uint8_t>(a))
#undef _mm512_srai_epi32
#define _mm512_srai_epi32(a, count) emulation::shift_right(a, count)
#define _mm512_cvtepi32_ps(a) emulation::to_float(a)
#define _mm512_cvtps_epi32(a) emulation::to_int(a)
#define _mm512_cvtph_ps(a) emulation::from_half(a)
#undef _mm512_cvtps_ph
#define _mm512_cvtps_ph(a, rounding) emulation::to_half(a)
#undef _mm512_extractf32x8_ps
#define _mm512_extractf32x8_ps(a, i) emulation::high(a)
#define _mm512_fmadd_ps(a, b, c) emulation::fused(a, b, c)
#undef _mm512_fnmadd_ps
#define _mm512_fnmadd_ps(a, b, c) emulation::fused_negated(a, b, c)
#undef _mm512_fmadd_round_ps
#define _mm512_fmadd_round_ps(a, b, c, rounding) (static_cast<void>(rounding), emulation::fused(a, b, c))
#undef _mm512_scalef_ps
#define _mm512_scalef_ps(a, b) emulation::scaled(a, b)
#undef _mm512_madd_epi16
#define _mm512_madd_epi16(a, b) emulation::multiply_add(a, b)
#undef _mm256_mask_storeu_epi16
#define _mm256_mask_storeu_epi16(to, mask, a) emulation::store_some_16(to, mask, a)
#define _mm512_mask_storeu_ps(to, mask, a) emulation::store_some(to, mask, a)
#define _mm512_maskz_loadu_ps(mask, from) emulation::load_some(mask, from)
#undef _mm512_maskz_loadu_epi32
#define _mm512_maskz_loadu_epi32(mask, from) _mm512_castps_si512(emulation::load_some(mask, from))
#define _mm512_dpbf16_ps(acc, a, b) \
  emulation::dot_bf16(acc, reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b))
#undef _mm256_dpbusd_avx_epi32
#define _mm256_dpbusd_avx_epi32(sum, a, b) emulation::dot_bytes(sum, a, b)

#define _tile_loadconfig emulation::tile_loadconfig
#define _tile_release emulation::tile_release
#define _tile_zero emulation::tile_zero
#define _tile_loadd emulation::tile_loadd
#define _tile_stored emulation::tile_stored
#define _tile_dpbssd emulation::tile_dpbssd
