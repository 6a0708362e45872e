// How the block formats of layout.h are read, 4 rows to a register: what matmul_blocks.h multiplies. A format
// is
//   kFormat, kSum, kMinimum
//   kOffset    what its codes were stored too large by; taken from the sums
//   code       the codes of k 4 kGroup to 4 kGroup + 3 of 4 rows, signed bytes
//   scales     what the float steps of the block multiply with
// Codes of fewer than 8 bits are the same number signed and unsigned. In an anonymous namespace, so that
// nothing made from it is visible outside the file that includes it.
#pragma once

#include "kernels/neon/matmul_parts.h"

namespace garam::kernels::neon {
namespace {

/// What the integers of a block allow sums of 16 bits to hold, where no instruction sums to 32.
enum class Sum {
  kWhole,   // a byte of all 8 groups of k: at most 8 * 31 * 127 = 31496
  kHalves,  // of 4 groups, 4 * 63 * 127 = 32004, then each half meets its own scale
  kBytes,   // of 2 groups, 2 * 128 * 127 = 32512
};

struct Scales {
  float32x4_t d;         // fl(d * scale) where the scale is one of 32 k
  float32x4_t m;         // kMinimum: what multiplies fl(da * sa), with its sign
  int32x4_t half[2];     // kHalves: the scale of each half
  int32x4_t minimum[2];  // kHalves and kMinimum: the minimum of each half
};

// Planes of 32 rows: r counts registers of a panel, kGroup groups of 4 k.
template <std::size_t kGroup>
[[gnu::always_inline]] inline uint8x16_t byte_plane(const std::byte* plane, std::size_t r) {
  return load_weights(plane + 128 * kGroup + 16 * r);
}
template <std::size_t kGroup>
[[gnu::always_inline]] inline uint8x16_t nibble_plane(const std::byte* plane, std::size_t r) {
  const uint8x16_t both = byte_plane<kGroup % 4>(plane, r);
  if constexpr (kGroup < 4) {
    return vandq_u8(both, vdupq_n_u8(15));
  } else {
    return vshrq_n_u8(both, 4);
  }
}
/// The bits of kMask, moved up by kPlaces first, or down where that is negative.
template <int kPlaces, std::uint8_t kMask>
[[gnu::always_inline]] inline uint8x16_t moved_bits(uint8x16_t x) {
  const uint8x16_t mask = vdupq_n_u8(kMask);
  if constexpr (kPlaces > 0) {
    return vandq_u8(vshlq_n_u8(x, kPlaces), mask);
  } else if constexpr (kPlaces < 0) {
    return vandq_u8(vshrq_n_u8(x, -kPlaces), mask);
  } else {
    return vandq_u8(x, mask);
  }
}
/// Bits of the pair plane, kUp places higher.
template <std::size_t kGroup, int kUp>
[[gnu::always_inline]] inline uint8x16_t pair_plane(const std::byte* plane, std::size_t r) {
  return moved_bits<kUp - 2 * static_cast<int>(kGroup % 4), 3 << kUp>(byte_plane<kGroup / 4>(plane, r));
}
template <std::size_t kGroup, int kUp>
[[gnu::always_inline]] inline uint8x16_t bit_plane(const std::byte* plane, std::size_t r) {
  return moved_bits<kUp - static_cast<int>(kGroup), 1 << kUp>(byte_plane<0>(plane, r));
}

inline constexpr std::size_t kHalfBytes = 2 * kPanelRows;  // a f16 of 32 rows
inline constexpr std::size_t kNibbleBytes = 16 * kPanelRows;
inline constexpr std::size_t kPairBytes = 8 * kPanelRows;

/// f16 number n of the header's [n][32 rows].
[[gnu::always_inline]] inline float32x4_t half_of(const std::byte* header, std::size_t n, std::size_t r) {
  return load_f16(header + n * kHalfBytes + 8 * r);
}
[[gnu::always_inline]] inline Scales only_d(const std::byte* header, std::size_t r) {
  Scales s;
  s.d = half_of(header, 0, r);
  return s;
}
[[gnu::always_inline]] inline Scales d_and_m(const std::byte* header, std::size_t r) {
  Scales s = only_d(header, r);
  s.m = half_of(header, 1, r);
  return s;
}

template <Format kTheFormat, Sum kTheSum, bool kHasMinimum, int kTheOffset>
struct BlockFormat {
  static constexpr Format kFormat = kTheFormat;
  static constexpr Sum kSum = kTheSum;
  static constexpr bool kMinimum = kHasMinimum;
  static constexpr int kOffset = kTheOffset;
};

/// Stored 128 too large: the top bit, turned over, is the sign again.
struct Q8_0 : BlockFormat<Format::kQ8_0, Sum::kBytes, false, 0> {
  template <std::size_t kGroup>
  [[gnu::always_inline]] static int8x16_t code(const std::byte* planes, std::size_t r) {
    return vreinterpretq_s8_u8(veorq_u8(byte_plane<kGroup>(planes, r), vdupq_n_u8(0x80)));
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t, std::size_t r) {
    return only_d(header, r);
  }
};

template <std::size_t kGroup>
[[gnu::always_inline]] inline int8x16_t nibbles(const std::byte* planes, std::size_t r) {
  return vreinterpretq_s8_u8(nibble_plane<kGroup>(planes, r));
}

struct Q4_0 : BlockFormat<Format::kQ4_0, Sum::kWhole, false, 8> {
  template <std::size_t kGroup>
  [[gnu::always_inline]] static int8x16_t code(const std::byte* planes, std::size_t r) {
    return nibbles<kGroup>(planes, r);
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t, std::size_t r) {
    return only_d(header, r);
  }
};

struct Q4_1 : BlockFormat<Format::kQ4_1, Sum::kWhole, true, 0> {
  template <std::size_t kGroup>
  [[gnu::always_inline]] static int8x16_t code(const std::byte* planes, std::size_t r) {
    return nibbles<kGroup>(planes, r);
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t, std::size_t r) {
    return d_and_m(header, r);
  }
};

template <std::size_t kGroup>
[[gnu::always_inline]] inline int8x16_t five_bits(const std::byte* planes, std::size_t r) {
  return vreinterpretq_s8_u8(
      vorrq_u8(nibble_plane<kGroup>(planes, r), bit_plane<kGroup, 4>(planes + kNibbleBytes, r)));
}

struct Q5_0 : BlockFormat<Format::kQ5_0, Sum::kWhole, false, 16> {
  template <std::size_t kGroup>
  [[gnu::always_inline]] static int8x16_t code(const std::byte* planes, std::size_t r) {
    return five_bits<kGroup>(planes, r);
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t, std::size_t r) {
    return only_d(header, r);
  }
};

struct Q5_1 : BlockFormat<Format::kQ5_1, Sum::kWhole, true, 0> {
  template <std::size_t kGroup>
  [[gnu::always_inline]] static int8x16_t code(const std::byte* planes, std::size_t r) {
    return five_bits<kGroup>(planes, r);
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t, std::size_t r) {
    return d_and_m(header, r);
  }
};

/// Scale and minimum of block s out of the three words of 6-bit numbers.
[[gnu::always_inline]] inline Scales six_bit_scales(const std::byte* header, std::size_t s, std::size_t r) {
  const std::byte* packed = header + 2 * kHalfBytes + 16 * r;
  const int32x4_t to_right = vdupq_n_s32(-static_cast<int>(8 * (s % 4)));
  const auto word = [&](std::size_t n) {
    return vshlq_u32(vreinterpretq_u32_u8(load_weights(packed + 128 * n)), to_right);
  };
  const uint32x4_t first = word(0);
  const uint32x4_t second = word(1);
  uint32x4_t scale, minimum;
  if (s < 4) {
    scale = vandq_u32(first, vdupq_n_u32(63));
    minimum = vandq_u32(second, vdupq_n_u32(63));
  } else {
    const uint32x4_t third = word(2);
    const uint32x4_t low = vdupq_n_u32(15), high = vdupq_n_u32(48);
    scale = vorrq_u32(vandq_u32(third, low), vandq_u32(vshrq_n_u32(first, 2), high));
    minimum = vorrq_u32(vandq_u32(vshrq_n_u32(third, 4), low), vandq_u32(vshrq_n_u32(second, 2), high));
  }
  Scales found;
  found.d = vmulq_f32(half_of(header, 0, r), vcvtq_f32_u32(scale));
  found.m = vnegq_f32(vmulq_f32(half_of(header, 1, r), vcvtq_f32_u32(minimum)));
  return found;
}

struct Q4_K : BlockFormat<Format::kQ4_K, Sum::kWhole, true, 0> {
  template <std::size_t kGroup>
  [[gnu::always_inline]] static int8x16_t code(const std::byte* planes, std::size_t r) {
    return nibbles<kGroup>(planes, r);
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t s, std::size_t r) {
    return six_bit_scales(header, s, r);
  }
};

struct Q5_K : BlockFormat<Format::kQ5_K, Sum::kWhole, true, 0> {
  template <std::size_t kGroup>
  [[gnu::always_inline]] static int8x16_t code(const std::byte* planes, std::size_t r) {
    return five_bits<kGroup>(planes, r);
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t s, std::size_t r) {
    return six_bit_scales(header, s, r);
  }
};

/// A pair of 16-bit numbers a row, each on its own in 32 bits.
[[gnu::always_inline]] inline void spread_halves(int16x8_t pairs, int32x4_t (&half)[2]) {
  const int32x4_t both = vreinterpretq_s32_s16(pairs);
  half[0] = vshrq_n_s32(vshlq_n_s32(both, 16), 16);
  half[1] = vshrq_n_s32(both, 16);
}
/// Of block s, a byte for each half.
[[gnu::always_inline]] inline uint8x8_t scale_bytes(const std::byte* scales, std::size_t s, std::size_t r) {
  return vld1_u8(reinterpret_cast<const std::uint8_t*>(scales + 2 * kPanelRows * s + 8 * r));
}
[[gnu::always_inline]] inline Scales signed_halves(const std::byte* header, std::size_t s, std::size_t r) {
  Scales found = only_d(header, r);
  spread_halves(vmovl_s8(vreinterpret_s8_u8(scale_bytes(header + kHalfBytes, s, r))), found.half);
  return found;
}

struct Q6_K : BlockFormat<Format::kQ6_K, Sum::kHalves, false, 32> {
  template <std::size_t kGroup>
  [[gnu::always_inline]] static int8x16_t code(const std::byte* planes, std::size_t r) {
    return vreinterpretq_s8_u8(
        vorrq_u8(nibble_plane<kGroup>(planes, r), pair_plane<kGroup, 4>(planes + kNibbleBytes, r)));
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t s, std::size_t r) {
    return signed_halves(header, s, r);
  }
};

struct Q3_K : BlockFormat<Format::kQ3_K, Sum::kHalves, false, 4> {
  template <std::size_t kGroup>
  [[gnu::always_inline]] static int8x16_t code(const std::byte* planes, std::size_t r) {
    return vreinterpretq_s8_u8(
        vorrq_u8(pair_plane<kGroup, 0>(planes, r), bit_plane<kGroup, 2>(planes + kPairBytes, r)));
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t s, std::size_t r) {
    return signed_halves(header, s, r);
  }
};

struct Q2_K : BlockFormat<Format::kQ2_K, Sum::kHalves, true, 0> {
  template <std::size_t kGroup>
  [[gnu::always_inline]] static int8x16_t code(const std::byte* planes, std::size_t r) {
    return vreinterpretq_s8_u8(pair_plane<kGroup, 0>(planes, r));
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t s, std::size_t r) {
    Scales found = d_and_m(header, r);
    found.m = vnegq_f32(found.m);
    const uint8x8_t both = scale_bytes(header + 2 * kHalfBytes, s, r);
    spread_halves(vreinterpretq_s16_u16(vmovl_u8(vand_u8(both, vdup_n_u8(15)))), found.half);
    spread_halves(vreinterpretq_s16_u16(vmovl_u8(vshr_n_u8(both, 4))), found.minimum);
    return found;
  }
};

/// What a table of 16 signed bytes holds for each nibble.
[[gnu::always_inline]] inline int8x16_t look_up(const std::int8_t (&values)[16], uint8x16_t nibbles) {
  return vqtbl1q_s8(vld1q_s8(values), nibbles);
}

/// One byte a row, of block s of [blocks][32 rows].
[[gnu::always_inline]] inline uint8x8_t row_bytes(const std::byte* from, std::size_t s, std::size_t r) {
  std::uint32_t four;
  __builtin_memcpy(&four, from + kPanelRows * s + 4 * r, sizeof four);
  return vreinterpret_u8_u32(vdup_n_u32(four));
}

struct Iq4Nl : BlockFormat<Format::kIq4Nl, Sum::kBytes, false, 0> {
  template <std::size_t kGroup>
  [[gnu::always_inline]] static int8x16_t code(const std::byte* planes, std::size_t r) {
    return look_up(kIq4Values, nibble_plane<kGroup>(planes, r));
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t, std::size_t r) {
    return only_d(header, r);
  }
};

struct Iq4Xs : BlockFormat<Format::kIq4Xs, Sum::kBytes, false, 0> {
  template <std::size_t kGroup>
  [[gnu::always_inline]] static int8x16_t code(const std::byte* planes, std::size_t r) {
    return look_up(kIq4Values, nibble_plane<kGroup>(planes, r));
  }
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t s, std::size_t r) {
    const int16x8_t wide = vmovl_s8(vreinterpret_s8_u8(row_bytes(header + kHalfBytes, s, r)));
    Scales found;
    found.d = vmulq_f32(half_of(header, 0, r), vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide))));
    return found;
  }
};

struct Mxfp4 : BlockFormat<Format::kMxfp4, Sum::kWhole, false, 0> {
  template <std::size_t kGroup>
  [[gnu::always_inline]] static int8x16_t code(const std::byte* planes, std::size_t r) {
    return look_up(kMxfp4Values, nibble_plane<kGroup>(planes, r));
  }
  /// 2^(e - 128): e - 1 in the exponent, but for e of 0 and 1, which are subnormal.
  [[gnu::always_inline]] static Scales scales(const std::byte* header, std::size_t s, std::size_t r) {
    const uint32x4_t e = vmovl_u16(vget_low_u16(vmovl_u8(row_bytes(header, s, r))));
    const uint32x4_t normal = vshlq_n_u32(vsubq_u32(e, vdupq_n_u32(1)), 23);
    const uint32x4_t subnormal = vshlq_u32(vdupq_n_u32(0x00200000), vreinterpretq_s32_u32(e));
    Scales found;
    found.d = vreinterpretq_f32_u32(vbslq_u32(vcgtq_u32(e, vdupq_n_u32(1)), normal, subnormal));
    return found;
  }
};

}  // namespace
}  // namespace garam::kernels::neon
