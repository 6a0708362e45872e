// Sixteen blocks at a time: gather, search, round the scales, write the codes.
#include "quantize/quantizer.h"

#include <array>
#include <bit>
#include <cmath>

#include "quantize/recipe.h"
#include "tensor/half.h"

namespace garam::quant {
namespace {

using kernels::Table;

/// Where the blocks of a matrix lie, row after row.
struct Blocks {
  const float* values;
  const float* importance;
  std::size_t k;

  /// Values [index * n, ...) of the matrix into a lane.
  void load(LaneGroup& group, std::size_t lane, std::size_t index) const {
    const std::size_t at = index * group.n;
    group.set(lane, values + at, importance != nullptr ? importance + at % k : nullptr);
  }
};

/// The codes of one lane, as stored.
void store_codes(const Recipe& recipe, const std::int8_t* codes, std::size_t n, std::size_t lane,
                 std::uint8_t* to) {
  for (std::size_t i = 0; i < n; ++i) {
    const int code = codes[i * kLanes + lane];
    to[i] = recipe.stored != nullptr ? recipe.stored[code] : static_cast<std::uint8_t>(code + recipe.bias);
  }
}

/// One block of the file for each lane.
void single_scales(const Table& table, const Recipe& recipe, const LaneGroup& group, Scales* scales) {
  if (recipe.ends.empty()) {
    *scales = find_scale(table, group, recipe.book, recipe.starts);
  } else {
    *scales = find_scale_and_minimum(table, group, recipe.book, recipe.ends, Minimum::kAny);
  }
  round_to_f16(table, group, recipe.book, !recipe.ends.empty(), scales);
}

bool small_blocks(const Table& table, const WeightFormat& format, const Recipe& recipe, const Blocks& from,
                  std::size_t count, std::byte* out) {
  LaneGroup group;
  group.n = recipe.part;
  std::int8_t codes[kLongestBlock * kLanes];
  BlockParts parts{};
  bool fits = true;
  for (std::size_t first = 0; first < count; first += kLanes) {
    const std::size_t lanes = std::min(kLanes, count - first);
    for (std::size_t l = 0; l < kLanes; ++l) l < lanes ? from.load(group, l, first + l) : group.clear(l);
    group.finish();
    Scales scales;
    if (recipe.power_of_two) {
      scales = find_power_of_two(table, group, recipe.book);
    } else {
      single_scales(table, recipe, group, &scales);
    }
    final_codes(table, group, recipe.book, scales, codes);
    for (std::size_t l = 0; l < lanes; ++l, out += format.block_bytes) {
      fits &= std::isfinite(scales.scale[l]) && std::isfinite(scales.minimum[l]);
      store_codes(recipe, codes, group.n, l, parts.codes.data());
      parts.scale = recipe.power_of_two ? exponent_of(scales.scale[l]) : float_to_half(scales.scale[l]);
      parts.minimum = float_to_half(-scales.minimum[l]);
      format.write(parts, out);
    }
  }
  return fits;
}

bool large_blocks(const Table& table, const WeightFormat& format, const Recipe& recipe, const Blocks& from,
                  std::size_t count, std::byte* out) {
  const std::size_t lanes = recipe.scale_code.lanes, blocks = kLanes / lanes;
  LaneGroup group;
  group.n = recipe.part;
  std::int8_t codes[kLongestBlock * kLanes];
  BlockParts parts{};
  bool fits = true;
  for (std::size_t first = 0; first < count; first += blocks) {
    for (std::size_t l = 0; l < kLanes; ++l) {
      first + l / lanes < count ? from.load(group, l, first * lanes + l) : group.clear(l);
    }
    group.finish();
    const Scales exact =
        recipe.scale_code.minimums
            ? find_scale_and_minimum(table, group, recipe.book, recipe.ends, Minimum::kSubtracted)
            : find_scale(table, group, recipe.book, recipe.starts);
    const SuperScales rounded = round_to_integers(table, group, recipe.book, recipe.scale_code, exact);
    final_codes(table, group, recipe.book, rounded.value(recipe.scale_code), codes);
    for (std::size_t b = 0; b < blocks && first + b < count; ++b, out += format.block_bytes) {
      for (std::size_t s = 0; s < lanes; ++s) {
        const std::size_t l = b * lanes + s;
        store_codes(recipe, codes, group.n, l, parts.codes.data() + s * group.n);
        parts.scales[s] = static_cast<std::uint8_t>(static_cast<int>(rounded.scale[l]) + recipe.scale_bias);
        parts.minimums[s] = static_cast<std::uint8_t>(rounded.minimum[l]);
      }
      parts.scale = rounded.d[b];
      parts.minimum = rounded.dmin[b];
      fits &= (parts.scale & 0x7c00) != 0x7c00 && (parts.minimum & 0x7c00) != 0x7c00;
      format.write(parts, out);
    }
  }
  return fits;
}

}  // namespace

bool quantize_rows(const Table& table, const WeightFormat& format, const float* values, std::size_t rows,
                   std::size_t k, const float* importance, std::byte* out) {
  const Recipe& recipe = recipe_of(format.format);
  const Blocks from{values, importance, k};
  const std::size_t count = rows * (k / format.block);
  return format.block == 256 ? large_blocks(table, format, recipe, from, count, out)
                             : small_blocks(table, format, recipe, from, count, out);
}

}  // namespace garam::quant
