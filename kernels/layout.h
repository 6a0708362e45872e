// Where every number lies: packed weight panels, activations, KV pages. One layout per platform, the same for
// all kernel tables, so that a model is packed once and any table can compute on it.
//
// A weight of `rows x k` is cut into panels of 32 rows (the last one padded with zero rows). A vector lane is
// an output row: a kernel walks k ascending and never adds across lanes.
//
//   f32   panel = [k][32 rows]                                                   128 B per k
//   f16   panel = [k][32 rows]                                                    64 B per k
//   bf16  panel = [ceil(k/2)][32 rows][2 k]  odd k padded with a zero             128 B per pair
//   q8_0  panel = [k/32] blocks of 1088 B:
//           64 B   f16 scale of 32 rows
//           1024 B [k-group 0..7][32 rows][4 k]   weight + 128, unsigned
//   q4_0  panel = [k/32] blocks of 576 B:
//           64 B   f16 scale of 32 rows
//           512 B  [k-group 0..3][32 rows][4 bytes]  byte j of group g: low nibble k = 4g + j,
//                                                    high nibble k = 16 + 4g + j (weight + 8, unsigned)
#pragma once

#include <cstddef>
#include <cstdint>

namespace garam::kernels {

inline constexpr std::size_t kPanelRows = 32;
inline constexpr std::size_t kBlock = 32;            // values under one activation scale
inline constexpr std::size_t kLanes = 16;            // stripes of a one-row sum; keys of a K block
inline constexpr std::size_t kPagePositions = 64;    // positions of one KV page
inline constexpr std::size_t kChunkPositions = 256;  // keys of one attention chunk, at absolute positions
inline constexpr std::size_t kChunkPages = kChunkPositions / kPagePositions;
inline constexpr std::size_t kAlignment = 64;  // of panels, activation buffers and KV pages

/// Packed weight formats.
enum class Format : std::uint8_t { kF32, kF16, kBf16, kQ8_0, kQ4_0 };
inline constexpr std::size_t kFormatCount = 5;

/// The form in which activations meet a weight format.
enum class ActivationForm : std::uint8_t { kF32, kBf16, kQ8 };

constexpr std::size_t round_up(std::size_t n, std::size_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

/// Bytes of one panel of `k` columns.
constexpr std::size_t panel_bytes(Format format, std::size_t k) {
  switch (format) {
    case Format::kF32:
      return k * kPanelRows * 4;
    case Format::kF16:
      return k * kPanelRows * 2;
    case Format::kBf16:
      return (k + 1) / 2 * kPanelRows * 4;
    case Format::kQ8_0:
      return k / kBlock * 1088;
    case Format::kQ4_0:
      return k / kBlock * 576;
  }
  return 0;
}

constexpr ActivationForm activation_form(Format format) {
  switch (format) {
    case Format::kF32:
    case Format::kF16:
      return ActivationForm::kF32;
    case Format::kBf16:
      return ActivationForm::kBf16;
    case Format::kQ8_0:
    case Format::kQ4_0:
      return ActivationForm::kQ8;
  }
  return ActivationForm::kF32;
}

// One KV page of one layer and one kv head, 64 positions, element f16 or f32:
//   K  [64 / 16][head_dim][16 keys]     a lane is a key
//   V  [64][value_stride]               a lane is a value dimension; value_stride = head_dim rounded up to
//   16,
//                                       the padding is zero
// Every slot is finite at all times: pages start zeroed, stores saturate (f16) and never write NaN or
// infinity.
constexpr std::size_t value_stride(std::size_t value_dim) {
  return round_up(value_dim, kLanes);
}

/// Floats of scratch that an attention chunk kernel may use, per worker.
constexpr std::size_t attention_scratch_floats(std::size_t key_dim, std::size_t value_dim) {
  return kChunkPositions * (key_dim + value_stride(value_dim)) + 1024;
}

}  // namespace garam::kernels
