// A weight matrix packed into panels. Immutable once loaded; a view, the arena owns the bytes.
#pragma once

#include <cstddef>
#include <string>

#include "tensor/weight_format.h"

namespace garam {

struct LowRank;

struct Matrix {
  const WeightFormat* format = nullptr;
  std::byte* panels = nullptr;        // [panel_count()][panel_bytes()], 64-byte aligned
  std::size_t rows = 0;               // outputs
  std::size_t k = 0;                  // inputs
  const LowRank* low_rank = nullptr;  // what adapters add to its products (low_rank.h), or null

  std::size_t panel_count() const { return (rows + kernels::kPanelRows - 1) / kernels::kPanelRows; }
  std::size_t panel_bytes() const { return kernels::panel_bytes(format->format, k); }
  std::size_t bytes() const { return panel_count() * panel_bytes(); }
  std::byte* panel(std::size_t index) const { return panels + index * panel_bytes(); }

  /// Row `row` as f32, k values: an embedding look-up out of the panel, so a tied embedding is one copy.
  void row(std::size_t row, float* out) const {
    format->unpack(panel(row / kernels::kPanelRows), row % kernels::kPanelRows, k, out);
  }
};

/// A two-dimensional piece of activations: `rows` rows of `width` floats, `stride` floats apart.
struct Rows {
  float* data = nullptr;
  std::size_t rows = 0;
  std::size_t width = 0;
  std::size_t stride = 0;

  float* row(std::size_t index) const { return data + index * stride; }
  /// Rows [first, first + count).
  Rows slice(std::size_t first, std::size_t count) const {
    return {data + first * stride, count, width, stride};
  }
  /// Columns [first, first + count) of every row.
  Rows columns(std::size_t first, std::size_t count) const {
    // Without memory while a workspace is measured.
    return {data != nullptr ? data + first : nullptr, rows, count, stride};
  }
};

}  // namespace garam
