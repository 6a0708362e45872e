// Rows of f32 to rows of a weight format whose blocks have scales.
#pragma once

#include <cstddef>
#include <span>

#include "kernels/kernels.h"
#include "tensor/weight_format.h"

namespace garam::quant {

/// Values to blocks of `format`, which has write(): consecutive rows of k values, k whole blocks.
/// `importance` [k], finite and not negative, weighs the squared errors of a column; without it all weigh the
/// same. The result depends on nothing but the arguments, not even on `table`. Values are finite.
///
/// Returns false where a value is too large for the format's scales.
bool quantize_rows(const kernels::Table& table, const WeightFormat& format, const float* values,
                   std::size_t rows, std::size_t k, const float* importance, std::byte* out);

}  // namespace garam::quant
