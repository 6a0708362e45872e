// The 16-lane vocabulary of kernels/simd in AArch64's NEON: four registers of 4 lanes, masks as all-ones
// lanes. In an anonymous namespace, so that nothing made from it is visible outside the file that includes
// it.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

namespace garam::kernels::neon {
namespace {

struct Lanes {
  // Four members, not float32x4x4_t: gcc 12 keeps that type in memory between operations.
  struct F {
    float32x4_t a, b, c, d;
  };
  struct I {
    int32x4_t a, b, c, d;
  };
  struct Mask {
    uint32x4_t a, b, c, d;
  };

  /// All 16 lanes, or only the first few: the rest is neither read nor written, and reads as +0.
  struct Full {};
  struct Tail {
    Mask mask;
    std::size_t count;
  };
  static Tail tail(std::size_t count) { return {less(lanes(), set_int(static_cast<int>(count))), count}; }

  static F zero() { return set(0.0f); }
  static F set(float x) {
    const float32x4_t all = vdupq_n_f32(x);
    return {all, all, all, all};
  }
  static F load(const float* p, Full) {
    return {vld1q_f32(p), vld1q_f32(p + 4), vld1q_f32(p + 8), vld1q_f32(p + 12)};
  }
  static F load(const float* p, Tail t) {
    float row[16] = {};
    for (std::size_t i = 0; i < t.count; ++i) row[i] = p[i];
    return load(row, Full{});
  }
  static F load_f16(const std::uint16_t* p) {
    const float16x8_t low = vreinterpretq_f16_u16(vld1q_u16(p));
    const float16x8_t high = vreinterpretq_f16_u16(vld1q_u16(p + 8));
    return {vcvt_f32_f16(vget_low_f16(low)), vcvt_high_f32_f16(low), vcvt_f32_f16(vget_low_f16(high)),
            vcvt_high_f32_f16(high)};
  }
  static F load_int8(const std::int8_t* p) {
    const int8x16_t all = vld1q_s8(p);
    const int16x8_t low = vmovl_s8(vget_low_s8(all));
    const int16x8_t high = vmovl_high_s8(all);
    return {vcvtq_f32_s32(vmovl_s16(vget_low_s16(low))), vcvtq_f32_s32(vmovl_high_s16(low)),
            vcvtq_f32_s32(vmovl_s16(vget_low_s16(high))), vcvtq_f32_s32(vmovl_high_s16(high))};
  }
  static void store(float* p, F x, Full) {
    vst1q_f32(p, x.a);
    vst1q_f32(p + 4, x.b);
    vst1q_f32(p + 8, x.c);
    vst1q_f32(p + 12, x.d);
  }
  static void store(float* p, F x, Tail t) {
    float row[16];
    store(row, x, Full{});
    for (std::size_t i = 0; i < t.count; ++i) p[i] = row[i];
  }
  static F keep(F x, Full) { return x; }
  static F keep(F x, Tail t) { return select(t.mask, x, zero()); }

