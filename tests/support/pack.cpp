// Decoding and packing, one element at a time.
#include "support/pack.h"

namespace garam::test {
namespace {

using kernels::Format;

std::size_t row_bytes(Format format, std::size_t k) {
  return k / file_block(format).values * file_block(format).bytes;
}

template <typename T>
T read(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

std::uint16_t flushed_bf16(std::uint16_t value) {
  return std::abs(std::bit_cast<float>(static_cast<std::uint32_t>(value) << 16)) < 0x1p-50f ? 0 : value;
}

/// A finite f16 pattern: any for kPattern, else of ordinary size with an odd one now and then.
std::uint16_t random_f16(Random& random, Values values) {
  const auto any = static_cast<std::uint16_t>(random.bits() & 0xfbff);
  if (values == Values::kPattern || random.below(40) == 0) return any;
  const int exponent = values == Values::kTiny ? 0 : values == Values::kHuge ? 28 : 10;
  return static_cast<std::uint16_t>((any & 0x83ff) | (exponent + static_cast<int>(random.below(3))) << 10);
}

std::uint16_t random_bf16(Random& random, Values values) {
  return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(random_value(random, values)) >> 16);
}

/// Puts the code of k i of a row into the planes of its block, as layout.h draws them.
void pack_code(Format format, unsigned code, std::size_t r, std::size_t i, std::byte* planes) {
  const auto put = [&](std::size_t plane, std::size_t group, unsigned bits) {
    planes[plane + (group * 32 + r) * 4 + i % 4] |= static_cast<std::byte>(bits);
  };
  const auto put_nibble = [&] { put(0, i % 16 / 4, (code & 15) << (i < 16 ? 0 : 4)); };
  const auto put_pair = [&](std::size_t plane, unsigned pair) {
    put(plane, i / 16, (pair & 3) << 2 * (i % 16 / 4));
  };
  const auto put_bit = [&](std::size_t plane, unsigned bit) { put(plane, 0, bit << i / 4); };
  switch (format) {
    case Format::kQ8_0:
      put(0, i / 4, code);
      break;
    case Format::kQ5_0:
    case Format::kQ5_1:
    case Format::kQ5_K:
      put_nibble();
      put_bit(512, code >> 4);
      break;
    case Format::kQ6_K:
      put_nibble();
      put_pair(512, code >> 4);
      break;
    case Format::kQ3_K:
      put_pair(0, code);
      put_bit(256, code >> 2);
      break;
    case Format::kQ2_K:
      put_pair(0, code);
      break;
    default:
      put_nibble();
  }
}

/// Copies what the header keeps of one file block of a row.
void pack_header(Format format, const std::byte* in, std::size_t r, std::size_t block_of_unit,
                 std::byte* header) {
  if (format == Format::kMxfp4) {
    header[block_of_unit * 32 + r] = in[0];
    return;
  }
  const HalfPlaces halves = half_places(format);
  for (std::size_t n = 0; n < halves.count; ++n) std::memcpy(header + n * 64 + r * 2, in + halves.at[n], 2);
  const auto put = [&](std::size_t at, int value) { header[at] = static_cast<std::byte>(value); };
  for (std::size_t s = 0; s < 16; ++s) {
    switch (format) {
      case Format::kQ4_K:
      case Format::kQ5_K:
        if (s < 12) header[128 + (s / 4 * 32 + r) * 4 + s % 4] = in[4 + s];
        break;
      case Format::kQ6_K:
      case Format::kQ3_K:
        put(64 + (s / 2 * 32 + r) * 2 + s % 2, file_scale(format, in, s));
        break;
      case Format::kQ2_K:
        put(128 + (s / 2 * 32 + r) * 2 + s % 2, file_scale(format, in, s) | file_minimum(format, in, s) << 4);
        break;
      case Format::kIq4Xs:
        if (s < 8) put(64 + s * 32 + r, file_scale(format, in, s));
        break;
      default:
        break;
    }
  }
}

void pack_element(const FileWeights& weights, std::size_t row, std::size_t k, std::byte* panel) {
  const std::byte* file_row = weights.bytes.data() + row * weights.row_bytes;
  const std::size_t r = row % 32;
  switch (weights.format) {
    case Format::kF32:
      std::memcpy(panel + (k * 32 + r) * 4, file_row + k * 4, 4);
      break;
    case Format::kF16:
      std::memcpy(panel + (k * 32 + r) * 2, file_row + k * 2, 2);
      break;
    case Format::kBf16: {
      const std::uint16_t value = flushed_bf16(read<std::uint16_t>(file_row + k * 2));
      std::memcpy(panel + (k / 2 * 64 + r * 2 + k % 2) * 2, &value, 2);
      break;
    }
    default: {
      const FileBlock block_of_file = file_block(weights.format);
      const std::byte* in = file_row + k / block_of_file.values * block_of_file.bytes;
      const kernels::Unit unit = kernels::unit_of(weights.format);
      std::byte* header = panel + k / unit.values * unit.bytes();
      const std::size_t s = k % unit.values / 32;
      if (k % block_of_file.values == 0) pack_header(weights.format, in, r, s, header);
      pack_code(weights.format, file_value(weights.format, in, k % block_of_file.values).code, r, k % 32,
                header + unit.header + s * unit.block);
    }
  }
}

}  // namespace

const char* to_string(Format format) {
  constexpr const char* kNames[] = {"f32",  "f16",  "bf16", "q8_0", "q4_0", "q4_1",   "q5_0",   "q5_1",
                                    "q2_K", "q3_K", "q4_K", "q5_K", "q6_K", "iq4_nl", "iq4_xs", "mxfp4"};
  return kNames[static_cast<std::size_t>(format)];
}

std::vector<Format> all_formats() {
  std::vector<Format> all;
  for (std::size_t i = 0; i < kernels::kFormatCount; ++i) all.push_back(static_cast<Format>(i));
  return all;
}

FileWeights random_weights(Random& random, Format format, std::size_t rows, std::size_t k, Values values) {
  FileWeights w{format, rows, k, row_bytes(format, k), {}};
  w.bytes.resize(rows * w.row_bytes);
  for (std::size_t row = 0; row < rows; ++row) {
    std::byte* out = w.bytes.data() + row * w.row_bytes;
    const auto put16 = [&](std::size_t at, std::uint16_t value) { std::memcpy(out + at, &value, 2); };
    for (std::size_t i = 0; i < k; ++i) {
      if (format == Format::kF32) {
        const float value = random_value(random, values);
        std::memcpy(out + i * 4, &value, 4);
      } else if (format == Format::kF16) {
        put16(i * 2, random_f16(random, values));
      } else if (format == Format::kBf16) {
        put16(i * 2, random_bf16(random, values));
      }
    }
    if (kernels::unit_of(format).values == 0) continue;
    const FileBlock block = file_block(format);
    for (std::byte* at = out; at < out + w.row_bytes; at += block.bytes) {
      // Blocks of the extreme codes make the largest sums that an integer kernel must hold.
      constexpr unsigned kExtremes[] = {0x00, 0x7f, 0x80, 0xff};
      const bool extreme = random.below(6) == 0;
      const unsigned code = kExtremes[random.below(4)];
      for (std::size_t i = 0; i < block.bytes; ++i) {
        at[i] = static_cast<std::byte>(extreme ? code : random.bits() & 0xff);
      }
      const HalfPlaces halves = half_places(format);
      for (std::size_t n = 0; n < halves.count; ++n) {
        put16(static_cast<std::size_t>(at - out) + halves.at[n], random_f16(random, values));
      }
      if (format == Format::kMxfp4) {
        at[0] =
            static_cast<std::byte>(values == Values::kPattern ? random.below(255) : 100 + random.below(40));
      }
    }
  }
  return w;
}

WeightParts weight_parts(const FileWeights& weights, std::size_t row, std::size_t k) {
  const std::byte* in = weights.bytes.data() + row * weights.row_bytes;
  switch (weights.format) {
    case Format::kF32:
      return {read<float>(in + k * 4), 0};
    case Format::kF16:
      return {f16_value(read<std::uint16_t>(in + k * 2)), 0};
    case Format::kBf16: {
      const auto bits = static_cast<std::uint32_t>(flushed_bf16(read<std::uint16_t>(in + k * 2))) << 16;
      return {std::bit_cast<float>(bits), 0};
    }
    default: {
      const FileBlock block = file_block(weights.format);
      const FileValue v = file_value(weights.format, in + k / block.values * block.bytes, k % block.values);
      return {v.scale * v.integer, v.minimum};
    }
  }
}

std::size_t panel_count(const FileWeights& weights) {
  return (weights.rows + 31) / 32;
}

void pack_panels(const FileWeights& weights, std::byte* panels) {
  const std::size_t bytes = kernels::panel_bytes(weights.format, weights.k);
  std::memset(panels, 0, panel_count(weights) * bytes);
  for (std::size_t row = 0; row < weights.rows; ++row) {
    for (std::size_t k = 0; k < weights.k; ++k) pack_element(weights, row, k, panels + row / 32 * bytes);
  }
}

}  // namespace garam::test
