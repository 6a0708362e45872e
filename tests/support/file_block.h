// One value of a block of a model file, taken apart as the format's description says: plain, slow, and
// without anything of src/tensor or the kernels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "kernels/layout.h"

namespace garam::test {

/// A block in a file.
struct FileBlock {
  std::size_t values;
  std::size_t bytes;
};
FileBlock file_block(kernels::Format format);

/// The format of a type number of ggml's, or none.
std::optional<kernels::Format> format_of_ggml(std::uint32_t id);

/// value = scale * integer + minimum, the minimum with its sign.
struct FileValue {
  unsigned code;  // as stored, unsigned
  int integer;    // what the code stands for
  double scale;
  double minimum;

  double value() const { return scale * integer + minimum; }
};
/// Value i of the block at `block`; not for f32, f16 and bf16.
FileValue file_value(kernels::Format format, const std::byte* block, std::size_t i);

/// Places of the f16 numbers of a block, at most two.
struct HalfPlaces {
  std::size_t count;
  std::size_t at[2];
};
HalfPlaces half_places(kernels::Format format);

/// Eight scales (or sixteen) as integers: number s of a block of 256, offset subtracted; second: minimums.
int file_scale(kernels::Format format, const std::byte* block, std::size_t s);
int file_minimum(kernels::Format format, const std::byte* block, std::size_t s);

/// IEEE binary16 to double.
double f16_value(unsigned half);

}  // namespace garam::test
