// Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as
// easy as 1, 2, 3" (SC 2011): a bijection of 128-bit counters under a 64-bit key. It has no state, so a draw
// depends on nothing but seed and position: the same on every machine, after a fork, after a cache hit.
#pragma once

#include <array>
#include <cstdint>

namespace garam {

/// Ten rounds over `counter` under `key`; words least significant first, as in the paper's test vectors.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) noexcept;

/// 64 random bits for one draw: counter (position low, position high, stream, draw), key = seed, the first
/// two words of the result, low word first.
std::uint64_t random_bits(std::uint64_t seed, std::uint64_t position, std::uint32_t stream,
                          std::uint32_t draw) noexcept;

}  // namespace garam
