// Weights as a model file holds them, their values, and a packer that follows the drawing in layout.h element
// by element: slow, obvious and independent of the one in src/tensor, so that a packing bug cannot hide
// behind itself.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels/layout.h"
#include "support/file_block.h"
#include "support/random.h"

namespace garam::test {

/// `rows` rows of `k` values in GGUF's encoding, one after the other.
struct FileWeights {
  kernels::Format format;
  std::size_t rows;
  std::size_t k;
  std::size_t row_bytes;
  std::vector<std::byte> bytes;
};

const char* to_string(kernels::Format format);

/// Every format, in the order of the enumeration.
std::vector<kernels::Format> all_formats();

/// Finite random weights; for the block formats every code occurs, -128 too, and scales of every size.
FileWeights random_weights(Random& random, kernels::Format format, std::size_t rows, std::size_t k,
                           Values values);

/// One weight as the file means it, in two parts to be added; bf16 below 2^-50 counts as zero (numerics rule
/// 4).
struct WeightParts {
  double product;
  double minimum;
};
WeightParts weight_parts(const FileWeights& weights, std::size_t row, std::size_t k);

std::size_t panel_count(const FileWeights& weights);

/// All panels; `panels` has room for panel_count() * panel_bytes().
void pack_panels(const FileWeights& weights, std::byte* panels);

}  // namespace garam::test
