// How a product is cut into register tiles: one panel by a few activation rows, so that accumulators stay in
// registers or L1. Panels ascend and all rows meet a panel while it is in L2. Knows no format and no lanes;
// in an anonymous namespace, so that nothing made from it is visible outside the file that includes it.
#pragma once

#include <cstddef>

#include "kernels/kernels.h"

namespace garam::kernels::simd {
namespace {

inline constexpr std::size_t kCacheLine = 64;

/// How far ahead of it one stream of weights is prefetched. Zen 3, one row, of plain reading: q4_0 1.09,
/// without prefetch 0.85, a line of two 0.96, of four 0.68; q6_K 0.91, 0.45, 0.72, 0.50. 4 to 64 KiB differ
/// by 5 %.
inline constexpr std::size_t kNearBytes = std::size_t{16} << 10;

/// What of the next panel to bring into L2 meanwhile.
struct Share {
  const std::byte* from;
  std::size_t lines;  // cache lines per step of the sweep; 0: nothing
};

/// One panel and the activation rows from `first`; their number is part of the function that computes it.
struct Tile {
  const std::byte* panel;
  std::size_t first;
  float* out;  // 32 outputs of row `first`, the other rows out_stride further each
  Share ahead;
};
using TileFn = void (*)(const Matmul&, const Tile&);

/// What is brought into L2 while a panel is computed on, from `from_rows` activation rows on; below, software
/// prefetch only disturbs the hardware's. Several tiles share the next panel between them; a single one,
/// which reads every panel once, fetches `near` bytes ahead of where it reads, or the next panel too where
/// that is 0. Behind the last panel lies most often what the same worker computes next; elsewhere, beyond all
/// memory too, a prefetch does nothing.
struct Ahead {
  std::size_t from_rows;
  std::size_t step_lines;     // cache lines of a panel per step
  std::size_t largest_panel;  // bytes: one that several tiles read again must stay in L2 beside the next
  std::size_t near;           // bytes
};
inline constexpr Ahead kNoAhead = {static_cast<std::size_t>(-1), 0, 0, 0};

/// What tiles that share a panel, or a stretch of one, bring in of the next: of the lines of a step, the
/// first tile fetches the first few, the second the next few, and so on. Each walks its own contiguous part.
class Shares {
 public:
  Shares(const std::byte* next, std::size_t bytes, std::size_t step_lines, std::size_t tiles)
      : next_(next),
        line_bytes_(step_lines > 0 ? bytes / step_lines : 0),
        left_(step_lines),
        share_((step_lines + tiles - 1) / tiles) {}

  Share take() {
    const Share taken = {next_, share_ < left_ ? share_ : left_};
    left_ -= taken.lines;
    next_ += line_bytes_ * taken.lines;
    return taken;
  }

 private:
  const std::byte* next_;
  std::size_t line_bytes_;  // what one line of every step walks over
  std::size_t left_, share_;
};

/// tiles[n - 1] computes n activation rows; none of more than `most` rows is used. Rows are shared out evenly
/// (7 as 3 + 4), because tiles of 1 and 2 rows cannot fill the multiply pipes.
template <std::size_t kSizes>
void each_tile(const Matmul& m, std::size_t panel_bytes, const TileFn (&tiles)[kSizes], std::size_t most,
               const Ahead& ahead) {
  const std::size_t count = (m.rows + most - 1) / most;
  const bool fits = count == 1 || panel_bytes <= ahead.largest_panel;
  for (std::size_t p = 0; p < m.panel_count; ++p) {
    const std::byte* panel = m.panels + p * panel_bytes;
    const bool is_near = count == 1 && ahead.near > 0;
    const bool fetch = fits && m.rows >= ahead.from_rows;
    Shares shares(panel + (is_near ? ahead.near : panel_bytes), panel_bytes, fetch ? ahead.step_lines : 0,
                  count);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t first = m.rows * i / count;
      const std::size_t last = m.rows * (i + 1) / count;
      float* out = m.out + first * m.out_stride + p * kPanelRows;
      tiles[last - first - 1](m, {panel, first, out, shares.take()});
    }
  }
}

[[gnu::always_inline]] inline void fetch_lines(const std::byte* from, std::size_t lines) {
  for (std::size_t i = 0; i < lines; ++i) __builtin_prefetch(from + i * kCacheLine, 0, 2);
}

/// Fetches what is next of a share, as much as so many steps bring.
[[gnu::always_inline]] inline void fetch_ahead(Share& ahead, std::size_t steps = 1) {
  fetch_lines(ahead.from, steps * ahead.lines);
  ahead.from += steps * ahead.lines * kCacheLine;
}

}  // namespace
}  // namespace garam::kernels::simd
