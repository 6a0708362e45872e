// q4_0 weights. File block of 32: f16 scale, 16 bytes with value i in the low and i + 16 in the high nibble
// of byte i. Panel block: layout.h; the nibbles keep their places, four bytes at a time.
#include <cmath>
#include <cstring>

#include "tensor/half.h"
#include "tensor/weight_format.h"

namespace garam {
namespace {

constexpr std::size_t kRows = kernels::kPanelRows;
constexpr std::size_t kFileBlock = 18;
constexpr std::size_t kPanelBlock = 576;

bool pack(const std::byte* rows, std::size_t row_count, std::size_t k, std::byte* panel) {
  const std::size_t blocks = k / kernels::kBlock;
  bool finite = true;
  for (std::size_t b = 0; b < blocks; ++b) {
    std::byte* out = panel + b * kPanelBlock;
    if (row_count < kRows) {
      std::memset(out, 0, 64);
      std::memset(out + 64, 0x88, 512);
    }
    for (std::size_t r = 0; r < row_count; ++r) {
      const std::byte* in = rows + (r * blocks + b) * kFileBlock;
      std::uint16_t scale;
      std::memcpy(&scale, in, 2);
      finite &= (scale & 0x7c00) != 0x7c00;
      std::memcpy(out + r * 2, &scale, 2);
      for (std::size_t g = 0; g < 4; ++g) std::memcpy(out + 64 + (g * kRows + r) * 4, in + 2 + g * 4, 4);
    }
  }
  return finite;
}

void unpack(const std::byte* panel, std::size_t row, std::size_t k, float* out) {
  for (std::size_t i = 0; i < k; ++i) {
    const std::byte* block = panel + i / kernels::kBlock * kPanelBlock;
    std::uint16_t scale;
    std::memcpy(&scale, block + row * 2, 2);
    const std::size_t byte = i % 16;
    const auto both = static_cast<std::uint8_t>(block[64 + (byte / 4 * kRows + row) * 4 + byte % 4]);
    const int nibble = i % kernels::kBlock < 16 ? both & 15 : both >> 4;
    out[i] = half_to_float(scale) * static_cast<float>(nibble - 8);
  }
}

void encode(const float* values, std::size_t k, std::byte* row) {
  for (std::size_t b = 0; b < k / kernels::kBlock; ++b, values += kernels::kBlock, row += kFileBlock) {
    float extreme = 0;  // of largest magnitude, with its sign: it becomes -8, the widest code
    for (std::size_t i = 0; i < kernels::kBlock; ++i) {
      if (std::fabs(values[i]) > std::fabs(extreme)) extreme = values[i];
    }
    const std::uint16_t scale = float_to_half(extreme / -8.0f);
    const float step = half_to_float(scale);
    std::memcpy(row, &scale, 2);
    const auto code = [&](float value) {
      const float q = step != 0 ? std::nearbyint(value / step) + 8.0f : 8.0f;
      return static_cast<unsigned>(std::fmin(15.0f, std::fmax(0.0f, q)));
    };
    for (std::size_t i = 0; i < 16; ++i) {
      row[2 + i] = static_cast<std::byte>(code(values[i]) | code(values[i + 16]) << 4);
    }
  }
}

}  // namespace

const WeightFormat kFormatQ4_0 = {"q4_0", 2, kernels::Format::kQ4_0, 32, kFileBlock, pack, unpack, encode};

}  // namespace garam
