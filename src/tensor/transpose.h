// Rows of plain elements to a panel [k][32 rows], in squares that stay in cache.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "kernels/layout.h"

namespace garam {

/// panel[i][r] = convert(rows[r][i]); missing rows become zero bits.
template <typename Element, typename Convert>
void transpose_to_panel(const std::byte* rows, std::size_t row_count, std::size_t k, std::byte* panel,
                        Convert convert) {
  constexpr std::size_t kSquare = 64;
  constexpr std::size_t kRows = kernels::kPanelRows;
  if (row_count < kRows) std::memset(panel, 0, k * kRows * sizeof(Element));
  auto* out = reinterpret_cast<Element*>(panel);
  for (std::size_t first = 0; first < k; first += kSquare) {
    const std::size_t last = std::min(k, first + kSquare);
    for (std::size_t r = 0; r < row_count; ++r) {
      const std::byte* row = rows + r * k * sizeof(Element);
      for (std::size_t i = first; i < last; ++i) {
        Element element;
        std::memcpy(&element, row + i * sizeof(Element), sizeof(Element));
        out[i * kRows + r] = convert(element);
      }
    }
  }
}

}  // namespace garam
