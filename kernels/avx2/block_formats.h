// How the block formats of layout.h are read, 8 rows to a register: what matmul_blocks.h multiplies. A format
// is
//   kFormat, kSum, kMinimum
//   kCentre    what is taken from the codes while 16-bit sums of them are formed; kOffset, what they were
//              stored too large by. The difference is added to the finished sum.
//   code       the codes of k 4g to 4g + 3, one a byte
//   scales     what the float steps of the block multiply with
//   half_scale, minimums   for kHalves, twice the scale of a half or the minimums of both, 16 bits each
// In an anonymous namespace, so that nothing made from it is visible outside the file that includes it.
#pragma once

#include "kernels/avx2/matmul_parts.h"

namespace garam::kernels::avx2 {
namespace {

/// How the integers of a block are summed without leaving 16 bits too early (vpmaddubsw adds two products,
/// each code below 64 times at most 127).
enum class Sum {
  kWhole,   // 16 products of a lane fit 16 bits once centred: at most 16 * 16 * 127 = 32512
  kHalves,  // 8 products fit (8 * 32 * 127 = 32512), then each half meets its own scale
  kWords,   // codes of 8 bits: two products may saturate, so both sides are widened to 16 bits
};

struct Scales {
  __m256 d;  // fl(d * scale) where the scale is one of 32 k
  __m256 m;  // kMinimum: what multiplies fl(da * sa), with its sign
};

[[gnu::always_inline]] inline __m256i low_nibbles(__m256i x) {
  return _mm256_and_si256(x, _mm256_set1_epi8(15));
}

// Planes of 8 rows: `plane` is that of row 0, r counts registers of a panel.
[[gnu::always_inline]] inline __m256i byte_plane(const std::byte* plane, std::size_t r, std::size_t g) {
  return load_weights(plane + 128 * g + 32 * r);
}
[[gnu::always_inline]] inline __m256i nibble_plane(const std::byte* plane, std::size_t r, std::size_t g) {
  const __m256i both = load_weights(plane + 128 * (g % 4) + 32 * r);
  return low_nibbles(g < 4 ? both : _mm256_srli_epi16(both, 4));
}
/// Bits of the pair plane, kUp places higher.
template <int kUp>
[[gnu::always_inline]] inline __m256i pair_plane(const std::byte* plane, std::size_t r, std::size_t g) {
  const __m256i all = load_weights(plane + 128 * (g / 4) + 32 * r);
  const int shift = kUp - 2 * static_cast<int>(g % 4);
  const __m256i moved = shift < 0 ? _mm256_srli_epi16(all, -shift) : _mm256_slli_epi16(all, shift);
  return _mm256_and_si256(moved, _mm256_set1_epi8(3 << kUp));
}
template <int kUp>
[[gnu::always_inline]] inline __m256i bit_plane(const std::byte* plane, std::size_t r, std::size_t g) {
  const __m256i all = load_weights(plane + 32 * r);
  const int shift = kUp - static_cast<int>(g);
  const __m256i moved = shift < 0 ? _mm256_srli_epi16(all, -shift) : _mm256_slli_epi16(all, shift);
  return _mm256_and_si256(moved, _mm256_set1_epi8(1 << kUp));
}

inline constexpr std::size_t kHalfBytes = 2 * kPanelRows;  // a f16 of 32 rows
inline constexpr std::size_t kNibbleBytes = 16 * kPanelRows;
inline constexpr std::size_t kPairBytes = 8 * kPanelRows;

/// f16 number n of the header's [n][32 rows].
[[gnu::always_inline]] inline __m256 half_of(const std::byte* header, std::size_t n, std::size_t r) {
  return load_f16(header + n * kHalfBytes + 16 * r);
}
[[gnu::always_inline]] inline Scales only_d(const std::byte* header, std::size_t r) {
  Scales s;
  s.d = half_of(header, 0, r);
  return s;
}
[[gnu::always_inline]] inline Scales d_and_m(const std::byte* header, std::size_t r) {
  Scales s;
  s.d = half_of(header, 0, r);
  s.m = half_of(header, 1, r);
  return s;
}
[[gnu::always_inline]] inline __m256 negated(__m256 x) {
  return _mm256_xor_ps(x, _mm256_set1_ps(-0.0f));
}

template <Format kTheFormat, Sum kTheSum, bool kHasMinimum, int kTheCentre, int kTheOffset>
struct BlockFormat {
  static constexpr Format kFormat = kTheFormat;
  static constexpr Sum kSum = kTheSum;
  static constexpr bool kMinimum = kHasMinimum;
  static constexpr int kCentre = kTheCentre;
  static constexpr int kOffset = kTheOffset;
};

struct Q8_0 : BlockFormat<Format::kQ8_0, Sum::kWords, false, 128, 128> {
  [[gnu::always_inline]] static __m256i code(const std::byte* planes, std::size_t r, std::size_t g) {
    return byte_plane(planes, r, g);
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t, std::size_t r) {
    return only_d(header, r);
  }
};

struct Q4_0 : BlockFormat<Format::kQ4_0, Sum::kWhole, false, 8, 8> {
  [[gnu::always_inline]] static __m256i code(const std::byte* planes, std::size_t r, std::size_t g) {
    return nibble_plane(planes, r, g);
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t, std::size_t r) {
    return only_d(header, r);
  }
};

struct Q4_1 : BlockFormat<Format::kQ4_1, Sum::kWhole, true, 0, 0> {
  [[gnu::always_inline]] static __m256i code(const std::byte* planes, std::size_t r, std::size_t g) {
    return nibble_plane(planes, r, g);
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t, std::size_t r) {
    return d_and_m(header, r);
  }
};

[[gnu::always_inline]] inline __m256i five_bits(const std::byte* planes, std::size_t r, std::size_t g) {
  return _mm256_or_si256(nibble_plane(planes, r, g), bit_plane<4>(planes + kNibbleBytes, r, g));
}

struct Q5_0 : BlockFormat<Format::kQ5_0, Sum::kWhole, false, 16, 16> {
  [[gnu::always_inline]] static __m256i code(const std::byte* planes, std::size_t r, std::size_t g) {
    return five_bits(planes, r, g);
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t, std::size_t r) {
    return only_d(header, r);
  }
};

struct Q5_1 : BlockFormat<Format::kQ5_1, Sum::kWhole, true, 16, 0> {
  [[gnu::always_inline]] static __m256i code(const std::byte* planes, std::size_t r, std::size_t g) {
    return five_bits(planes, r, g);
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t, std::size_t r) {
    return d_and_m(header, r);
  }
};

/// Scale and minimum of block s out of the three words of 6-bit numbers.
[[gnu::always_inline]] inline Scales six_bit_scales(const std::byte* header, std::size_t s, std::size_t r) {
  const std::byte* packed = header + 2 * kHalfBytes + 32 * r;
  const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(8 * (s % 4)));
  const __m256i first = _mm256_srl_epi32(load_weights(packed), shift);
  const __m256i second = _mm256_srl_epi32(load_weights(packed + 128), shift);
  __m256i scale, minimum;
  if (s < 4) {
    scale = _mm256_and_si256(first, _mm256_set1_epi32(63));
    minimum = _mm256_and_si256(second, _mm256_set1_epi32(63));
  } else {
    const __m256i third = _mm256_srl_epi32(load_weights(packed + 256), shift);
    const __m256i low = _mm256_set1_epi32(15), high = _mm256_set1_epi32(48);
    scale =
        _mm256_or_si256(_mm256_and_si256(third, low), _mm256_and_si256(_mm256_srli_epi32(first, 2), high));
    minimum = _mm256_or_si256(_mm256_and_si256(_mm256_srli_epi32(third, 4), low),
                              _mm256_and_si256(_mm256_srli_epi32(second, 2), high));
  }
  Scales found;
  found.d = _mm256_mul_ps(half_of(header, 0, r), _mm256_cvtepi32_ps(scale));
  found.m = negated(_mm256_mul_ps(half_of(header, 1, r), _mm256_cvtepi32_ps(minimum)));
  return found;
}

struct Q4_K : BlockFormat<Format::kQ4_K, Sum::kWhole, true, 0, 0> {
  [[gnu::always_inline]] static __m256i code(const std::byte* planes, std::size_t r, std::size_t g) {
    return nibble_plane(planes, r, g);
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t s, std::size_t r) {
    return six_bit_scales(header, s, r);
  }
};

struct Q5_K : BlockFormat<Format::kQ5_K, Sum::kWhole, true, 16, 0> {
  [[gnu::always_inline]] static __m256i code(const std::byte* planes, std::size_t r, std::size_t g) {
    return five_bits(planes, r, g);
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t s, std::size_t r) {
    return six_bit_scales(header, s, r);
  }
};

/// The two bytes of block s that belong to each of 8 rows, one for each half, as 16 bits.
[[gnu::always_inline]] inline __m128i scale_bytes(const std::byte* scales, std::size_t s, std::size_t r) {
  return _mm_load_si128(reinterpret_cast<const __m128i*>(scales + 2 * kPanelRows * s + 16 * r));
}
/// Of a pair of 16-bit numbers a row that of one half, twice.
[[gnu::always_inline]] inline __m256i of_half(__m256i pairs, std::size_t half) {
  return half == 0 ? _mm256_blend_epi16(pairs, _mm256_slli_epi32(pairs, 16), 0xaa)
                   : _mm256_blend_epi16(_mm256_srli_epi32(pairs, 16), pairs, 0xaa);
}

/// Signed scales of halves behind d.
struct SignedHalves {
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t, std::size_t r) {
    return only_d(header, r);
  }
  [[gnu::always_inline]] static __m256i half_scale(const std::byte* header, std::size_t s, std::size_t r,
                                                   std::size_t half) {
    return of_half(_mm256_cvtepi8_epi16(scale_bytes(header + kHalfBytes, s, r)), half);
  }
};

