// Outputs are split over workers by panels, one contiguous range each, which it takes piece by piece: it
// reads one ascending stream, and what a kernel prefetches behind a piece is its own next one (32 rows of
// q4_0 gain 22 % over pieces from a common counter). Whoever is done first helps the others.
#include "ops/linear.h"

#include <algorithm>
#include <span>

#include "ops/low_rank.h"

namespace garam::ops {
namespace {

using kernels::ActivationForm;

constexpr std::size_t kPrepareGrain = 4;
// Pieces below 256 KB lose up to 20 % of the read bandwidth on Zen 4, which matters while reading dominates.
constexpr std::size_t kStreamBytes = std::size_t{256} << 10;
constexpr std::size_t kComputeBytes = std::size_t{64} << 10;
constexpr std::size_t kComputeRows = 16;

bool needs(std::span<const Projection> projections, ActivationForm form) {
  return std::any_of(projections.begin(), projections.end(), [form](const Projection& p) {
    return activation_form(p.weight->format->format) == form;
  });
}

void prepare(const Context& context, const Rows& x, const ActivationForms& forms,
             std::span<const Projection> projections) {
  const bool q8 = needs(projections, ActivationForm::kQ8);
  const bool bf16 = needs(projections, ActivationForm::kBf16);
  if (!q8 && !bf16) return;
  const kernels::Table& table = context.table();
  const std::size_t k = x.width, stride = ActivationForms::block_stride(k), even = k + k % 2;
  context.split(x.rows, kPrepareGrain, [&](std::size_t begin, std::size_t end, unsigned) {
    for (std::size_t t = begin; t < end; ++t) {
      if (q8) table.quantize_q8(x.row(t), k, forms.blocks + t * stride);
      if (bf16) table.round_bf16(x.row(t), k, forms.bf16 + t * even);
    }
  });
}

/// Panels [first, last) of one projection, for all rows.
void compute(const kernels::Table& table, const Rows& x, const ActivationForms& forms,
             const Projection& projection, std::size_t first, std::size_t last) {
  const Matrix& weight = *projection.weight;
  kernels::Matmul m{};
  m.panels = weight.panel(first);
  m.panel_count = last - first;
  m.k = weight.k;
  m.rows = x.rows;
  m.out = projection.out.data + first * kernels::kPanelRows;
  m.out_stride = projection.out.stride;
  switch (activation_form(weight.format->format)) {
    case ActivationForm::kF32:
      m.x = x.data;
      m.x_stride = x.stride;
      break;
    case ActivationForm::kBf16:
      m.x = forms.bf16;
      m.x_stride = x.width + x.width % 2;
      break;
    case ActivationForm::kQ8:
      m.x = forms.blocks;
      m.x_stride = ActivationForms::block_stride(x.width);
      break;
  }
  table.matmul[static_cast<std::size_t>(weight.format->format)](m);
  if (projection.bias == nullptr) return;
  for (std::size_t t = 0; t < x.rows; ++t) {
    table.add(m.out + t * m.out_stride, projection.bias + first * kernels::kPanelRows,
              m.panel_count * kernels::kPanelRows);
  }
}

}  // namespace

void linear(const Context& context, const Rows& x, const ActivationForms& forms,
            std::initializer_list<Projection> list) {
  if (x.rows == 0) return;
  const std::span<const Projection> projections(list.begin(), list.size());
  if (LinearObserver* observer = context.observer()) {
    for (const Projection& p : projections) observer->see(context, *p.weight, x);
  }
  prepare(context, x, forms, projections);
  std::size_t panels = 0, largest_panel = 1;
  bool adapted = false;
  for (const Projection& p : projections) {
    adapted |= p.weight->low_rank != nullptr;
    panels += p.weight->panel_count();
    largest_panel = std::max(largest_panel, p.weight->panel_bytes());
  }
  const auto piece = [&](std::size_t begin, std::size_t end, unsigned) {
    std::size_t first = 0;
    for (const Projection& p : projections) {
      const std::size_t last = first + p.weight->panel_count();
      if (begin < last && end > first) {
        compute(context.table(), x, forms, p, std::max(begin, first) - first, std::min(end, last) - first);
      }
      first = last;
    }
  };
  const std::size_t bytes = x.rows < kComputeRows ? kStreamBytes : kComputeBytes;
  context.split(panels, 1, piece, std::max<std::size_t>(1, bytes / largest_panel));
  if (adapted) add_low_rank(context, x, forms, projections);
}

}  // namespace garam::ops
