// What the register tiles of this set are made of. In an anonymous namespace, so that nothing made from it is
// visible outside the file that includes it.
//
// A tile is up to 6 activation rows by kWide registers of 8 weight rows: 16 registers hold 12 accumulators,
// two registers of weights, one of activations and one product. Tiles of 1 to 3 activation rows take whole
// panels (kWide = 4), so that decoding reads one ascending stream; larger ones take the panel in halves.
#pragma once

#include <immintrin.h>

#include "kernels/simd/tiles.h"

namespace garam::kernels::avx2 {
namespace {

inline constexpr std::size_t kLanes8 = 8;
inline constexpr std::size_t kPanelRegisters = kPanelRows / kLanes8;
inline constexpr std::size_t kMostTokens = 6;

constexpr std::size_t wide_for(std::size_t tokens) {
  return tokens <= 3 ? kPanelRegisters : kPanelRegisters / 2;
}

[[gnu::always_inline]] inline __m256i load_weights(const std::byte* from) {
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(from));
}

/// 8 f16 values, exactly.
[[gnu::always_inline]] inline __m256 load_f16(const std::byte* from) {
  return _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(from)));
}

/// The four bytes at `from`, of any alignment, in every lane.
[[gnu::always_inline]] inline __m256i broadcast_4_bytes(const void* from) {
  int bytes;
  __builtin_memcpy(&bytes, from, sizeof bytes);
  return _mm256_set1_epi32(bytes);
}

/// Makes the compiler load again what it could have kept: it has no register for it and would spill another.
template <typename T>
[[gnu::always_inline]] inline void forget(T*& pointer) {
  asm("" : "+r"(pointer));
}

}  // namespace
}  // namespace garam::kernels::avx2
