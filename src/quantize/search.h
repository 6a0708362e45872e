// The search for scales: of one block, and of the scales of scales of formats with blocks of 256. Every step
// is a sum over a block by a kernel, then closed-form least squares a lane.
#pragma once

#include <cstdint>
#include <span>

#include "quantize/lane_group.h"

namespace garam::quant {

/// value = scale * q - minimum. Where a format has no minimum it is zero.
struct Scales {
  Lane scale, minimum;
};

/// For each lane the scale of least weighted squared error, not rounded. `starts`: the codes that the value
/// of largest magnitude is given to begin with.
Scales find_scale(const kernels::Table& table, const LaneGroup& group, const Codebook& book,
                  std::span<const float> starts);

/// The codes that a search with minimums begins with, for the smallest and the largest value.
struct Ends {
  float low, high;
};
/// kSubtracted: minimum >= 0, as formats need it that multiply an unsigned integer with a common f16.
enum class Minimum : std::uint8_t { kAny, kSubtracted };
/// The same for formats with a minimum.
Scales find_scale_and_minimum(const kernels::Table& table, const LaneGroup& group, const Codebook& book,
                              std::span<const Ends> starts, Minimum minimum);

/// Rounds every lane's scale to f16 and looks at its neighbours; `minimums`: each with the best minimum in
/// f16.
void round_to_f16(const kernels::Table& table, const LaneGroup& group, const Codebook& book, bool minimums,
                  Scales* scales);

/// How a block of 256 stores scales: value = (d * scale) * q - (dmin * minimum), d and dmin f16.
struct ScaleCode {
  float low, high;  // of the scales' integers; minimums are in [0, high]
  bool minimums;
  std::size_t lanes;  // that share d and dmin: 8 or 16
};
/// A group's scales as a file holds them.
struct SuperScales {
  std::uint16_t d[2] = {}, dmin[2] = {};  // f16
  Lane scale, minimum;                    // integers
  Scales value(const ScaleCode& code) const;
};
/// Rounds the lanes' scales to integers times d and looks around them for less error.
SuperScales round_to_integers(const kernels::Table& table, const LaneGroup& group, const Codebook& book,
                              const ScaleCode& code, const Scales& exact);

/// Codes [n][16] at scales that are final.
void final_codes(const kernels::Table& table, const LaneGroup& group, const Codebook& book,
                 const Scales& scales, std::int8_t* codes);

}  // namespace garam::quant
