// f16 weights: panels [k][32 rows], values as they are.
#include <cstring>

#include "tensor/half.h"
#include "tensor/transpose.h"
#include "tensor/weight_format.h"

namespace garam {
namespace {

bool pack(const std::byte* rows, std::size_t row_count, std::size_t k, std::byte* panel) {
  bool finite = true;
  transpose_to_panel<std::uint16_t>(rows, row_count, k, panel, [&](std::uint16_t bits) {
    finite &= (bits & 0x7c00) != 0x7c00;
    return bits;
  });
  return finite;
}

void unpack(const std::byte* panel, std::size_t row, std::size_t k, float* out) {
  for (std::size_t i = 0; i < k; ++i) {
    std::uint16_t bits;
    std::memcpy(&bits, panel + (i * kernels::kPanelRows + row) * 2, 2);
    out[i] = half_to_float(bits);
  }
}

void encode(const float* values, std::size_t k, std::byte* row) {
  for (std::size_t i = 0; i < k; ++i) {
    const std::uint16_t bits = float_to_half(values[i]);
    std::memcpy(row + i * 2, &bits, 2);
  }
}

}  // namespace

const WeightFormat kFormatF16 = {"f16", 1, kernels::Format::kF16, 1, 2, pack, unpack, encode, nullptr};

}  // namespace garam
