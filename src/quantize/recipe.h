// How each weight format is searched: its codes, how it stores them, and where the search begins.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/layout.h"
#include "quantize/search.h"

namespace garam::quant {

struct Recipe {
  std::size_t part;  // values that share a scale
  Codebook book{};
  int bias = 0;                          // code of the book to code of the file
  const std::uint8_t* stored = nullptr;  // the same by a table
  std::span<const float> starts{};       // without a minimum
  std::span<const Ends> ends{};          // with one
  ScaleCode scale_code{};                // blocks of 256
  int scale_bias = 0;                    // added to a scale's integer in the file
  bool power_of_two = false;             // mxfp4
};

/// Of a format whose blocks have scales.
const Recipe& recipe_of(kernels::Format format);

/// The search of mxfp4: the power of two with least error for each lane.
Scales find_power_of_two(const kernels::Table& table, const LaneGroup& group, const Codebook& book);
/// The byte that stands for it.
std::uint16_t exponent_of(float scale);

}  // namespace garam::quant
