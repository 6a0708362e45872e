// Rows of a tensor of a file, from one weight type to another.
#pragma once

#include <cstdint>
#include <span>

#include "io/model_file.h"
#include "kernels/kernels.h"
#include "tensor/weight_format.h"

namespace garam::quant {

struct Rows {
  const ModelFile& file;
  const GgufTensor& tensor;
  const WeightFormat& from;
  std::uint64_t first, count;

  /// Reads the rows and writes them as `to`. `importance`: of the columns, or empty. Throws what
  /// ModelFile::read throws, and Error(kArgument) for weights that are not finite or too large.
  void convert(const kernels::Table& table, const WeightFormat& to, std::span<const float> importance,
               std::byte* out) const;
  /// The two halves of it. Reads the rows as f32 into `values`, count * columns. Throws as convert() does.
  void read(std::span<float> values) const;
  /// Writes values of these rows as `to`. Throws Error(kArgument) for values too large.
  void write(std::span<const float> values, const kernels::Table& table, const WeightFormat& to,
             std::span<const float> importance, std::byte* out) const;
};

}  // namespace garam::quant