struct Q6_K : BlockFormat<Format::kQ6_K, Sum::kHalves, false, 32, 32>, SignedHalves {
  [[gnu::always_inline]] static __m256i code(const std::byte* planes, std::size_t r, std::size_t g) {
    return _mm256_or_si256(nibble_plane(planes, r, g), pair_plane<4>(planes + kNibbleBytes, r, g));
  }
};

struct Q3_K : BlockFormat<Format::kQ3_K, Sum::kHalves, false, 4, 4>, SignedHalves {
  [[gnu::always_inline]] static __m256i code(const std::byte* planes, std::size_t r, std::size_t g) {
    return _mm256_or_si256(pair_plane<0>(planes, r, g), bit_plane<2>(planes + kPairBytes, r, g));
  }
};

struct Q2_K : BlockFormat<Format::kQ2_K, Sum::kHalves, true, 0, 0> {
  [[gnu::always_inline]] static __m256i code(const std::byte* planes, std::size_t r, std::size_t g) {
    return pair_plane<0>(planes, r, g);
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t, std::size_t r) {
    Scales found = d_and_m(header, r);
    found.m = negated(found.m);
    return found;
  }
  [[gnu::always_inline]] static __m256i both(const std::byte* header, std::size_t s, std::size_t r) {
    return _mm256_cvtepu8_epi16(scale_bytes(header + 2 * kHalfBytes, s, r));
  }
  [[gnu::always_inline]] static __m256i half_scale(const std::byte* header, std::size_t s, std::size_t r,
                                                   std::size_t half) {
    return of_half(_mm256_and_si256(both(header, s, r), _mm256_set1_epi16(15)), half);
  }
  [[gnu::always_inline]] static __m256i minimums(const std::byte* header, std::size_t s, std::size_t r) {
    return _mm256_srli_epi16(both(header, s, r), 4);
  }
};

