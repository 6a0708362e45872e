// Portable products of f32, f16 and bf16 weights, one loop nest each. The specification: every output
// accumulates over k ascending in the operations of kernels.h; the inner loop runs over the 32 rows of a
// panel.
#include "kernels/portable/float_ops.h"
#include "kernels/portable/parts.h"

namespace garam::kernels::portable {
namespace {

constexpr std::size_t kRows = kPanelRows;

/// Runs one_output(panel, row, acc) for every panel and activation row and stores acc[32], which starts at +0
/// or at what is there.
template <typename OneOutput>
void each_output(const Matmul& m, Format format, const OneOutput& one_output) {
  for (std::size_t p = 0; p < m.panel_count; ++p) {
    const std::byte* panel = m.panels + p * panel_bytes(format, m.k);
    for (std::size_t t = 0; t < m.rows; ++t) {
      float* const out = m.out + t * m.out_stride + p * kRows;
      float acc[kRows] = {};
      if (m.accumulate) std::memcpy(acc, out, sizeof acc);
      one_output(panel, t, acc);
      std::memcpy(out, acc, sizeof acc);
    }
  }
}

void matmul_f32(const Matmul& m) {
  each_output(m, Format::kF32, [&](const std::byte* panel, std::size_t t, float(&acc)[kRows]) {
    const float* x = static_cast<const float*>(m.x) + t * m.x_stride;
    for (std::size_t k = 0; k < m.k; ++k) {
      float w[kRows];
      std::memcpy(w, panel + k * sizeof w, sizeof w);
      for (std::size_t r = 0; r < kRows; ++r) acc[r] = fma(w[r], x[k], acc[r]);
    }
  });
}

void matmul_f16(const Matmul& m) {
  each_output(m, Format::kF16, [&](const std::byte* panel, std::size_t t, float(&acc)[kRows]) {
    const float* x = static_cast<const float*>(m.x) + t * m.x_stride;
    for (std::size_t k = 0; k < m.k; ++k) {
      std::uint16_t w[kRows];
      std::memcpy(w, panel + k * sizeof w, sizeof w);
      for (std::size_t r = 0; r < kRows; ++r) acc[r] = fma(from_f16(w[r]), x[k], acc[r]);
    }
  });
}

void matmul_bf16(const Matmul& m) {
  each_output(m, Format::kBf16, [&](const std::byte* panel, std::size_t t, float(&acc)[kRows]) {
    const std::uint16_t* x = static_cast<const std::uint16_t*>(m.x) + t * m.x_stride;
    for (std::size_t pair = 0; pair < (m.k + 1) / 2; ++pair) {
      std::uint16_t w[kRows][2];
      std::memcpy(w, panel + pair * sizeof w, sizeof w);
      const float even = from_bf16(x[2 * pair]);
      const float odd = from_bf16(x[2 * pair + 1]);
      for (std::size_t r = 0; r < kRows; ++r) {
        acc[r] = fma(from_bf16(w[r][1]), odd, acc[r]);
        acc[r] = fma(from_bf16(w[r][0]), even, acc[r]);
      }
    }
  });
}

}  // namespace

void fill_float_matmul(Table& table) {
  const auto set = [&](Format format, MatmulFn kernel) {
    table.matmul[static_cast<std::size_t>(format)] = kernel;
    table.matmul_name[static_cast<std::size_t>(format)] = "portable";
  };
  set(Format::kF32, matmul_f32);
  set(Format::kF16, matmul_f16);
  set(Format::kBf16, matmul_bf16);
}

}  // namespace garam::kernels::portable
