// Decoding and packing, one element at a time.
#include "support/pack.h"

namespace garam::test {
namespace {

using kernels::Format;

std::size_t row_bytes(Format format, std::size_t k) {
  switch (format) {
    case Format::kF32:
      return 4 * k;
    case Format::kF16:
    case Format::kBf16:
      return 2 * k;
    case Format::kQ8_0:
      return k / 32 * 34;
    case Format::kQ4_0:
      return k / 32 * 18;
  }
  return 0;
}

template <typename T>
T read(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

double f16_value(std::uint16_t half) {
  const int exponent = half >> 10 & 31;
  const int mantissa = half & 1023;
  const double magnitude =
      exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return (half & 0x8000) != 0 ? -magnitude : magnitude;
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

struct Nibble {
  std::size_t byte;
  int shift;
};
/// Where a q4_0 file block keeps value i of 32.
Nibble nibble_in_file(std::size_t i) {
  return {i % 16, i < 16 ? 0 : 4};
}

int code_q4(const std::byte* block, std::size_t i) {
  const Nibble at = nibble_in_file(i);
  return static_cast<int>(block[2 + at.byte]) >> at.shift & 15;
}

void pack_element(const FileWeights& weights, std::size_t row, std::size_t k, std::byte* panel) {
  const std::byte* file_row = weights.bytes.data() + row * weights.row_bytes;
  const std::size_t r = row % 32;
  const std::size_t block = k / 32;
  const std::size_t i = k % 32;
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
    case Format::kQ8_0: {
      const std::byte* in = file_row + block * 34;
      std::byte* out = panel + block * 1088;
      std::memcpy(out + r * 2, in, 2);
      out[64 + (i / 4 * 32 + r) * 4 + i % 4] = static_cast<std::byte>(read<std::int8_t>(in + 2 + i) + 128);
      break;
    }
    case Format::kQ4_0: {
      const std::byte* in = file_row + block * 18;
      std::byte* out = panel + block * 576;
      std::memcpy(out + r * 2, in, 2);
      const std::size_t j = i % 16;
      out[64 + (j / 4 * 32 + r) * 4 + j % 4] |= static_cast<std::byte>(code_q4(in, i) << (i < 16 ? 0 : 4));
      break;
    }
  }
}

}  // namespace

const char* to_string(Format format) {
  constexpr const char* kNames[] = {"f32", "f16", "bf16", "q8_0", "q4_0"};
  return kNames[static_cast<std::size_t>(format)];
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
      } else {
        const std::size_t block_bytes = format == Format::kQ8_0 ? 34 : 18;
        const std::size_t block = i / 32 * block_bytes;
        if (i % 32 == 0) put16(block, random_f16(random, values));
        // Runs of the extreme codes make the largest sums that an integer kernel must hold.
        const std::uint32_t code =
            random.below(6) == 0 ? (random.bits() % 2 != 0 ? 0x80u : 0x7fu) : random.bits();
        if (i % 32 < block_bytes - 2) out[block + 2 + i % 32] = static_cast<std::byte>(code & 0xff);
      }
    }
  }
  return w;
}

double weight_value(const FileWeights& weights, std::size_t row, std::size_t k) {
  const std::byte* in = weights.bytes.data() + row * weights.row_bytes;
  switch (weights.format) {
    case Format::kF32:
      return read<float>(in + k * 4);
    case Format::kF16:
      return f16_value(read<std::uint16_t>(in + k * 2));
    case Format::kBf16:
      return std::bit_cast<float>(static_cast<std::uint32_t>(flushed_bf16(read<std::uint16_t>(in + k * 2)))
                                  << 16);
    case Format::kQ8_0:
      in += k / 32 * 34;
      return f16_value(read<std::uint16_t>(in)) * read<std::int8_t>(in + 2 + k % 32);
    case Format::kQ4_0:
      in += k / 32 * 18;
      return f16_value(read<std::uint16_t>(in)) * (code_q4(in, k % 32) - 8);
  }
  return 0;
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
