// What adapters add to the products of one weight matrix (LoRA, Hu et al. 2021): y += factor * B (A x), with
// A and B far smaller than the matrix.
#pragma once

#include <cstddef>
#include <vector>

#include "tensor/matrix.h"

namespace garam {

struct LowRank {
  struct Update {
    Matrix b;           // [rows, rank], f32
    std::size_t first;  // of the rows of `a` that are this update's own
    float factor;
  };

  Matrix a;                     // [ranks of all updates, k], f32: one below the other
  std::vector<Update> updates;  // in the order in which they are added

  /// Floats that A x takes for one row of x.
  std::size_t width() const { return a.panel_count() * kernels::kPanelRows; }
};

}  // namespace garam
