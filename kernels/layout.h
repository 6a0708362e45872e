// Where every number lies: packed weight panels, activations, KV pages. One layout per platform, the same for
// all kernel tables, so that a model is packed once and any table can compute on it.
//
// A weight of `rows x k` is cut into panels of 32 rows (the last one padded with zero rows). A vector lane is
// an output row: a kernel walks k ascending and never adds across lanes.
//
//   f32   panel = [k][32 rows]                                                   128 B per k
//   f16   panel = [k][32 rows]                                                    64 B per k
//   bf16  panel = [ceil(k/2)][32 rows][2 k]  odd k padded with a zero             128 B per pair
//
// All other formats hold blocks of 32 k per row, quantised to small integers. A panel is a run of units: a
// header of scales, then the integers of the unit's blocks (1, 2 or 8), 32 rows side by side in each. All
// integers are stored unsigned; the format says what to subtract or which table to look up.
//
//   format  k of a unit, bytes   header                                      integers of a block, in planes
//   q8_0      32   64 + 1024     d                                           bytes, weight + 128
//   q4_0      32   64 +  512     d                                           nibbles, weight + 8
//   q4_1      32  128 +  512     d, m                                        nibbles
//   q5_0      32   64 +  640     d                                           nibbles, bits << 4: weight + 16
//   q5_1      32  128 +  640     d, m                                        nibbles, bits << 4
//   iq4_nl    32   64 +  512     d                                           nibbles, by the table of iq4
//   mxfp4     64   64 + 2*512    e8m0 exponent [2 blocks][32 rows]           nibbles, by the table of mxfp4
//   q2_K     256  640 + 8*256    d, dmin, scale | min << 4 [8][32][2]        pairs
//   q3_K     256  576 + 8*384    d, scale - 32 as int8 [8][32][2]            pairs, bits << 2: weight + 4
//   q4_K     256  512 + 8*512    d, dmin, 6-bit scales and mins [3][32][4]   nibbles
//   q5_K     256  512 + 8*640    as q4_K                                     nibbles, bits << 4
//   q6_K     256  576 + 8*768    d, scale as int8 [8][32][2]                 nibbles, pairs << 4: weight + 32
//   iq4_xs   256  320 + 8*512    d, scale - 32 as int8 [8][32]               nibbles, by the table of iq4
//
// d, m and dmin are f16 [32 rows]. [8] counts blocks, [2] halves of 16 k. The 12 bytes of 6-bit numbers of
// q4_K and q5_K are those of the file, as three words of four bytes. Planes, i counting the k of a block:
//
//   bytes    1024 B  [8][32 rows][4]  byte j of group g: i = 4g + j
//   nibbles   512 B  [4][32 rows][4]  byte j of group g: low nibble i = 4g + j, high nibble i = 16 + 4g + j
//   pairs     256 B  [2][32 rows][4]  byte j of half h:  bits 2s and 2s + 1 are i = 16h + 4s + j
//   bits      128 B     [32 rows][4]  byte j:            bit g is i = 4g + j
//
// docs/kernels.md draws them. A mxfp4 row of an odd number of blocks ends with one that is not computed.
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
enum class Format : std::uint8_t {
  kF32,
  kF16,
  kBf16,
  kQ8_0,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ2_K,
  kQ3_K,
  kQ4_K,
  kQ5_K,
  kQ6_K,
  kIq4Nl,
  kIq4Xs,
  kMxfp4
};
inline constexpr std::size_t kFormatCount = 16;

/// The form in which activations meet a weight format.
enum class ActivationForm : std::uint8_t { kF32, kBf16, kQ8 };

constexpr std::size_t round_up(std::size_t n, std::size_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

/// A unit of a block format: `values` k of 32 rows, `header` bytes of scales, then `block` bytes for the
/// integers of every 32 k.
struct Unit {
  std::size_t values;
  std::size_t header;
  std::size_t block;

  constexpr std::size_t bytes() const { return header + values / kBlock * block; }
};

/// No values for f32, f16 and bf16.
constexpr Unit unit_of(Format format) {
  switch (format) {
    case Format::kQ8_0:
      return {32, 64, 1024};
    case Format::kQ4_0:
    case Format::kIq4Nl:
      return {32, 64, 512};
    case Format::kQ4_1:
      return {32, 128, 512};
    case Format::kQ5_0:
      return {32, 64, 640};
    case Format::kQ5_1:
      return {32, 128, 640};
    case Format::kQ2_K:
      return {256, 640, 256};
    case Format::kQ3_K:
      return {256, 576, 384};
    case Format::kQ4_K:
      return {256, 512, 512};
    case Format::kQ5_K:
      return {256, 512, 640};
    case Format::kQ6_K:
      return {256, 576, 768};
    case Format::kIq4Xs:
      return {256, 320, 512};
    case Format::kMxfp4:
      return {64, 64, 512};
    case Format::kF32:
    case Format::kF16:
    case Format::kBf16:
      break;
  }
  return {0, 0, 0};
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
    default:
      return (k + unit_of(format).values - 1) / unit_of(format).values * unit_of(format).bytes();
  }
}