/// What a table of 16 bytes holds for each nibble.
[[gnu::always_inline]] inline __m256i look_up(__m128i table, __m256i nibbles) {
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table), nibbles);
}
/// A table of signed values as unsigned ones, kOffset too large.
template <int kOffset>
[[gnu::always_inline]] inline __m128i table_of(const std::int8_t (&values)[16]) {
  const __m128i table = _mm_loadu_si128(reinterpret_cast<const __m128i*>(values));
  return _mm_add_epi8(table, _mm_set1_epi8(static_cast<char>(kOffset)));
}

struct Iq4Nl : BlockFormat<Format::kIq4Nl, Sum::kWords, false, 128, 128> {
  [[gnu::always_inline]] static __m256i code(const std::byte* planes, std::size_t r, std::size_t g) {
    return look_up(table_of<128>(kIq4Values), nibble_plane(planes, r, g));
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t, std::size_t r) {
    return only_d(header, r);
  }
};

struct Iq4Xs : BlockFormat<Format::kIq4Xs, Sum::kWords, false, 128, 128> {
  [[gnu::always_inline]] static __m256i code(const std::byte* planes, std::size_t r, std::size_t g) {
    return look_up(table_of<128>(kIq4Values), nibble_plane(planes, r, g));
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t s, std::size_t r) {
    const std::byte* scale = header + kHalfBytes + kPanelRows * s + 8 * r;
    const __m256i wide = _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(scale)));
    Scales found;
    found.d = _mm256_mul_ps(half_of(header, 0, r), _mm256_cvtepi32_ps(wide));
    return found;
  }
};

struct Mxfp4 : BlockFormat<Format::kMxfp4, Sum::kWhole, false, 12, 12> {
  [[gnu::always_inline]] static __m256i code(const std::byte* planes, std::size_t r, std::size_t g) {
    return look_up(table_of<12>(kMxfp4Values), nibble_plane(planes, r, g));
  }
  /// 2^(e - 128): e - 1 in the exponent, but for e of 0 and 1, which are subnormal.
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t s, std::size_t r) {
    const std::byte* exponent = header + kPanelRows * s + 8 * r;
    const __m256i e = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(exponent)));
    const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(e, _mm256_set1_epi32(1)), 23);
    const __m256i subnormal = _mm256_sllv_epi32(_mm256_set1_epi32(0x00200000), e);
    const __m256i is_normal = _mm256_cmpgt_epi32(e, _mm256_set1_epi32(1));
    Scales found;
    found.d = _mm256_castsi256_ps(_mm256_blendv_epi8(subnormal, normal, is_normal));
    return found;
  }
};

}  // namespace
}  // namespace garam::kernels::avx2