  static F add(F x, F y) {
    return {vaddq_f32(x.a, y.a), vaddq_f32(x.b, y.b), vaddq_f32(x.c, y.c), vaddq_f32(x.d, y.d)};
  }
  static F sub(F x, F y) {
    return {vsubq_f32(x.a, y.a), vsubq_f32(x.b, y.b), vsubq_f32(x.c, y.c), vsubq_f32(x.d, y.d)};
  }
  static F mul(F x, F y) {
    return {vmulq_f32(x.a, y.a), vmulq_f32(x.b, y.b), vmulq_f32(x.c, y.c), vmulq_f32(x.d, y.d)};
  }
  static F div(F x, F y) {
    return {vdivq_f32(x.a, y.a), vdivq_f32(x.b, y.b), vdivq_f32(x.c, y.c), vdivq_f32(x.d, y.d)};
  }
  /// x * y + z. The intrinsic takes the addend first.
  static F fma(F x, F y, F z) {
    return {vfmaq_f32(z.a, x.a, y.a), vfmaq_f32(z.b, x.b, y.b), vfmaq_f32(z.c, x.c, y.c),
            vfmaq_f32(z.d, x.d, y.d)};
  }
  static F negate(F x) { return {vnegq_f32(x.a), vnegq_f32(x.b), vnegq_f32(x.c), vnegq_f32(x.d)}; }
  static F sqrt(F x) { return {vsqrtq_f32(x.a), vsqrtq_f32(x.b), vsqrtq_f32(x.c), vsqrtq_f32(x.d)}; }
  static float sqrt(float x) { return vget_lane_f32(vsqrt_f32(vdup_n_f32(x)), 0); }
  /// Of finite values.
  static F clamp(F x, float limit) {
    const float32x4_t upper = vdupq_n_f32(limit);
    const float32x4_t lower = vdupq_n_f32(-limit);
    return {vmaxq_f32(vminq_f32(x.a, upper), lower), vmaxq_f32(vminq_f32(x.b, upper), lower),
            vmaxq_f32(vminq_f32(x.c, upper), lower), vmaxq_f32(vminq_f32(x.d, upper), lower)};
  }
  /// The larger of each pair, y where either is NaN: fmax would give NaN.
  static F max(F x, F y) { return select(less(y, x), x, y); }
  /// The smaller of each pair, the second where either is NaN.
  static F min(F x, F y) { return select(less(x, y), x, y); }
  /// Largest lane, of lanes that are not NaN.
  static float largest(F x) { return vmaxvq_f32(vmaxq_f32(vmaxq_f32(x.a, x.b), vmaxq_f32(x.c, x.d))); }
  /// Sum of the lanes as numerics rule 7 adds stripes: lane i and i + 8, then 4, 2, 1.
  static float sum_of_stripes(F x) {
    const float32x4_t four = vaddq_f32(vaddq_f32(x.a, x.c), vaddq_f32(x.b, x.d));
    const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
  }
  /// Lanes [begin, end).
  static Mask range(std::int32_t begin, std::int32_t end) {
    return both(less(set_int(begin - 1), lanes()), less(lanes(), set_int(end)));
  }
  static Mask less(F x, F y) {
    return {vcltq_f32(x.a, y.a), vcltq_f32(x.b, y.b), vcltq_f32(x.c, y.c), vcltq_f32(x.d, y.d)};
  }
  static Mask is_nan(F x) {
    return {vmvnq_u32(vceqq_f32(x.a, x.a)), vmvnq_u32(vceqq_f32(x.b, x.b)), vmvnq_u32(vceqq_f32(x.c, x.c)),
            vmvnq_u32(vceqq_f32(x.d, x.d))};
  }
  static F select(Mask m, F yes, F no) {
    return {vbslq_f32(m.a, yes.a, no.a), vbslq_f32(m.b, yes.b, no.b), vbslq_f32(m.c, yes.c, no.c),
            vbslq_f32(m.d, yes.d, no.d)};
  }
  /// +0 in the lanes of m.
  static F clear(Mask m, F x) {
    const I y = bits(x);
    return from_bits({vbicq_s32(y.a, vreinterpretq_s32_u32(m.a)), vbicq_s32(y.b, vreinterpretq_s32_u32(m.b)),
                      vbicq_s32(y.c, vreinterpretq_s32_u32(m.c)),
                      vbicq_s32(y.d, vreinterpretq_s32_u32(m.d))});
  }

  static I set_int(std::int32_t x) {
    const int32x4_t all = vdupq_n_s32(x);
    return {all, all, all, all};
  }
  static I bits(F x) {
    return {vreinterpretq_s32_f32(x.a), vreinterpretq_s32_f32(x.b), vreinterpretq_s32_f32(x.c),
            vreinterpretq_s32_f32(x.d)};
  }
  static F from_bits(I x) {
    return {vreinterpretq_f32_s32(x.a), vreinterpretq_f32_s32(x.b), vreinterpretq_f32_s32(x.c),
            vreinterpretq_f32_s32(x.d)};
  }
  static I add(I x, I y) {
    return {vaddq_s32(x.a, y.a), vaddq_s32(x.b, y.b), vaddq_s32(x.c, y.c), vaddq_s32(x.d, y.d)};
  }
  static I max(I x, I y) {
    return {vmaxq_s32(x.a, y.a), vmaxq_s32(x.b, y.b), vmaxq_s32(x.c, y.c), vmaxq_s32(x.d, y.d)};
  }
  static I bit_and(I x, I y) {
    return {vandq_s32(x.a, y.a), vandq_s32(x.b, y.b), vandq_s32(x.c, y.c), vandq_s32(x.d, y.d)};
  }
  static I bit_or(I x, I y) {
    return {vorrq_s32(x.a, y.a), vorrq_s32(x.b, y.b), vorrq_s32(x.c, y.c), vorrq_s32(x.d, y.d)};
  }
  template <int kCount>
  static I shift_left(I x) {
    return {vshlq_n_s32(x.a, kCount), vshlq_n_s32(x.b, kCount), vshlq_n_s32(x.c, kCount),
            vshlq_n_s32(x.d, kCount)};
  }
  template <int kCount>
  static I shift_right(I x) {
    return {shifted_right<kCount>(x.a), shifted_right<kCount>(x.b), shifted_right<kCount>(x.c),
            shifted_right<kCount>(x.d)};
  }
  static Mask less(I x, I y) {
    return {vcltq_s32(x.a, y.a), vcltq_s32(x.b, y.b), vcltq_s32(x.c, y.c), vcltq_s32(x.d, y.d)};
  }
  static I select(Mask m, I yes, I no) {
    return {vbslq_s32(m.a, yes.a, no.a), vbslq_s32(m.b, yes.b, no.b), vbslq_s32(m.c, yes.c, no.c),
            vbslq_s32(m.d, yes.d, no.d)};
  }
  /// Zero in lanes 4i + 2 and 4i + 3.
  static I keep_even_pairs(I x) {
    const int32x4_t mask = vcombine_s32(vdup_n_s32(-1), vdup_n_s32(0));
    return bit_and(x, {mask, mask, mask, mask});
  }
  static I nearest(F x) {
    return {vcvtnq_s32_f32(x.a), vcvtnq_s32_f32(x.b), vcvtnq_s32_f32(x.c), vcvtnq_s32_f32(x.d)};
  }

