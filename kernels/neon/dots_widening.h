// Integer dots on every AArch64: products of bytes are added in 16 bits for as long as they fit, then in 32.
// In an anonymous namespace, so that nothing made from it is visible outside the file that includes it.
#pragma once

#include "kernels/neon/block_formats.h"

namespace garam::kernels::neon {
namespace {

/// The dots of 4 rows: a lane of 16 bits for each of a row's 4 bytes.
template <Sum kSum>
struct WideningDots {
  int16x8_t low, high;

  [[gnu::always_inline]] void start() { low = high = vdupq_n_s16(0); }
  [[gnu::always_inline]] void add(const int8x16_t (&w)[1], const int8x16_t (&x)[1]) {
    low = vmlal_s8(low, vget_low_s8(w[0]), vget_low_s8(x[0]));
    high = vmlal_high_s8(high, w[0], x[0]);
  }
  [[gnu::always_inline]] int32x4_t total() const { return vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)); }
};

/// Two products of whole bytes fit 16 bits: two lanes of 32 for each row.
template <>
struct WideningDots<Sum::kBytes> {
  int32x4_t low, high;

  [[gnu::always_inline]] void start() { low = high = vdupq_n_s32(0); }
  [[gnu::always_inline]] void add(const int8x16_t (&w)[2], const int8x16_t (&x)[2]) {
    const int16x8_t first = vmull_s8(vget_low_s8(w[0]), vget_low_s8(x[0]));
    low = vpadalq_s16(low, vmlal_s8(first, vget_low_s8(w[1]), vget_low_s8(x[1])));
    const int16x8_t second = vmull_high_s8(w[0], x[0]);
    high = vpadalq_s16(high, vmlal_high_s8(second, w[1], x[1]));
  }
  [[gnu::always_inline]] int32x4_t total() const { return vpaddq_s32(low, high); }
};

struct Widening {
  /// Registers of 4 weight rows of a tile of `tokens` activation rows, each two registers of sums: 12 to 20.
  /// Halves have a third that is kept meanwhile, pairs of bytes two for products that are not yet added.
  static constexpr std::size_t wide(Sum sum, std::size_t tokens) {
    constexpr std::size_t kWhole[kMostTokens] = {8, 4, 2, 2, 2, 1};
    constexpr std::size_t kHalves[kMostTokens] = {8, 4, 2, 2, 1, 1};
    constexpr std::size_t kBytes[kMostTokens] = {8, 4, 2, 1, 1, 1};
    return (sum == Sum::kWhole ? kWhole : sum == Sum::kHalves ? kHalves : kBytes)[tokens - 1];
  }
  /// Groups of 4 k that are added together.
  static constexpr std::size_t groups(Sum sum) { return sum == Sum::kBytes ? 2 : 1; }
  /// Whether a step keeps activations in registers and reads weights one by one, or the other way round.
  static constexpr bool keeps_activations(std::size_t tokens, std::size_t wide) { return tokens < wide; }

  /// 16 activations of a row.
  struct Activations {
    const std::int8_t* q;
    [[gnu::always_inline]] void load(const std::int8_t* from) { q = from; }
  };
  /// Those of the groups of a step, each four in every row.
  template <std::size_t kGroups>
  struct Fours {
    int8x16_t q[kGroups];
  };
  template <std::size_t kGroups, std::size_t kFour>
  [[gnu::always_inline]] static Fours<kGroups> fours(const Activations& x) {
    Fours<kGroups> found;
    for (std::size_t i = 0; i < kGroups; ++i) {
      found.q[i] = vreinterpretq_s8_u32(broadcast_4_bytes(x.q + 4 * (kFour + i)));
    }
    return found;
  }

  template <Sum kSum>
  struct Dots {
    WideningDots<kSum> sum;

    [[gnu::always_inline]] void start(std::int32_t) { sum.start(); }
    template <std::size_t kFour, std::size_t kGroups>
    [[gnu::always_inline]] void add(const int8x16_t (&w)[kGroups], const Fours<kGroups>& x) {
      sum.add(w, x.q);
    }
    /// `from` is what the dots start with.
    [[gnu::always_inline]] int32x4_t total(std::int32_t from) const {
      return from == 0 ? sum.total() : vaddq_s32(sum.total(), vdupq_n_s32(from));
    }
  };
};

}  // namespace
}  // namespace garam::kernels::neon
