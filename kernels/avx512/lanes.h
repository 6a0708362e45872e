// The 16-lane vocabulary of kernels/simd in AVX-512: one register, masks in mask registers. In an anonymous
// namespace, so that nothing made from it is visible outside the file that includes it.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace garam::kernels::avx512 {
namespace {

struct Lanes {
  using F = __m512;
  using I = __m512i;
  using Mask = __mmask16;

  /// All 16 lanes, or only the first few: the rest is neither read nor written, and reads as +0.
  struct Full {};
  struct Tail {
    Mask mask;
  };
  static Tail tail(std::size_t count) { return {static_cast<Mask>((1u << count) - 1)}; }

  static F zero() { return _mm512_setzero_ps(); }
  static F set(float x) { return _mm512_set1_ps(x); }
  static F load(const float* p, Full) { return _mm512_loadu_ps(p); }
  static F load_f16(const std::uint16_t* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static F load_int8(const std::int8_t* p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  static F load(const float* p, Tail t) { return _mm512_maskz_loadu_ps(t.mask, p); }
  static void store(float* p, F x, Full) { _mm512_storeu_ps(p, x); }
  static void store(float* p, F x, Tail t) { _mm512_mask_storeu_ps(p, t.mask, x); }
  static F keep(F x, Full) { return x; }
  static F keep(F x, Tail t) { return _mm512_maskz_mov_ps(t.mask, x); }

  static F add(F a, F b) { return _mm512_add_ps(a, b); }
  static F sub(F a, F b) { return _mm512_sub_ps(a, b); }
  static F mul(F a, F b) { return _mm512_mul_ps(a, b); }
  static F div(F a, F b) { return _mm512_div_ps(a, b); }
  static F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  /// p * 2^n takes a pipe as long as an fma does; adding to the exponent takes two instructions, and two more
  /// see to NaN.
  static F times_power_of_two(F p, F n) { return _mm512_scalef_ps(p, n); }
  static F negate(F x) { return from_bits(_mm512_xor_si512(bits(x), set_int(INT32_MIN))); }
  static F sqrt(F x) { return _mm512_sqrt_ps(x); }
  static float sqrt(float x) { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x))); }
  /// Of finite values.
  static F clamp(F x, float limit) { return _mm512_max_ps(_mm512_min_ps(x, set(limit)), set(-limit)); }
  /// The larger of each pair, b where either is NaN.
  static F max(F a, F b) { return _mm512_max_ps(a, b); }
  /// The smaller of each pair, the second where either is NaN.
  static F min(F a, F b) { return _mm512_min_ps(a, b); }
  /// Largest lane, of lanes that are not NaN.
  static float largest(F x) {
    const __m256 a = _mm256_max_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    const __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 c = _mm_max_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_max_ss(c, _mm_movehdup_ps(c)));
  }
  /// Sum of the lanes as numerics rule 7 adds stripes: lane i and i + 8, then 4, 2, 1.
  static float sum_of_stripes(F x) {
    const __m256 a = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    const __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
  }
  /// Lanes [begin, end).
  static Mask range(std::int32_t begin, std::int32_t end) {
    const I lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return static_cast<Mask>(_mm512_cmpge_epi32_mask(lane, set_int(begin)) &
                             _mm512_cmplt_epi32_mask(lane, set_int(end)));
  }
  static Mask less(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
  static Mask is_nan(F x) { return _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q); }
  static F select(Mask m, F yes, F no) { return _mm512_mask_blend_ps(m, no, yes); }
  /// +0 in the lanes of m.
  static F clear(Mask m, F x) { return _mm512_maskz_mov_ps(static_cast<Mask>(~m), x); }

  static I set_int(std::int32_t x) { return _mm512_set1_epi32(x); }
  static I bits(F x) { return _mm512_castps_si512(x); }
  static F from_bits(I x) { return _mm512_castsi512_ps(x); }
  static I add(I a, I b) { return _mm512_add_epi32(a, b); }
  static I max(I a, I b) { return _mm512_max_epi32(a, b); }
  static I bit_and(I a, I b) { return _mm512_and_si512(a, b); }
  static I bit_or(I a, I b) { return _mm512_or_si512(a, b); }
  template <int kCount>
  static I shift_left(I x) {
    return _mm512_slli_epi32(x, kCount);
  }
  template <int kCount>
  static I shift_right(I x) {
    return _mm512_srli_epi32(x, kCount);
  }
  static Mask less(I a, I b) { return _mm512_cmplt_epi32_mask(a, b); }
  static I select(Mask m, I yes, I no) { return _mm512_mask_blend_epi32(m, no, yes); }
  /// Zero in lanes 4i + 2 and 4i + 3.
  static I keep_even_pairs(I x) {
    return bit_and(x, _mm512_setr_epi32(-1, -1, 0, 0, -1, -1, 0, 0, -1, -1, 0, 0, -1, -1, 0, 0));
  }
  static I nearest(F x) { return _mm512_cvtps_epi32(x); }

  /// Largest lane, and the sum of the lanes.
  static std::int32_t largest(I x) {
    const __m256i a = _mm256_max_epi32(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1));
    const __m128i b = _mm_max_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    const __m128i c = _mm_max_epi32(b, _mm_shuffle_epi32(b, 0x4e));
    return _mm_cvtsi128_si32(_mm_max_epi32(c, _mm_shuffle_epi32(c, 0xb1)));
  }
  static std::int32_t total(I x) {
    const __m256i a = _mm256_add_epi32(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1));
    const __m128i b = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    const __m128i c = _mm_add_epi32(b, _mm_shuffle_epi32(b, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(c, _mm_shuffle_epi32(c, 0xb1)));
  }

  /// Low bytes of the lanes.
  static void store_int8(std::int8_t* p, I x) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(x));
  }
  /// Low halves of the lanes.
  static void store_uint16(std::uint16_t* p, I x, Full) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(x));
  }
  static void store_uint16(std::uint16_t* p, I x, Tail t) {
    _mm256_mask_storeu_epi16(p, t.mask, _mm512_cvtepi32_epi16(x));
  }
  /// Rounded to f16, nearest even.
  static void store_f16(std::uint16_t* p, F x, Full) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
  }
  static void store_f16(std::uint16_t* p, F x, Tail t) {
    _mm256_mask_storeu_epi16(p, t.mask, _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
  }

  /// 32 floats p[2i], p[2i + 1] into lanes i of a and b, and back.
  static void load_pairs(const float* p, F& a, F& b) {
    const I even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const F low = _mm512_loadu_ps(p);
    const F high = _mm512_loadu_ps(p + 16);
    a = _mm512_permutex2var_ps(low, even, high);
    b = _mm512_permutex2var_ps(low, add(even, set_int(1)), high);
  }
  static void store_pairs(float* p, F a, F b) {
    const I low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    _mm512_storeu_ps(p, _mm512_permutex2var_ps(a, low, b));
    _mm512_storeu_ps(p + 16, _mm512_permutex2var_ps(a, add(low, set_int(8)), b));
  }
};

}  // namespace
}  // namespace garam::kernels::avx512
