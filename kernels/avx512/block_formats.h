// How the block formats of layout.h are read, 16 rows to a register: what matmul_blocks.h multiplies. A
// format is
//   kFormat, kSum, kMinimum, kMinus, kOffset (what the codes were stored too large by)
//   kCentre    what is taken from the codes while 16-bit sums of them are formed (dots_pairs.h)
//   kFolded    Sum::kHalves: when the scale of a half is multiplied into its codes, the offset at which the
//              products fit a byte; kNoFold where none does
//   kUnpackFrom, kUnpackFromOnIntel
//              rows from which codes are taken apart once for all of them, at least 7; kNever: in every tile.
//              Intel's two pipes for whole registers also mask and shift, so that it gains there: q4_0 0.92
//              with 24 rows and 1.11 to 1.24 with 256, iq4_nl 1.05 and 1.20 to 1.33; with 8 rows q5_0 1.07,
//              q5_K 1.20, q4_K 1.04, with 16 1.10, 1.17, 1.09 (Emerald Rapids)
//   code       the codes of k 4g to 4g + 3, one a byte
//   scales     what the float steps of the block multiply with
// In an anonymous namespace, so that nothing made from it is visible outside the file that includes it.
#pragma once

#include "kernels/avx512/matmul_tiles.h"

namespace garam::kernels::avx512 {
namespace {

enum class Sum {
  kWhole,   // codes of up to 5 bits under one scale
  kHalves,  // each half of the block meets its own scale
  kBytes,   // codes of 8 bits under one scale
};
inline constexpr int kNoFold = -1;
inline constexpr std::size_t kNever = static_cast<std::size_t>(-1);

struct Scales {
  __m512 d;         // fl(d * scale) where the scale is one of 32 k
  __m512 m;         // kMinimum: what multiplies fl(da * sa); with kMinus its negative
  __m512i halves;   // kHalves: the scales of both halves, 16 bits each
  __m512i minimum;  // kHalves and kMinimum: the minimums of both halves, 16 bits each
};

inline constexpr std::size_t kF16Bytes = 2 * kPanelRows;  // a f16 of 32 rows
inline constexpr std::size_t kNibbleBytes = 16 * kPanelRows;
inline constexpr std::size_t kPairBytes = 8 * kPanelRows;

/// (x & mask) | y
[[gnu::always_inline]] inline __m512i masked_or(__m512i x, __m512i mask, __m512i y) {
  return _mm512_ternarylogic_epi32(x, mask, y, 0xea);
}

// Planes of 16 rows: `plane` is that of row 0, r counts registers of a panel.
[[gnu::always_inline]] inline __m512i byte_plane(const std::byte* plane, std::size_t r, std::size_t g) {
  return load_weights(plane + 128 * g + 64 * r);
}
[[gnu::always_inline]] inline __m512i nibble_plane(const std::byte* plane, std::size_t r, std::size_t g) {
  const __m512i both = load_weights(plane + 128 * (g % 4) + 64 * r);
  return _mm512_and_si512(g < 4 ? both : _mm512_srli_epi16(both, 4), _mm512_set1_epi8(15));
}
/// Bits moved up by `places`, or down by -places: -7 to 4, a constant once inlined, which the instructions
/// ask for even where nothing is optimised.
[[gnu::always_inline]] inline __m512i moved_up(__m512i x, int places) {
  switch (places) {
    case 4:
      return _mm512_slli_epi16(x, 4);
    case 3:
      return _mm512_slli_epi16(x, 3);
    case 2:
      return _mm512_slli_epi16(x, 2);
    case 1:
      return _mm512_slli_epi16(x, 1);
    case -1:
      return _mm512_srli_epi16(x, 1);
    case -2:
      return _mm512_srli_epi16(x, 2);
    case -3:
      return _mm512_srli_epi16(x, 3);
    case -4:
      return _mm512_srli_epi16(x, 4);
    case -5:
      return _mm512_srli_epi16(x, 5);
    case -6:
      return _mm512_srli_epi16(x, 6);
    case -7:
      return _mm512_srli_epi16(x, 7);
    default:
      return x;
  }
}
/// The pair plane's bits of k 4g to 4g + 3, kUp places higher, others beside them.
template <int kUp>
[[gnu::always_inline]] inline __m512i pair_plane(const std::byte* plane, std::size_t r, std::size_t g) {
  return moved_up(load_weights(plane + 128 * (g / 4) + 64 * r), kUp - 2 * static_cast<int>(g % 4));
}
/// The bit plane's bit of k 4g to 4g + 3, kUp places higher, others beside it.
template <int kUp>
[[gnu::always_inline]] inline __m512i bit_plane(const std::byte* plane, std::size_t r, std::size_t g) {
  return moved_up(load_weights(plane + 64 * r), kUp - static_cast<int>(g));
}
[[gnu::always_inline]] inline __m512i five_bits(const std::byte* planes, std::size_t r, std::size_t g) {
  return masked_or(bit_plane<4>(planes + kNibbleBytes, r, g), _mm512_set1_epi8(16),
                   nibble_plane(planes, r, g));
}

/// f16 number n of the header's [n][32 rows].
[[gnu::always_inline]] inline __m512 half_of(const std::byte* header, std::size_t n, std::size_t r) {
  return load_f16(header + n * kF16Bytes + 32 * r);
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
/// 16 bytes.
[[gnu::always_inline]] inline __m128i load_bytes(const std::byte* from) {
  return _mm_load_si128(reinterpret_cast<const __m128i*>(from));
}
/// 32 bytes.
[[gnu::always_inline]] inline __m256i load_half(const std::byte* from) {
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(from));
}

template <Format kTheFormat, Sum kTheSum, bool kHasMinimum, int kTheCentre, int kTheOffset,
          std::size_t kFromRows, std::size_t kFromRowsOnIntel, int kTheFolded = kNoFold>
struct BlockFormat {
  static constexpr Format kFormat = kTheFormat;
  static constexpr Sum kSum = kTheSum;
  static constexpr bool kMinimum = kHasMinimum;
  static constexpr bool kMinus = kHasMinimum && unit_of(kTheFormat).values == 256;  // K types take it away
  static constexpr int kCentre = kTheCentre;
  static constexpr int kOffset = kTheOffset;
  static constexpr std::size_t kUnpackFrom = kFromRows;
  static constexpr std::size_t kUnpackFromOnIntel = kFromRowsOnIntel;
  static constexpr int kFolded = kTheFolded;
};

struct Q8_0 : BlockFormat<Format::kQ8_0, Sum::kBytes, false, 128, 128, kNever, kNever> {
  [[gnu::always_inline]] static __m512i code(const std::byte* planes, std::size_t r, std::size_t g) {
    return byte_plane(planes, r, g);
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t, std::size_t r) {
    return only_d(header, r);
  }
};

struct Q4_0 : BlockFormat<Format::kQ4_0, Sum::kWhole, false, 8, 8, kNever, 64> {
  [[gnu::always_inline]] static __m512i code(const std::byte* planes, std::size_t r, std::size_t g) {
    return nibble_plane(planes, r, g);
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t, std::size_t r) {
    return only_d(header, r);
  }
};

struct Q4_1 : BlockFormat<Format::kQ4_1, Sum::kWhole, true, 0, 0, kNever, 64> {
  [[gnu::always_inline]] static __m512i code(const std::byte* planes, std::size_t r, std::size_t g) {
    return nibble_plane(planes, r, g);
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t, std::size_t r) {
    return d_and_m(header, r);
  }
};

struct Q5_0 : BlockFormat<Format::kQ5_0, Sum::kWhole, false, 16, 16, kNever, 7> {
  [[gnu::always_inline]] static __m512i code(const std::byte* planes, std::size_t r, std::size_t g) {
    return five_bits(planes, r, g);
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t, std::size_t r) {
    return only_d(header, r);
  }
};

struct Q5_1 : BlockFormat<Format::kQ5_1, Sum::kWhole, true, 16, 0, kNever, 7> {
  [[gnu::always_inline]] static __m512i code(const std::byte* planes, std::size_t r, std::size_t g) {
    return five_bits(planes, r, g);
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t, std::size_t r) {
    return d_and_m(header, r);
  }
};

/// Scale and minimum of block s out of the three words of 6-bit numbers. In blocks 4 to 7 the low four bits
/// lie in the third word and the high two higher up: addresses and counts depend on s instead of a branch,
/// around which gcc would tear apart what it has scheduled.
[[gnu::always_inline]] inline Scales six_bit_scales(const std::byte* header, std::size_t s, std::size_t r) {
  const std::byte* packed = header + 2 * kF16Bytes + 64 * r;
  const std::size_t late = s / 4;
  const int byte = static_cast<int>(8 * (s % 4));
  const int late_count = static_cast<int>(late);
  const __m512i low_at = _mm512_set1_epi32(byte);
  const __m512i minimum_low_at = _mm512_set1_epi32(byte + 4 * late_count);
  const __m512i high_at = _mm512_set1_epi32(byte + 2 * late_count);
  const __m512i low_four = _mm512_set1_epi32(15);
  const __m512i high_two = _mm512_set1_epi32(48);
  const __m512i low_of_scale = _mm512_srlv_epi32(load_weights(packed + 256 * late), low_at);
  const __m512i low_of_minimum = _mm512_srlv_epi32(load_weights(packed + 128 + 128 * late), minimum_low_at);
  const __m512i scale = masked_or(_mm512_srlv_epi32(load_weights(packed), high_at), high_two,
                                  _mm512_and_si512(low_of_scale, low_four));
  const __m512i minimum = masked_or(_mm512_srlv_epi32(load_weights(packed + 128), high_at), high_two,
                                    _mm512_and_si512(low_of_minimum, low_four));
  Scales found;
  found.d = _mm512_mul_ps(half_of(header, 0, r), _mm512_cvtepi32_ps(scale));
  found.m = _mm512_mul_ps(half_of(header, 1, r), _mm512_cvtepi32_ps(minimum));
  return found;
}

struct Q4_K : BlockFormat<Format::kQ4_K, Sum::kWhole, true, 0, 0, 48, 7> {
  [[gnu::always_inline]] static __m512i code(const std::byte* planes, std::size_t r, std::size_t g) {
    return nibble_plane(planes, r, g);
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t s, std::size_t r) {
    return six_bit_scales(header, s, r);
  }
};

struct Q5_K : BlockFormat<Format::kQ5_K, Sum::kWhole, true, 16, 0, 24, 7> {
  [[gnu::always_inline]] static __m512i code(const std::byte* planes, std::size_t r, std::size_t g) {
    return five_bits(planes, r, g);
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t s, std::size_t r) {
    return six_bit_scales(header, s, r);
  }
};

/// Scales of both halves, int8.
[[gnu::always_inline]] inline Scales signed_halves(const std::byte* header, std::size_t s, std::size_t r) {
  Scales found = only_d(header, r);
  found.halves = _mm512_cvtepi8_epi16(load_half(header + kF16Bytes + 2 * kPanelRows * s + 32 * r));
  return found;
}

struct Q6_K : BlockFormat<Format::kQ6_K, Sum::kHalves, false, 32, 32, 9, 9> {
  [[gnu::always_inline]] static __m512i code(const std::byte* planes, std::size_t r, std::size_t g) {
    return masked_or(pair_plane<4>(planes + kNibbleBytes, r, g), _mm512_set1_epi8(48),
                     nibble_plane(planes, r, g));
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t s, std::size_t r) {
    return signed_halves(header, s, r);
  }
};

/// Folded: -4 to 3 times -32 to 31 is -124 to 128.
struct Q3_K : BlockFormat<Format::kQ3_K, Sum::kHalves, false, 4, 4, 7, 7, 127> {
  [[gnu::always_inline]] static __m512i code(const std::byte* planes, std::size_t r, std::size_t g) {
    const __m512i pair = _mm512_and_si512(pair_plane<0>(planes, r, g), _mm512_set1_epi8(3));
    return masked_or(bit_plane<2>(planes + kPairBytes, r, g), _mm512_set1_epi8(4), pair);
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t s, std::size_t r) {
    return signed_halves(header, s, r);
  }
};

/// Folded: 0 to 3 times 0 to 15.
struct Q2_K : BlockFormat<Format::kQ2_K, Sum::kHalves, true, 0, 0, 24, 7, 0> {
  [[gnu::always_inline]] static __m512i code(const std::byte* planes, std::size_t r, std::size_t g) {
    return _mm512_and_si512(pair_plane<0>(planes, r, g), _mm512_set1_epi8(3));
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t s, std::size_t r) {
    Scales found = d_and_m(header, r);
    const std::byte* both = header + 2 * kF16Bytes + 2 * kPanelRows * s + 32 * r;
    const __m512i wide = _mm512_cvtepu8_epi16(load_half(both));
    found.halves = _mm512_and_si512(wide, _mm512_set1_epi16(15));
    found.minimum = _mm512_srli_epi16(wide, 4);
    return found;
  }
};

/// What a table of 16 signed bytes holds for each nibble, kOffset larger.
template <int kOffset>
[[gnu::always_inline]] inline __m512i look_up(const std::int8_t (&values)[16], __m512i nibbles) {
  const __m128i table = _mm_loadu_si128(reinterpret_cast<const __m128i*>(values));
  const __m128i raised = _mm_add_epi8(table, _mm_set1_epi8(static_cast<char>(kOffset)));
  return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(raised), nibbles);
}

struct Iq4Nl : BlockFormat<Format::kIq4Nl, Sum::kBytes, false, 128, 128, kNever, 12> {
  [[gnu::always_inline]] static __m512i code(const std::byte* planes, std::size_t r, std::size_t g) {
    return look_up<128>(kIq4Values, nibble_plane(planes, r, g));
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t, std::size_t r) {
    return only_d(header, r);
  }
};

struct Iq4Xs : BlockFormat<Format::kIq4Xs, Sum::kBytes, false, 128, 128, kNever, 12> {
  [[gnu::always_inline]] static __m512i code(const std::byte* planes, std::size_t r, std::size_t g) {
    return look_up<128>(kIq4Values, nibble_plane(planes, r, g));
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t s, std::size_t r) {
    const __m512i scale = _mm512_cvtepi8_epi32(load_bytes(header + kF16Bytes + kPanelRows * s + 16 * r));
    Scales found;
    found.d = _mm512_mul_ps(half_of(header, 0, r), _mm512_cvtepi32_ps(scale));
    return found;
  }
};

struct Mxfp4 : BlockFormat<Format::kMxfp4, Sum::kWhole, false, 12, 12, 48, 12> {
  [[gnu::always_inline]] static __m512i code(const std::byte* planes, std::size_t r, std::size_t g) {
    return look_up<12>(kMxfp4Values, nibble_plane(planes, r, g));
  }
  /// 2^(e - 128): e - 1 in the exponent, but for e of 0 and 1, which are subnormal.
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t s, std::size_t r) {
    const __m512i e = _mm512_cvtepu8_epi32(load_bytes(header + kPanelRows * s + 16 * r));
    const __m512i one = _mm512_set1_epi32(1);
    const __m512i normal = _mm512_slli_epi32(_mm512_sub_epi32(e, one), 23);
    const __m512i subnormal = _mm512_sllv_epi32(_mm512_set1_epi32(0x00200000), e);
    Scales found;
    found.d =
        _mm512_castsi512_ps(_mm512_mask_blend_epi32(_mm512_cmpgt_epi32_mask(e, one), subnormal, normal));
    return found;
  }
};

}  // namespace
}  // namespace garam::kernels::avx512
