// The 16-lane vocabulary of kernels/simd in AVX2: two registers of 8 lanes, masks as all-ones lanes. In an
// anonymous namespace, so that nothing made from it is visible outside the file that includes it.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace garam::kernels::avx2 {
namespace {

struct Lanes {
  struct F {
    __m256 low, high;
  };
  struct I {
    __m256i low, high;
  };
  using Mask = I;

  /// All 16 lanes, or only the first few: the rest is neither read nor written, and reads as +0.
  struct Full {};
  struct Tail {
    Mask mask;
    std::size_t count;
  };
  static Tail tail(std::size_t count) {
    const __m256i n = _mm256_set1_epi32(static_cast<int>(count));
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return {
        {_mm256_cmpgt_epi32(n, lane), _mm256_cmpgt_epi32(n, _mm256_add_epi32(lane, _mm256_set1_epi32(8)))},
        count};
  }

  static F zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  static F set(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static F load(const float* p, Full) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static F load_f16(const std::uint16_t* p) {
    const auto* from = reinterpret_cast<const __m128i*>(p);
    return {_mm256_cvtph_ps(_mm_loadu_si128(from)), _mm256_cvtph_ps(_mm_loadu_si128(from + 1))};
  }
  static F load_int8(const std::int8_t* p) {
    const auto eight = [](const std::int8_t* from) {
      return _mm256_cvtepi32_ps(
          _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
    };
    return {eight(p), eight(p + 8)};
  }
  static F load(const float* p, Tail t) {
    return {_mm256_maskload_ps(p, t.mask.low), _mm256_maskload_ps(p + 8, t.mask.high)};
  }
  static void store(float* p, F x, Full) {
    _mm256_storeu_ps(p, x.low);
    _mm256_storeu_ps(p + 8, x.high);
  }
  static void store(float* p, F x, Tail t) {
    _mm256_maskstore_ps(p, t.mask.low, x.low);
    _mm256_maskstore_ps(p + 8, t.mask.high, x.high);
  }
  static F keep(F x, Full) { return x; }
  static F keep(F x, Tail t) { return from_bits(bit_and(bits(x), t.mask)); }

  static F add(F a, F b) { return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)}; }
  static F sub(F a, F b) { return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)}; }
  static F mul(F a, F b) { return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)}; }
  static F div(F a, F b) { return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)}; }
  static F fma(F a, F b, F c) {
    return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
  }
  static F negate(F x) {
    const __m256 sign = _mm256_set1_ps(-0.0f);
    return {_mm256_xor_ps(x.low, sign), _mm256_xor_ps(x.high, sign)};
  }
  static F sqrt(F x) { return {_mm256_sqrt_ps(x.low), _mm256_sqrt_ps(x.high)}; }
  static float sqrt(float x) { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x))); }
  /// Of finite values.
  static F clamp(F x, float limit) {
    const __m256 upper = _mm256_set1_ps(limit);
    const __m256 lower = _mm256_set1_ps(-limit);
    return {_mm256_max_ps(_mm256_min_ps(x.low, upper), lower),
            _mm256_max_ps(_mm256_min_ps(x.high, upper), lower)};
  }
  /// The larger of each pair, b where either is NaN.
  static F max(F a, F b) { return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)}; }
  /// The smaller of each pair, the second where either is NaN.
  static F min(F a, F b) { return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)}; }
  /// Largest lane, of lanes that are not NaN.
  static float largest(F x) {
    const __m256 a = _mm256_max_ps(x.low, x.high);
    const __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 c = _mm_max_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_max_ss(c, _mm_movehdup_ps(c)));
  }
  /// Sum of the lanes as numerics rule 7 adds stripes: lane i and i + 8, then 4, 2, 1.
  static float sum_of_stripes(F x) {
    const __m256 a = _mm256_add_ps(x.low, x.high);
    const __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
  }
  /// Lanes [begin, end).
  static Mask range(std::int32_t begin, std::int32_t end) {
    const I lane = {_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7),
                    _mm256_setr_epi32(8, 9, 10, 11, 12, 13, 14, 15)};
    return bit_and(less(set_int(begin - 1), lane), less(lane, set_int(end)));
  }
  static Mask less(F a, F b) {
    return bits(F{_mm256_cmp_ps(a.low, b.low, _CMP_LT_OQ), _mm256_cmp_ps(a.high, b.high, _CMP_LT_OQ)});
  }
  static Mask is_nan(F x) {
    return bits(F{_mm256_cmp_ps(x.low, x.low, _CMP_UNORD_Q), _mm256_cmp_ps(x.high, x.high, _CMP_UNORD_Q)});
  }
  static F select(Mask m, F yes, F no) {
    const F mask = from_bits(m);
    return {_mm256_blendv_ps(no.low, yes.low, mask.low), _mm256_blendv_ps(no.high, yes.high, mask.high)};
  }
  /// +0 in the lanes of m.
  static F clear(Mask m, F x) {
    const F mask = from_bits(m);
    return {_mm256_andnot_ps(mask.low, x.low), _mm256_andnot_ps(mask.high, x.high)};
  }

  static I set_int(std::int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
  static I bits(F x) { return {_mm256_castps_si256(x.low), _mm256_castps_si256(x.high)}; }
  static F from_bits(I x) { return {_mm256_castsi256_ps(x.low), _mm256_castsi256_ps(x.high)}; }
  static I add(I a, I b) { return {_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)}; }
  static I max(I a, I b) { return {_mm256_max_epi32(a.low, b.low), _mm256_max_epi32(a.high, b.high)}; }
  static I bit_and(I a, I b) { return {_mm256_and_si256(a.low, b.low), _mm256_and_si256(a.high, b.high)}; }
  static I bit_or(I a, I b) { return {_mm256_or_si256(a.low, b.low), _mm256_or_si256(a.high, b.high)}; }
  template <int kCount>
  static I shift_left(I x) {
    return {_mm256_slli_epi32(x.low, kCount), _mm256_slli_epi32(x.high, kCount)};
  }
  template <int kCount>
  static I shift_right(I x) {
    return {_mm256_srli_epi32(x.low, kCount), _mm256_srli_epi32(x.high, kCount)};
  }
  static Mask less(I a, I b) {
    return {_mm256_cmpgt_epi32(b.low, a.low), _mm256_cmpgt_epi32(b.high, a.high)};
  }
  static I select(Mask m, I yes, I no) { return bits(select(m, from_bits(yes), from_bits(no))); }
  /// Zero in lanes 4i + 2 and 4i + 3.
  static I keep_even_pairs(I x) {
    const __m256i mask = _mm256_setr_epi32(-1, -1, 0, 0, -1, -1, 0, 0);
    return bit_and(x, {mask, mask});
  }
  static I nearest(F x) { return {_mm256_cvtps_epi32(x.low), _mm256_cvtps_epi32(x.high)}; }

  /// Largest lane, and the sum of the lanes.
  static std::int32_t largest(I x) {
    const __m256i a = _mm256_max_epi32(x.low, x.high);
    const __m128i b = _mm_max_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    const __m128i c = _mm_max_epi32(b, _mm_shuffle_epi32(b, 0x4e));
    return _mm_cvtsi128_si32(_mm_max_epi32(c, _mm_shuffle_epi32(c, 0xb1)));
  }
  static std::int32_t total(I x) {
    const __m256i a = _mm256_add_epi32(x.low, x.high);
    const __m128i b = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    const __m128i c = _mm_add_epi32(b, _mm_shuffle_epi32(b, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(c, _mm_shuffle_epi32(c, 0xb1)));
  }

  /// The lanes, all in [-128, 127], as bytes.
  static void store_int8(std::int8_t* p, I x) {
    // Packing works within 128-bit halves: the permutation puts the four quarters back in order.
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(x.low, x.high), 0xd8);
    const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bytes);
  }
  /// The lanes, all in [0, 65535], as 16 bits.
  static void store_uint16(std::uint16_t* p, I x, Full) {
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packus_epi32(x.low, x.high), 0xd8);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), words);
  }
  static void store_uint16(std::uint16_t* p, I x, Tail t) {
    std::uint16_t row[16];
    store_uint16(row, x, Full{});
    for (std::size_t i = 0; i < t.count; ++i) p[i] = row[i];
  }
  /// Rounded to f16, nearest even.
  static void store_f16(std::uint16_t* p, F x, Full) {
    auto* to = reinterpret_cast<__m128i*>(p);
    _mm_storeu_si128(to, _mm256_cvtps_ph(x.low, _MM_FROUND_TO_NEAREST_INT));
    _mm_storeu_si128(to + 1, _mm256_cvtps_ph(x.high, _MM_FROUND_TO_NEAREST_INT));
  }
  static void store_f16(std::uint16_t* p, F x, Tail t) {
    std::uint16_t row[16];
    store_f16(row, x, Full{});
    for (std::size_t i = 0; i < t.count; ++i) p[i] = row[i];
  }

  /// 32 floats p[2i], p[2i + 1] into lanes i of a and b, and back.
  static void load_pairs(const float* p, F& a, F& b) {
    split(_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8), a.low, b.low);
    split(_mm256_loadu_ps(p + 16), _mm256_loadu_ps(p + 24), a.high, b.high);
  }
  static void store_pairs(float* p, F a, F b) {
    join(p, a.low, b.low);
    join(p + 16, a.high, b.high);
  }

 private:
  static void split(__m256 x, __m256 y, __m256& even, __m256& odd) {
    const auto in_order = [](__m256 v) {
      return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(v), 0xd8));
    };
    even = in_order(_mm256_shuffle_ps(x, y, 0x88));
    odd = in_order(_mm256_shuffle_ps(x, y, 0xdd));
  }
  static void join(float* p, __m256 even, __m256 odd) {
    const __m256 x = _mm256_unpacklo_ps(even, odd);
    const __m256 y = _mm256_unpackhi_ps(even, odd);
    _mm256_storeu_ps(p, _mm256_permute2f128_ps(x, y, 0x20));
    _mm256_storeu_ps(p + 8, _mm256_permute2f128_ps(x, y, 0x31));
  }
};

}  // namespace
}  // namespace garam::kernels::avx2
