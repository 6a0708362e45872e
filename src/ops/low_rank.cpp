// Two steps with a barrier between them: A x of all projections side by side, so that single panels keep all
// workers busy, then B of that, by panels of the output.
#include "ops/low_rank.h"

#include <algorithm>
#include <array>

namespace garam::ops {
namespace {

constexpr std::size_t kPanelRows = kernels::kPanelRows;
// Rows of x that one call multiplies with a panel of A: 64 KB of a width of 256, 1 MB of 4,096.
constexpr std::size_t kInnerRows = 64;
// Floats of B u before they are added: 4 KB of the stack.
constexpr std::size_t kTile = 1024;
constexpr std::size_t kOuterPanels = 4;  // a piece of work, 0.5 MB of outputs at 1,024 rows

/// The updates of one projection.
struct Part {
  const Projection* projection;
  const LowRank* updates;
  std::size_t column;  // of u, where its A x begins
};

struct Group {
  std::array<Part, kLowRankAtOnce> parts{};
  std::size_t count = 0;
  std::size_t width = 0;  // of u
  std::size_t inner = 0;  // panels of A
  std::size_t outer = 0;  // panels of outputs

  std::span<const Part> all() const { return {parts.data(), count}; }
};

Group group_of(std::span<const Projection> projections) {
  Group group;
  for (const Projection& p : projections) {
    const LowRank* updates = p.weight->low_rank;
    if (updates == nullptr) continue;
    group.parts[group.count++] = {&p, updates, group.width};
    group.width += updates->width();
    group.inner += updates->a.panel_count();
    group.outer += p.weight->panel_count();
  }
  return group;
}

void multiply(const kernels::Table& table, const Matrix& weight, std::size_t panel, std::size_t panels,
              const Rows& x, float* out, std::size_t stride) {
  kernels::Matmul m{};
  m.panels = weight.panel(panel);
  m.panel_count = panels;
  m.k = weight.k;
  m.x = x.data;
  m.x_stride = x.stride;
  m.rows = x.rows;
  m.out = out;
  m.out_stride = stride;
  table.matmul[static_cast<std::size_t>(kernels::Format::kF32)](m);
}

/// u = A x for one panel of the A's of a group and some rows.
void inner(const kernels::Table& table, const Group& group, std::size_t panel, const Rows& x, const Rows& u) {
  for (const Part& part : group.all()) {
    const Matrix& a = part.updates->a;
    if (panel < a.panel_count()) {
      multiply(table, a, panel, 1, x, u.data + part.column + panel * kPanelRows, u.stride);
      return;
    }
    panel -= a.panel_count();
  }
}

/// Adds B u to panels [first, last) of one projection.
void outer(const kernels::Table& table, const Part& part, const Rows& u, std::size_t first,
           std::size_t last) {
  alignas(kernels::kAlignment) float sums[kTile];
  const Rows& out = part.projection->out;
  const std::size_t tile_rows = std::min(u.rows, kPanelRows);
  const std::size_t tile_panels = kTile / kPanelRows / tile_rows;
  for (std::size_t panel = first; panel < last; panel += tile_panels) {
    const std::size_t panels = std::min(tile_panels, last - panel), width = panels * kPanelRows;
    for (std::size_t t = 0; t < u.rows; t += tile_rows) {
      const std::size_t rows = std::min(tile_rows, u.rows - t);
      for (const LowRank::Update& update : part.updates->updates) {
        const Rows own = u.slice(t, rows).columns(part.column + update.first, update.b.k);
        multiply(table, update.b, panel, panels, own, sums, width);
        for (std::size_t i = 0; i < rows; ++i) {
          table.add_scaled(out.row(t + i) + panel * kPanelRows, sums + i * width, width, update.factor);
        }
      }
    }
  }
}

void add_group(const Context& context, const Rows& x, float* room, std::span<const Projection> projections) {
  const Group group = group_of(projections);
  if (group.count == 0) return;
  const kernels::Table& table = context.table();
  const Rows u{room, x.rows, group.width, group.width};
  const std::size_t blocks = (x.rows + kInnerRows - 1) / kInnerRows;
  const auto inner_piece = [&](std::size_t begin, std::size_t end, unsigned) {
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t t = i % blocks * kInnerRows, rows = std::min(kInnerRows, x.rows - t);
      inner(table, group, i / blocks, x.slice(t, rows), u.slice(t, rows));
    }
  };
  context.split(group.inner * blocks, 1, inner_piece, 1);
  const auto outer_piece = [&](std::size_t begin, std::size_t end, unsigned) {
    std::size_t first = 0;
    for (const Part& part : group.all()) {
      const std::size_t last = first + part.projection->weight->panel_count();
      if (begin < last && end > first) {
        outer(table, part, u, std::max(begin, first) - first, std::min(end, last) - first);
      }
      first = last;
    }
  };
  context.split(group.outer, 1, outer_piece, kOuterPanels);
}

}  // namespace

void add_low_rank(const Context& context, const Rows& x, const ActivationForms& forms,
                  std::span<const Projection> projections) {
  for (std::size_t first = 0; first < projections.size(); first += kLowRankAtOnce) {
    const std::size_t count = std::min(kLowRankAtOnce, projections.size() - first);
    add_group(context, x, forms.low_rank, projections.subspan(first, count));
  }
}

}  // namespace garam::ops