  /// Largest lane, and the sum of the lanes.
  static std::int32_t largest(I x) { return vmaxvq_s32(vmaxq_s32(vmaxq_s32(x.a, x.b), vmaxq_s32(x.c, x.d))); }
  static std::int32_t total(I x) { return vaddvq_s32(vaddq_s32(vaddq_s32(x.a, x.b), vaddq_s32(x.c, x.d))); }

  /// Low bytes of the lanes.
  static void store_int8(std::int8_t* p, I x) {
    const int16x8_t low = vcombine_s16(vmovn_s32(x.a), vmovn_s32(x.b));
    const int16x8_t high = vcombine_s16(vmovn_s32(x.c), vmovn_s32(x.d));
    vst1q_s8(p, vcombine_s8(vmovn_s16(low), vmovn_s16(high)));
  }
  /// Low halves of the lanes.
  static void store_uint16(std::uint16_t* p, I x, Full) {
    vst1q_u16(p, vreinterpretq_u16_s16(vcombine_s16(vmovn_s32(x.a), vmovn_s32(x.b))));
    vst1q_u16(p + 8, vreinterpretq_u16_s16(vcombine_s16(vmovn_s32(x.c), vmovn_s32(x.d))));
  }
  static void store_uint16(std::uint16_t* p, I x, Tail t) {
    std::uint16_t row[16];
    store_uint16(row, x, Full{});
    for (std::size_t i = 0; i < t.count; ++i) p[i] = row[i];
  }
  /// Rounded to f16, nearest even.
  static void store_f16(std::uint16_t* p, F x, Full) {
    vst1q_u16(p, vreinterpretq_u16_f16(vcombine_f16(vcvt_f16_f32(x.a), vcvt_f16_f32(x.b))));
    vst1q_u16(p + 8, vreinterpretq_u16_f16(vcombine_f16(vcvt_f16_f32(x.c), vcvt_f16_f32(x.d))));
  }
  static void store_f16(std::uint16_t* p, F x, Tail t) {
    std::uint16_t row[16];
    store_f16(row, x, Full{});
    for (std::size_t i = 0; i < t.count; ++i) p[i] = row[i];
  }

  /// 32 floats p[2i], p[2i + 1] into lanes i of x and y, and back.
  static void load_pairs(const float* p, F& x, F& y) {
    split(p, x.a, y.a);
    split(p + 8, x.b, y.b);
    split(p + 16, x.c, y.c);
    split(p + 24, x.d, y.d);
  }
  static void store_pairs(float* p, F x, F y) {
    join(p, x.a, y.a);
    join(p + 8, x.b, y.b);
    join(p + 16, x.c, y.c);
    join(p + 24, x.d, y.d);
  }

 private:
  static I lanes() {
    const int32x4_t first = vcombine_s32(vcreate_s32(0x0000000100000000u), vcreate_s32(0x0000000300000002u));
    return {first, vaddq_s32(first, vdupq_n_s32(4)), vaddq_s32(first, vdupq_n_s32(8)),
            vaddq_s32(first, vdupq_n_s32(12))};
  }
  static Mask both(Mask m, Mask n) {
    return {vandq_u32(m.a, n.a), vandq_u32(m.b, n.b), vandq_u32(m.c, n.c), vandq_u32(m.d, n.d)};
  }
  template <int kCount>
  static int32x4_t shifted_right(int32x4_t x) {
    return vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(x), kCount));
  }
  static void split(const float* p, float32x4_t& even, float32x4_t& odd) {
    const float32x4x2_t pairs = vld2q_f32(p);
    even = pairs.val[0];
    odd = pairs.val[1];
  }
  static void join(float* p, float32x4_t even, float32x4_t odd) {
    const float32x4x2_t pairs = {{even, odd}};
    vst2q_f32(p, pairs);
  }
};

}  // namespace
}  // namespace garam::kernels::neon
