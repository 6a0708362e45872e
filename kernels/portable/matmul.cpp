// Portable matrix products, one loop nest per packed format. The specification: every output accumulates
// over k ascending in the operations of kernels.h; the inner loop runs over the 32 rows of a panel.
#include "kernels/portable/float_ops.h"
#include "kernels/portable/parts.h"

namespace garam::kernels::portable {
namespace {

constexpr std::size_t kRows = kPanelRows;
constexpr std::size_t kScaleBytes = kRows * 2;

/// Runs one_output(panel, row, acc) for every panel and activation row, acc[32] starting at +0, and stores
/// acc.
template <typename OneOutput>
void each_output(const Matmul& m, Format format, const OneOutput& one_output) {
  for (std::size_t p = 0; p < m.panel_count; ++p) {
    const std::byte* panel = m.panels + p * panel_bytes(format, m.k);
    for (std::size_t t = 0; t < m.rows; ++t) {
      float acc[kRows] = {};
      one_output(panel, t, acc);
      std::memcpy(m.out + t * m.out_stride + p * kRows, acc, sizeof acc);
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

/// The float step at the end of a block: `isum` is the exact integer dot, `scales` the block's f16 scales.
void add_block(const std::byte* scales, float x_scale, const std::int32_t (&isum)[kRows],
               float (&acc)[kRows]) {
  std::uint16_t d[kRows];
  std::memcpy(d, scales, sizeof d);
  for (std::size_t r = 0; r < kRows; ++r) {
    acc[r] = fma(from_f16(d[r]) * x_scale, static_cast<float>(isum[r]), acc[r]);
  }
}

void matmul_q8_0(const Matmul& m) {
  constexpr std::size_t kBlockBytes = panel_bytes(Format::kQ8_0, kBlock);
  each_output(m, Format::kQ8_0, [&](const std::byte* panel, std::size_t t, float(&acc)[kRows]) {
    const std::int8_t* x = static_cast<const std::int8_t*>(m.x) + t * m.x_stride;
    for (std::size_t b = 0; b < m.k / kBlock; ++b) {
      const std::byte* block = panel + b * kBlockBytes;
      std::int32_t isum[kRows] = {};
      for (std::size_t g = 0; g < 8; ++g) {
        std::uint8_t w[kRows][4];
        std::memcpy(w, block + kScaleBytes + g * sizeof w, sizeof w);
        const std::int8_t* q = x + b * kBlock + g * 4;
        for (std::size_t r = 0; r < kRows; ++r) {
          for (std::size_t j = 0; j < 4; ++j) isum[r] += (w[r][j] - 128) * q[j];
        }
      }
      add_block(block, m.scale[t * m.scale_stride + b], isum, acc);
    }
  });
}

void matmul_q4_0(const Matmul& m) {
  constexpr std::size_t kBlockBytes = panel_bytes(Format::kQ4_0, kBlock);
  each_output(m, Format::kQ4_0, [&](const std::byte* panel, std::size_t t, float(&acc)[kRows]) {
    const std::int8_t* x = static_cast<const std::int8_t*>(m.x) + t * m.x_stride;
    for (std::size_t b = 0; b < m.k / kBlock; ++b) {
      const std::byte* block = panel + b * kBlockBytes;
      std::int32_t isum[kRows] = {};
      for (std::size_t g = 0; g < 4; ++g) {
        std::uint8_t w[kRows][4];
        std::memcpy(w, block + kScaleBytes + g * sizeof w, sizeof w);
        const std::int8_t* q = x + b * kBlock + g * 4;
        for (std::size_t r = 0; r < kRows; ++r) {
          for (std::size_t j = 0; j < 4; ++j) {
            isum[r] += ((w[r][j] & 15) - 8) * q[j] + ((w[r][j] >> 4) - 8) * q[16 + j];
          }
        }
      }
      add_block(block, m.scale[t * m.scale_stride + b], isum, acc);
    }
  });
}

}  // namespace

void fill_matmul(Table& table) {
  const auto set = [&](Format format, MatmulFn kernel) {
    table.matmul[static_cast<std::size_t>(format)] = kernel;
    table.matmul_name[static_cast<std::size_t>(format)] = "portable";
  };
  set(Format::kF32, matmul_f32);
  set(Format::kF16, matmul_f16);
  set(Format::kBf16, matmul_bf16);
  set(Format::kQ8_0, matmul_q8_0);
  set(Format::kQ4_0, matmul_q4_0);
}

}  // namespace garam::kernels::portable
