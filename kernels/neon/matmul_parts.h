// What the register tiles of this set are made of. In an anonymous namespace, so that nothing made from it is
// visible outside the file that includes it.
//
// A tile is up to 6 activation rows by kWide registers of 4 weight rows. Of 32 registers at most 24
// accumulate; what is left holds either the weights of a step or its activations, the fewer of the two, and
// one of the others.
#pragma once

#include <arm_neon.h>

#include "kernels/simd/tiles.h"

namespace garam::kernels::neon {
namespace {

inline constexpr std::size_t kLanes4 = 4;
inline constexpr std::size_t kPanelRegisters = kPanelRows / kLanes4;
inline constexpr std::size_t kMostTokens = 6;

[[gnu::always_inline]] inline uint8x16_t load_weights(const std::byte* from) {
  return vld1q_u8(reinterpret_cast<const std::uint8_t*>(from));
}

/// 4 f16 values, exactly.
[[gnu::always_inline]] inline float32x4_t load_f16(const std::byte* from) {
  return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(reinterpret_cast<const std::uint8_t*>(from))));
}

/// Loads stay on their side of this: compilers would do all of a step's first, and spill sums to hold them.
[[gnu::always_inline]] inline void no_loads_ahead() {
  asm volatile("" : : : "memory");
}

/// The four bytes at `from`, of any alignment, in every lane.
[[gnu::always_inline]] inline uint32x4_t broadcast_4_bytes(const void* from) {
  std::uint32_t bytes;
  __builtin_memcpy(&bytes, from, sizeof bytes);
  return vdupq_n_u32(bytes);
}

}  // namespace
}  // namespace garam::kernels::neon
