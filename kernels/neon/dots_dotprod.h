// Integer dots by sdot, which adds 4 products to each lane of 32 bits. For files compiled with +dotprod. In
// an anonymous namespace, so that nothing made from it is visible outside the file that includes it.
#pragma once

#include "kernels/neon/block_formats.h"

namespace garam::kernels::neon {
namespace {

struct DotProduct {
  /// Registers of 4 weight rows of a tile of `tokens` activation rows: 8 to 20 sums, where halves have to be
  /// kept 7 to 10 of either half, beside 16 activations of each row.
  static constexpr std::size_t wide(Sum sum, std::size_t tokens) {
    constexpr std::size_t kHalves[kMostTokens] = {8, 4, 2, 2, 2, 1};
    constexpr std::size_t kOthers[kMostTokens] = {8, 8, 4, 4, 4, 2};
    return sum == Sum::kHalves ? kHalves[tokens - 1] : kOthers[tokens - 1];
  }
  /// Groups of 4 k that are added together.
  static constexpr std::size_t groups(Sum) { return 1; }
  /// Whether a step keeps activations in registers and reads weights one by one, or the other way round.
  static constexpr bool keeps_activations(std::size_t, std::size_t) { return true; }

  /// 16 activations of a row, of which sdot takes any 4.
  struct Activations {
    int8x16_t q;
    [[gnu::always_inline]] void load(const std::int8_t* from) { q = vld1q_s8(from); }
  };
  /// Those of the groups of a step.
  template <std::size_t kGroups>
  using Fours = Activations;
  template <std::size_t kGroups, std::size_t kFour>
  [[gnu::always_inline]] static Fours<kGroups> fours(const Activations& x) {
    return x;
  }

  /// The dots of 4 rows.
  template <Sum kSum>
  struct Dots {
    int32x4_t sum;

    [[gnu::always_inline]] void start(std::int32_t from) { sum = vdupq_n_s32(from); }
    template <std::size_t kFour>
    [[gnu::always_inline]] void add(const int8x16_t (&w)[1], const Activations& x) {
      sum = vdotq_laneq_s32(sum, w[0], x.q, kFour);
    }
    [[gnu::always_inline]] int32x4_t total(std::int32_t) const { return sum; }
  };
};

}  // namespace
}  // namespace garam::kernels::neon
