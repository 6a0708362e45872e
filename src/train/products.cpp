// Matrix products of training: operands are packed into panels at each use, 1 / rows of the work, then tiles
// of rows by panels go to whichever worker is free.
#include "train/products.h"

#include <algorithm>
#include <cstring>

namespace garam::training {
namespace {

constexpr std::size_t kPanel = kernels::kPanelRows;
// A tile of 120 rows (of 5, 6, 10 and 12 at once in registers) and up to 16 panels of 256 values, 512 KiB,
// keeps both in the L2 of most CPUs.
constexpr std::size_t kRowTile = 120;
constexpr std::size_t kPanelTile = 16;
constexpr std::size_t kTerms = 256;               // of a sum over rows of a batch that are packed at once
constexpr std::size_t kTermStride = kTerms + 16;  // columns of 1 KiB would meet in few sets of the cache

std::size_t panels_of(std::size_t width) {
  return (width + kPanel - 1) / kPanel;
}

/// Panels one after the other, `floats` each.
struct Packed {
  const float* panels;
  std::size_t count;
  std::size_t floats;
};

/// y = x times the panels, in tiles.
void multiply_tiles(const Context& context, const Rows& x, const Packed& packed, std::size_t k, const Rows& y,
                    Start start) {
  const std::size_t row_tiles = (x.rows + kRowTile - 1) / kRowTile;
  const std::size_t panel_tiles = (packed.count + kPanelTile - 1) / kPanelTile;
  const kernels::MatmulFn kernel = context.table().matmul[static_cast<std::size_t>(kernels::Format::kF32)];
  context.steal(row_tiles * panel_tiles, 1, [&](std::size_t begin, std::size_t end, unsigned) {
    for (std::size_t tile = begin; tile < end; ++tile) {
      const std::size_t row = tile / panel_tiles * kRowTile;
      const std::size_t panel = tile % panel_tiles * kPanelTile;
      kernel({.panels = reinterpret_cast<const std::byte*>(packed.panels + panel * packed.floats),
              .panel_count = std::min(kPanelTile, packed.count - panel),
              .k = k,
              .x = x.row(row),
              .x_stride = x.stride,
              .rows = std::min(kRowTile, x.rows - row),
              .out = y.row(row) + panel * kPanel,
              .out_stride = y.stride,
              .accumulate = start == Start::kHere});
    }
  });
}

}  // namespace

void pack_rows(const kernels::Table& table, const Rows& m, std::size_t first, std::size_t rows,
               float* panel) {
  transpose(table, m.slice(first, rows), panel, kPanel);
  if (rows == kPanel) return;
  for (std::size_t i = 0; i < m.width; ++i)
    std::fill(panel + i * kPanel + rows, panel + (i + 1) * kPanel, 0.0f);
}

void pack_columns(const Rows& m, std::size_t column, float* panel) {
  const std::size_t count = std::min(kPanel, m.width - column);
  for (std::size_t t = 0; t < m.rows; ++t, panel += kPanel) {
    std::memcpy(panel, m.row(t) + column, count * sizeof(float));
    std::fill(panel + count, panel + kPanel, 0.0f);
  }
}

void transpose(const kernels::Table& table, const Rows& m, float* to, std::size_t stride) {
  table.training.transpose(m.data, m.stride, m.rows, m.width, to, stride);
}

void multiply_panel(const kernels::Table& table, const float* panel, std::size_t k, const Rows& x, float* y,
                    std::size_t y_stride, Start start) {
  table.matmul[static_cast<std::size_t>(kernels::Format::kF32)](
      {.panels = reinterpret_cast<const std::byte*>(panel),
       .panel_count = 1,
       .k = k,
       .x = x.data,
       .x_stride = x.stride,
       .rows = x.rows,
       .out = y,
       .out_stride = y_stride,
       .accumulate = start == Start::kHere});
}

void multiply_transposed(const Context& context, Scratch& scratch, const Rows& x, const Rows& w,
                         const Rows& y, Start start) {
  const std::size_t count = panels_of(w.rows), floats = w.width * kPanel;
  float* const panels = scratch.shared().floats(count * floats);
  context.split(count, 1, [&](std::size_t begin, std::size_t end, unsigned) {
    for (std::size_t p = begin; p < end; ++p) {
      pack_rows(context.table(), w, p * kPanel, std::min(kPanel, w.rows - p * kPanel), panels + p * floats);
    }
  });
  multiply_tiles(context, x, {panels, count, floats}, w.width, y, start);
}

void multiply(const Context& context, Scratch& scratch, const Rows& dy, const Rows& w, const Rows& dx,
              Start start) {
  const std::size_t count = panels_of(w.width), floats = w.rows * kPanel;
  float* const panels = scratch.shared().floats(count * floats);
  context.split(count, 1, [&](std::size_t begin, std::size_t end, unsigned) {
    for (std::size_t p = begin; p < end; ++p) pack_columns(w, p * kPanel, panels + p * floats);
  });
  multiply_tiles(context, dy, {panels, count, floats}, w.rows, dx, start);
}

void add_transposed_product(const Context& context, Scratch& scratch, const Rows& dy, const Rows& x,
                            const Rows& dw) {
  // Packed by terms first: panels of one group of terms lie side by side, as the kernel wants them.
  const std::size_t panels = panels_of(x.width);
  const std::size_t groups = (dy.rows + kTerms - 1) / kTerms;
  float* packed = scratch.shared().floats(dy.rows * panels * kPanel);
  const auto group = [&](const Rows& m, std::size_t g) {
    return m.slice(g * kTerms, std::min(kTerms, m.rows - g * kTerms));
  };
  context.split(groups * panels, 1, [&](std::size_t begin, std::size_t end, unsigned) {
    for (std::size_t i = begin; i < end; ++i) {
      const Rows rows = group(x, i / panels);
      pack_columns(rows, i % panels * kPanel,
                   packed + (i / panels * kTerms * panels + i % panels * rows.rows) * kPanel);
    }
  });
  // Few outputs make few tiles, which every worker should get some of.
  const std::size_t share =
      kernels::round_up((dw.rows + 4 * context.workers() - 1) / (4 * context.workers()), 12);
  const std::size_t row_tile = std::min(kRowTile, share);
  const std::size_t row_tiles = (dw.rows + row_tile - 1) / row_tile;
  const std::size_t panel_tiles = (panels + kPanelTile - 1) / kPanelTile;
  scratch.reserve_workers(row_tile * kTermStride);
  const kernels::MatmulFn kernel = context.table().matmul[static_cast<std::size_t>(kernels::Format::kF32)];
  context.steal(row_tiles * panel_tiles, 1, [&](std::size_t begin, std::size_t end, unsigned worker) {
    float* turned = scratch.worker(worker).floats(row_tile * kTermStride);
    for (std::size_t tile = begin; tile < end; ++tile) {
      const std::size_t row = tile / panel_tiles * row_tile;
      const std::size_t panel = tile % panel_tiles * kPanelTile;
      const std::size_t rows = std::min(row_tile, dw.rows - row);
      for (std::size_t g = 0; g < groups; ++g) {
        const Rows terms = group(dy, g).columns(row, rows);
        transpose(context.table(), terms, turned, kTermStride);
        kernel({.panels = reinterpret_cast<const std::byte*>(
                    packed + (g * kTerms * panels + panel * terms.rows) * kPanel),
                .panel_count = std::min(kPanelTile, panels - panel),
                .k = terms.rows,
                .x = turned,
                .x_stride = kTermStride,
                .rows = rows,
                .out = dw.row(row) + panel * kPanel,
                .out_stride = dw.stride,
                .accumulate = true});
      }
    }
  });
}

}  // namespace garam::training
