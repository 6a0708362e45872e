// f32 weights: panels [k][32 rows], values as they are.
#include <bit>
#include <cstring>

#include "tensor/transpose.h"
#include "tensor/weight_format.h"

namespace garam {
namespace {

bool pack(const std::byte* rows, std::size_t row_count, std::size_t k, std::byte* panel) {
  bool finite = true;
  transpose_to_panel<std::uint32_t>(rows, row_count, k, panel, [&](std::uint32_t bits) {
    finite &= (bits & 0x7f800000) != 0x7f800000;
    return bits;
  });
  return finite;
}

void unpack(const std::byte* panel, std::size_t row, std::size_t k, float* out) {
  for (std::size_t i = 0; i < k; ++i) {
    std::memcpy(out + i, panel + (i * kernels::kPanelRows + row) * sizeof(float), sizeof(float));
  }
}

void encode(const float* values, std::size_t k, std::byte* row) {
  std::memcpy(row, values, k * sizeof(float));
}

}  // namespace

const WeightFormat kFormatF32 = {"f32", 0, kernels::Format::kF32, 1, 4, pack, unpack, encode, nullptr};

}  // namespace garam