constexpr ActivationForm activation_form(Format format) {
  switch (format) {
    case Format::kF32:
    case Format::kF16:
      return ActivationForm::kF32;
    case Format::kBf16:
      return ActivationForm::kBf16;
    default:
      return ActivationForm::kQ8;
  }
}

/// 32 activations in the form that block formats meet (numerics rule 3), with the sums that kernels start
/// from. Everything follows from q and scale.
struct alignas(kAlignment) ActivationBlock {
  std::int8_t q[kBlock];     // in [-127, 127]
  float scale;               // may be NaN: poison
  float scaled_sum;          // fl(scale * sum)
  std::int16_t half_sum[2];  // of q[0..15] and q[16..31]
  std::int16_t
      minus_lanes[2][2];  // [half][lane]: minus the sum of the half's q[4g + 2 lane], q[4g + 2 lane + 1]
  std::int16_t minus_all_lanes[2];  // both halves
  std::int32_t minus_8_sums;        // -8 * sum(), where the dots of codes begin that are stored 8 too large
  std::int32_t minus_128_sums;      // the same for 128

  constexpr std::int32_t sum() const { return half_sum[0] + half_sum[1]; }
};

/// What the codes of iq4_nl and iq4_xs stand for.
constexpr std::int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                        1,    13,   25,  38,  53,  69,  89,  113};
/// Twice what the codes of mxfp4 (e2m1) stand for.
constexpr std::int8_t kMxfp4Values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

/// Element types of KV pages.
enum class KvFormat : std::uint8_t { kF16, kF32, kQ8_0 };
inline constexpr std::size_t kKvFormatCount = 3;

// K and V of one KV page, one layer and one kv head, 64 positions:
//   K  [64 / 16][head_dim][16 keys]     a lane is a key
//   V  [64][value_stride]               a lane is a value dimension; value_stride = head_dim rounded up to
//                                       16, the padding is zero
// Elements are f16, f32 or, with q8_0, signed bytes. In front of the bytes of K, and of those of V, lie their
// scales, f16, one for 32 dimensions of a position (fewer in the last block):
//      [ceil(head_dim / 32)][64 positions]
// so that the scales of 16 keys are 16 lanes, and elements lie as they do in the other types.
// Every slot is finite at all times: pages start zeroed, stores saturate (f16 elements and scales) and never
// write NaN or infinity.
constexpr std::size_t value_stride(std::size_t value_dim) {
  return round_up(value_dim, kLanes);
}

constexpr std::size_t kv_element_bytes(KvFormat format) {
  return format == KvFormat::kF32 ? 4 : format == KvFormat::kF16 ? 2 : 1;
}

/// Bytes in front of the elements of K or V of `dim` dimensions: a multiple of 64.
constexpr std::size_t kv_scale_bytes(KvFormat format, std::size_t dim) {
  return format == KvFormat::kQ8_0 ? (dim + kBlock - 1) / kBlock * kPagePositions * 2 : 0;
}

/// Bytes of K and of V of one page, one layer and one kv head.
constexpr std::size_t k_page_bytes(KvFormat format, std::size_t key_dim) {
  return kv_scale_bytes(format, key_dim) + kPagePositions * key_dim * kv_element_bytes(format);
}
constexpr std::size_t v_page_bytes(KvFormat format, std::size_t value_dim) {
  return kv_scale_bytes(format, value_dim) +
         kPagePositions * value_stride(value_dim) * kv_element_bytes(format);
}

/// Floats of scratch that an attention chunk kernel may use, per worker.
constexpr std::size_t attention_scratch_floats(std::size_t key_dim, std::size_t value_dim) {
  return kChunkPositions * (key_dim + value_stride(value_dim)) + 1024;
}

}  // namespace garam::kernels
