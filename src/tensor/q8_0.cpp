// q8_0 weights. File block of 32: f16 scale, 32 signed bytes. Panel block: layout.h, integers plus 128.
#include <cmath>
#include <cstring>

#include "tensor/half.h"
#include "tensor/weight_format.h"

namespace garam {
namespace {

constexpr std::size_t kRows = kernels::kPanelRows;
constexpr std::size_t kFileBlock = 34;
constexpr std::size_t kPanelBlock = 1088;
constexpr std::uint32_t kBias = 0x80808080;  // four weights at once: w + 128 is w with its sign bit flipped

bool pack(const std::byte* rows, std::size_t row_count, std::size_t k, std::byte* panel) {
  const std::size_t blocks = k / kernels::kBlock;
  bool finite = true;
  for (std::size_t b = 0; b < blocks; ++b) {
    std::byte* out = panel + b * kPanelBlock;
    if (row_count < kRows) {
      std::memset(out, 0, 64);
      std::memset(out + 64, 0x80, 1024);
    }
    for (std::size_t r = 0; r < row_count; ++r) {
      const std::byte* in = rows + (r * blocks + b) * kFileBlock;
      std::uint16_t scale;
      std::memcpy(&scale, in, 2);
      finite &= (scale & 0x7c00) != 0x7c00;
      std::memcpy(out + r * 2, &scale, 2);
      for (std::size_t g = 0; g < 8; ++g) {
        std::uint32_t four;
        std::memcpy(&four, in + 2 + g * 4, 4);
        four ^= kBias;
        std::memcpy(out + 64 + (g * kRows + r) * 4, &four, 4);
      }
    }
  }
  return finite;
}

void unpack(const std::byte* panel, std::size_t row, std::size_t k, float* out) {
  for (std::size_t i = 0; i < k; ++i) {
    const std::byte* block = panel + i / kernels::kBlock * kPanelBlock;
    std::uint16_t scale;
    std::memcpy(&scale, block + row * 2, 2);
    const std::size_t in_block = i % kernels::kBlock;
    const auto biased =
        static_cast<std::uint8_t>(block[64 + (in_block / 4 * kRows + row) * 4 + in_block % 4]);
    out[i] = half_to_float(scale) * static_cast<float>(biased - 128);
  }
}

void encode(const float* values, std::size_t k, std::byte* row) {
  for (std::size_t b = 0; b < k / kernels::kBlock; ++b, values += kernels::kBlock, row += kFileBlock) {
    float largest = 0;
    for (std::size_t i = 0; i < kernels::kBlock; ++i) largest = std::fmax(largest, std::fabs(values[i]));
    const std::uint16_t scale = float_to_half(largest / 127.0f);
    const float step = half_to_float(scale);
    std::memcpy(row, &scale, 2);
    for (std::size_t i = 0; i < kernels::kBlock; ++i) {
      const float q = step > 0 ? std::nearbyint(values[i] / step) : 0.0f;
      row[2 + i] = static_cast<std::byte>(static_cast<std::int8_t>(std::fmin(127.0f, std::fmax(-127.0f, q))));
    }
  }
}

}  // namespace

const WeightFormat kFormatQ8_0 = {"q8_0", 8, kernels::Format::kQ8_0, 32, kFileBlock, pack, unpack, encode};

}  // namespace garam
