// Reading any weight type as f32 and handing it to an encoder or to the search for scales.
#include "quantize/convert_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/fail.h"
#include "base/memory.h"
#include "quantize/quantizer.h"
#include "tensor/half.h"

namespace garam::quant {
namespace {

/// Exactly, but for infinity and NaN, which become numbers above 65504. Without branches, so that it is
/// vectorised.
float finite_half(std::uint16_t half) {
  const std::uint32_t magnitude = static_cast<std::uint32_t>(half & 0x7fff) << 13;
  const float value = std::bit_cast<float>(magnitude) * 0x1p112f;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) | static_cast<std::uint32_t>(half & 0x8000)
                                                                        << 16);
}

void floats_of_halves(const std::byte* bytes, std::span<float> values) {
  bool special = false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint16_t bits;
    std::memcpy(&bits, bytes + 2 * i, 2);
    special |= (bits & 0x7c00) == 0x7c00;
    values[i] = finite_half(bits);
  }
  if (special) values[0] = NAN;  // found by the check that all types go through
}

void floats_of_bf16(const std::byte* bytes, std::span<float> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint16_t bits;
    std::memcpy(&bits, bytes + 2 * i, 2);
    values[i] = bf16_to_float(bits);
  }
}

/// By way of the engine's own panels.
bool floats_of_blocks(const WeightFormat& from, const std::byte* bytes, std::size_t rows, std::size_t k,
                      float* values) {
  const Memory panel(kernels::panel_bytes(from.format, k), "a panel of weights");
  bool finite = true;
  for (std::size_t row = 0; row < rows; row += kernels::kPanelRows) {
    const std::size_t count = std::min(kernels::kPanelRows, rows - row);
    finite &= from.pack(bytes + row * from.row_bytes(k), count, k, panel.data());
    for (std::size_t r = 0; r < count; ++r) from.unpack(panel.data(), r, k, values + (row + r) * k);
  }
  return finite;
}

/// Importance that a search can divide by: no column counts less than a millionth of the mean.
std::vector<float> floored(std::span<const float> importance) {
  std::vector<float> weights(importance.begin(), importance.end());
  double sum = 0;
  for (const float w : weights) sum += w;
  const double mean = sum / static_cast<double>(weights.size());
  // To a mean of 1, so that sums of squares stay in range whatever the activations were.
  for (float& w : weights) w = mean > 0 ? static_cast<float>(std::max(w / mean, 1e-6)) : 1.0f;
  return weights;
}

}  // namespace

void Rows::read(std::span<float> values) const {
  const std::size_t k = tensor.shape[0], row_bytes = from.row_bytes(k);
  std::vector<std::byte> bytes(count * row_bytes);
  file.read(tensor, first * row_bytes, bytes);
  bool finite = true;
  switch (from.format) {
    case kernels::Format::kF32:
      std::memcpy(values.data(), bytes.data(), bytes.size());
      break;
    case kernels::Format::kF16:
      floats_of_halves(bytes.data(), values);
      break;
    case kernels::Format::kBf16:
      floats_of_bf16(bytes.data(), values);
      break;
    default:
      finite = floats_of_blocks(from, bytes.data(), count, k, values.data());
  }
  for (const float value : values) finite &= (std::bit_cast<std::uint32_t>(value) & 0x7f800000) != 0x7f800000;
  if (finite) return;
  fail(ErrorCode::kArgument, "{}: expected finite weights, found infinity or NaN in rows {} to {}",
       file.origin(tensor), first, first + count - 1);
}

void Rows::convert(const kernels::Table& table, const WeightFormat& to, std::span<const float> importance,
                   std::byte* out) const {
  std::vector<float> values(count * tensor.shape[0]);
  read(values);
  write(values, table, to, importance, out);
}

void Rows::write(std::span<const float> values, const kernels::Table& table, const WeightFormat& to,
                 std::span<const float> importance, std::byte* out) const {
  const std::size_t k = tensor.shape[0];
  bool fits = true;
  if (to.encode != nullptr) {
    for (std::size_t r = 0; r < count; ++r) to.encode(values.data() + r * k, k, out + r * to.row_bytes(k));
    const float limit = to.format == kernels::Format::kF16 ? 65504.0f : INFINITY;
    for (const float value : values) fits &= std::fabs(value) <= limit;
  } else {
    const std::vector<float> weights = importance.empty() ? std::vector<float>() : floored(importance);
    fits = quantize_rows(table, to, values.data(), count, k, weights.empty() ? nullptr : weights.data(), out);
  }
  if (fits) return;
  fail(ErrorCode::kArgument,
       "{}: expected weights that {} can hold, found larger ones in rows {} to {}; bf16 holds them",
       file.origin(tensor), to.name, first, first + count - 1);
}

}  // namespace garam::quant
