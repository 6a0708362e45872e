// Packing and unpacking of a block format, a file block of a row at a time. What is particular to a format
// is a struct F with
//   kFormat, kName, kGgmlId
//   kFileValues, kFileBytes                    a block of the file
//   static bool pack(const std::byte* in, const RowOfUnit&)        one file block; false: a scale is not
//   finite static void unpack(const ConstRowOfUnit&, float* out)          32 values
//   static void write(const BlockParts&, std::byte* out)           one file block
#pragma once

#include <cstring>

#include "tensor/block_parts.h"
#include "tensor/half.h"
#include "tensor/planes.h"
#include "tensor/weight_format.h"

namespace garam {

/// A row in a unit of a panel, at block s of the unit.
template <typename Byte>
struct RowOf {
  Byte* header;
  Byte* planes;  // those of block s; the next block's lie `block` bytes further
  std::size_t block;
  std::size_t s;
  std::size_t row;

  /// f16 number n of the header's [n][32 rows].
  Byte* f16(std::size_t n) const { return header + (n * kernels::kPanelRows + row) * 2; }
  Byte* planes_at(std::size_t further) const { return planes + further * block; }
};
using RowOfUnit = RowOf<std::byte>;
using ConstRowOfUnit = RowOf<const std::byte>;

template <typename Byte>
RowOf<Byte> row_of_unit(kernels::Format format, Byte* panel, std::size_t row, std::size_t block) {
  const kernels::Unit unit = unit_of(format);
  const std::size_t blocks = unit.values / kernels::kBlock;
  Byte* header = panel + block / blocks * unit.bytes();
  const std::size_t s = block % blocks;
  return {header, header + unit.header + s * unit.block, unit.block, s, row};
}

/// Copies a f16 scale; false when it is not finite.
inline bool put_f16(std::byte* to, const std::byte* from) {
  std::memcpy(to, from, 2);
  return (read_as<std::uint16_t>(from) & 0x7c00) != 0x7c00;
}
/// f16 as double: what unpacking multiplies is then exact, and rounded once at the end.
inline double get_f16(const std::byte* from) {
  return half_to_float(read_as<std::uint16_t>(from));
}

template <typename F>
bool pack_blocks(const std::byte* rows, std::size_t row_count, std::size_t k, std::byte* panel) {
  const std::size_t blocks = k / F::kFileValues;
  if (row_count < kernels::kPanelRows || k % unit_of(F::kFormat).values != 0) {
    std::memset(panel, 0, kernels::panel_bytes(F::kFormat, k));
  }
  bool finite = true;
  for (std::size_t b = 0; b < blocks; ++b) {
    for (std::size_t r = 0; r < row_count; ++r) {
      const std::byte* in = rows + (r * blocks + b) * F::kFileBytes;
      finite &= F::pack(in, row_of_unit(F::kFormat, panel, r, b * F::kFileValues / kernels::kBlock));
    }
  }
  return finite;
}

template <typename F>
void unpack_blocks(const std::byte* panel, std::size_t row, std::size_t k, float* out) {
  for (std::size_t b = 0; b < k / kernels::kBlock; ++b) {
    F::unpack(row_of_unit(F::kFormat, panel, row, b), out + b * kernels::kBlock);
  }
}

template <typename F>
constexpr WeightFormat block_format() {
  return {F::kName,       F::kGgmlId,       F::kFormat, F::kFileValues, F::kFileBytes,
          pack_blocks<F>, unpack_blocks<F>, nullptr,    F::write};
}

}  // namespace garam
