// bf16 weights: panels [k/2][32 rows][2 k], magnitudes below 2^-50 flushed to zero (numerics rule 4), also
// for embedding look-ups, which read the panel.
#include <cstring>

#include "tensor/half.h"
#include "tensor/weight_format.h"

namespace garam {
namespace {

constexpr std::size_t kRows = kernels::kPanelRows;

bool pack(const std::byte* rows, std::size_t row_count, std::size_t k, std::byte* panel) {
  if (row_count < kRows || k % 2 != 0) std::memset(panel, 0, panel_bytes(kernels::Format::kBf16, k));
  bool finite = true;
  auto* out = reinterpret_cast<std::uint16_t*>(panel);
  for (std::size_t r = 0; r < row_count; ++r) {
    const std::byte* row = rows + r * k * 2;
    for (std::size_t i = 0; i < k; ++i) {
      std::uint16_t bits;
      std::memcpy(&bits, row + i * 2, 2);
      finite &= (bits & 0x7f80) != 0x7f80;
      out[(i / 2 * kRows + r) * 2 + i % 2] = flush_bf16(bits);
    }
  }
  return finite;
}

void unpack(const std::byte* panel, std::size_t row, std::size_t k, float* out) {
  const auto* in = reinterpret_cast<const std::uint16_t*>(panel);
  for (std::size_t i = 0; i < k; ++i) out[i] = bf16_to_float(in[(i / 2 * kRows + row) * 2 + i % 2]);
}

void encode(const float* values, std::size_t k, std::byte* row) {
  for (std::size_t i = 0; i < k; ++i) {
    const std::uint16_t bits = float_to_bf16(values[i]);
    std::memcpy(row + i * 2, &bits, 2);
  }
}

}  // namespace

const WeightFormat kFormatBf16 = {"bf16", 30, kernels::Format::kBf16, 1, 2, pack, unpack, encode, nullptr};

}  // namespace garam
