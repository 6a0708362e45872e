// The three matrix products of a linear layer y = x w^T, on the f32 kernels of inference: each output is one
// chain of fma over the contracted dimension, ascending, whatever the tiles and threads (docs/numerics.md).
// All matrices are row-major, rows `stride` floats apart, a multiple of 32, zero between width and stride
// where they are operands.
#pragma once

#include "runtime/context.h"
#include "tensor/matrix.h"
#include "train/scratch.h"

namespace garam::training {

/// Floats between the rows of a matrix of `width` columns.
constexpr std::size_t padded(std::size_t width) {
  return kernels::round_up(width, kernels::kPanelRows);
}

/// What the sums of a product start at.
enum class Start { kZero, kHere };

/// y[t][n] = sum over k of x[t][k] * w[n][k], k ascending: the forward product.
void multiply_transposed(const Context& context, Scratch& scratch, const Rows& x, const Rows& w,
                         const Rows& y, Start start = Start::kZero);

/// dx[t][k] = sum over n of dy[t][n] * w[n][k], n ascending: the gradient of the input.
void multiply(const Context& context, Scratch& scratch, const Rows& dy, const Rows& w, const Rows& dx,
              Start start = Start::kHere);

/// dw[n][k] += sum over t of dy[t][n] * x[t][k], t ascending from what dw holds: the gradient of the weights.
/// Rows of a batch that come in several calls give the same bits as in one.
void add_transposed_product(const Context& context, Scratch& scratch, const Rows& dy, const Rows& x,
                            const Rows& dw);

// Parts of them, for operations that tile by themselves.

/// Columns [k] of `rows` rows of m to one panel [k][32 rows]; missing rows become zero. 0 < rows <= 32.
void pack_rows(const kernels::Table& table, const Rows& m, std::size_t first, std::size_t rows, float* panel);
/// 32 columns of m, from `column` on, to one panel [m.rows][32]; columns behind m.width become zero.
void pack_columns(const Rows& m, std::size_t column, float* panel);
/// to[c][t] = m[t][c] for all columns of m; rows of `to` are `stride` floats apart.
void transpose(const kernels::Table& table, const Rows& m, float* to, std::size_t stride);
/// One panel: y[t][0..32) = sum over k of x[t][k] * panel[k][0..32).
void multiply_panel(const kernels::Table& table, const float* panel, std::size_t k, const Rows& x, float* y,
                    std::size_t y_stride, Start start);

}  // namespace garam::training
