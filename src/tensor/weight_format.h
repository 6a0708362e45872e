// The table of weight formats that garam computes: one row per format, one file per format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/layout.h"
#include "tensor/block_parts.h"

namespace garam {

struct WeightFormat {
  std::string_view name;   // as ggml calls it
  std::uint32_t ggml_id;   // the type number in GGUF files
  kernels::Format format;  // the packed format
  std::size_t block;       // values in a block of the file; rows are whole blocks
  std::size_t block_bytes;

  /// Packs `row_count` <= 32 file rows of k values, one after the other at `rows`, into one panel; missing
  /// rows become zero. Returns false when a scale or weight is not finite; the panel is then unspecified.
  bool (*pack)(const std::byte* rows, std::size_t row_count, std::size_t k, std::byte* panel);
  /// One row of a panel back as f32: what scales and integers give exactly, rounded once
  /// (an embedding).
  void (*unpack)(const std::byte* panel, std::size_t row, std::size_t k, float* out);
  /// f32 values to one file row, to nearest; null where a block has a scale, which src/quantize searches.
  void (*encode)(const float* values, std::size_t k, std::byte* row);
  /// One block of the file out of its parts; null where encode() is not.
  void (*write)(const BlockParts& parts, std::byte* block);

  /// Bytes of one row of k values in the file.
  std::size_t row_bytes(std::size_t k) const { return k / block * block_bytes; }
};

/// All formats.
std::span<const WeightFormat* const> weight_formats();
/// By ggml type number, or null when garam does not compute it.
const WeightFormat* find_weight_format(std::uint32_t ggml_id);
/// By name, or null.
const WeightFormat* find_weight_format(std::string_view name);

extern const WeightFormat kFormatF32;
extern const WeightFormat kFormatF16;
extern const WeightFormat kFormatBf16;
extern const WeightFormat kFormatQ8_0;
extern const WeightFormat kFormatQ4_0;
extern const WeightFormat kFormatQ4_1;
extern const WeightFormat kFormatQ5_0;
extern const WeightFormat kFormatQ5_1;
extern const WeightFormat kFormatQ2_K;
extern const WeightFormat kFormatQ3_K;
extern const WeightFormat kFormatQ4_K;
extern const WeightFormat kFormatQ5_K;
extern const WeightFormat kFormatQ6_K;
extern const WeightFormat kFormatIq4Nl;
extern const WeightFormat kFormatIq4Xs;
extern const WeightFormat kFormatMxfp4;

}  // namespace garam
