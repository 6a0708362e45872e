// Where the blocks of a panel lie in memory: units of layout.h, a header and then the integers of its blocks.
// In an anonymous namespace, so that nothing made from it is visible outside the file that includes it.
#pragma once

#include <cstddef>

#include "kernels/layout.h"

namespace garam::kernels::simd {
namespace {

struct PackedBlock {
  const std::byte* header;
  const std::byte* planes;
  std::size_t s;  // of the unit's blocks
};

/// Blocks of a unit, and what a panel takes for one of them, its share of the header included.
template <Format kFormat>
inline constexpr std::size_t kUnitBlocks = unit_of(kFormat).values / kBlock;
template <Format kFormat>
inline constexpr std::size_t kBlockBytes = unit_of(kFormat).bytes() / kUnitBlocks<kFormat>;

/// Block b behind `from`, where a unit begins.
template <Format kFormat>
[[gnu::always_inline]] inline PackedBlock packed_block(const std::byte* from, std::size_t b) {
  constexpr Unit kUnit = unit_of(kFormat);
  constexpr std::size_t kBlocks = kUnitBlocks<kFormat>;
  const std::byte* header = from + b / kBlocks * kUnit.bytes();
  return {header, header + kUnit.header + b % kBlocks * kUnit.block, b % kBlocks};
}

}  // namespace
}  // namespace garam::kernels::simd
