// Rows are split over workers, except where sums run over rows: those are split by columns.
#include "train/layers.h"

#include <algorithm>
#include <cstring>

#include "base/det_math.h"
#include "ops/elementwise.h"

namespace garam::training {
namespace {

constexpr std::size_t kRowGrain = 8;
constexpr std::size_t kColumnGrain = kernels::kPanelRows;

/// body(t) for every row.
template <typename Body>
void each_row(const Context& context, std::size_t rows, const Body& body) {
  context.split(rows, kRowGrain, [&](std::size_t begin, std::size_t end, unsigned) {
    for (std::size_t t = begin; t < end; ++t) body(t);
  });
}

}  // namespace

void embed(const Context& context, std::span<const std::int32_t> tokens, const Parameter& table,
           const Rows& out) {
  each_row(context, tokens.size(), [&](std::size_t t) {
    std::memcpy(out.row(t), table.value.row(static_cast<std::size_t>(tokens[t])), out.width * sizeof(float));
  });
}

void embed_backward(const Context& context, std::span<const std::int32_t> tokens, const Rows& dout,
                    const Rows& gradient) {
  if (gradient.data == nullptr) return;
  context.split(dout.width, kColumnGrain, [&](std::size_t begin, std::size_t end, unsigned) {
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      float* const row = gradient.row(static_cast<std::size_t>(tokens[t]));
      context.table().add(row + begin, dout.row(t) + begin, end - begin);
    }
  });
}

void norm(const Context& context, const NormWeights& weights, const Rows& x, float eps, const Rows& out) {
  const float* const w = weights.weight->value.data;
  if (weights.bias == nullptr) return ops::rms_norm(context, x, w, eps, out);
  ops::layer_norm(context, x, w, weights.bias->value.data, eps, out);
}

void norm_backward(const Context& context, Scratch& scratch, const NormWeights& weights, const Rows& x,
                   float eps, const Rows& dout, const Rows& dx) {
  const kernels::Training& kernels = context.table().training;
  const float* const w = weights.weight->value.data;
  float* const mean = scratch.shared().floats(2 * x.rows);
  float* const r = mean + x.rows;
  each_row(context, x.rows, [&](std::size_t t) {
    if (weights.bias != nullptr) {
      kernels.layer_norm_backward(x.row(t), w, dout.row(t), x.width, eps, dx.row(t), mean + t, r + t);
    } else {
      kernels.rms_norm_backward(x.row(t), w, dout.row(t), x.width, eps, dx.row(t), r + t);
      mean[t] = 0;
    }
  });
  if (weights.weight->frozen()) return;
  context.split(x.width, kColumnGrain, [&](std::size_t begin, std::size_t end, unsigned) {
    for (std::size_t t = 0; t < x.rows; ++t) {
      const float* const d = dout.row(t) + begin;
      kernels.norm_weight_backward(x.row(t) + begin, d, end - begin, mean[t], r[t],
                                   weights.weight->gradient.data + begin);
      if (weights.bias != nullptr) context.table().add(weights.bias->gradient.data + begin, d, end - begin);
    }
  });
}

void swiglu(const Context& context, const Rows& gate, const Rows& up, const Rows& out) {
  each_row(context, gate.rows,
           [&](std::size_t t) { context.table().silu_mul(gate.row(t), up.row(t), gate.width, out.row(t)); });
}

void swiglu_backward(const Context& context, const Rows& gate, const Rows& up, const Rows& dout,
                     const Rows& dgate, const Rows& dup) {
  each_row(context, gate.rows, [&](std::size_t t) {
    context.table().training.silu_mul_backward(gate.row(t), up.row(t), dout.row(t), gate.width, dgate.row(t),
                                               dup.row(t));
  });
}

void gelu(const Context& context, const Rows& x, const Rows& out) {
  each_row(context, x.rows, [&](std::size_t t) { context.table().gelu_tanh(x.row(t), x.width, out.row(t)); });
}

void gelu_backward(const Context& context, const Rows& x, const Rows& dout, const Rows& dx) {
  each_row(context, x.rows, [&](std::size_t t) {
    context.table().training.gelu_tanh_backward(x.row(t), dout.row(t), x.width, dx.row(t));
  });
}

void rotate_backward(const Context& context, const ops::Rope& rope, const ops::Angles& angles,
                     float* minus_sin, const Rows& dx, std::size_t head_dim) {
  const std::size_t pairs = rope.frequency.size();
  each_row(context, dx.rows, [&](std::size_t t) {
    for (std::size_t i = t * pairs; i < (t + 1) * pairs; ++i) minus_sin[i] = -angles.sin[i];
  });
  ops::rotate(context, rope, {angles.cos, minus_sin}, dx, head_dim);
}

double cross_entropy(const Context& context, Scratch& scratch, const Rows& logits,
                     std::span<const std::int32_t> labels, float scale) {
  float* const maximum = scratch.shared().floats(3 * logits.rows);
  float* const sum = maximum + logits.rows;
  float* const chosen = sum + logits.rows;
  each_row(context, logits.rows, [&](std::size_t t) {
    float* const row = logits.row(t);
    if (labels[t] == kNoLabel) {
      std::fill(row, row + logits.width, 0.0f);
      return;
    }
    const auto label = static_cast<std::size_t>(labels[t]);
    chosen[t] = row[label];
    context.table().training.softmax(row, logits.width, maximum + t, sum + t);
    context.table().scale(row, logits.width, scale);
    row[label] -= scale;
  });
  double loss = 0;
  for (std::size_t t = 0; t < logits.rows; ++t) {
    if (labels[t] == kNoLabel) continue;
    loss += det_log(static_cast<double>(sum[t])) + (static_cast<double>(maximum[t]) - chosen[t]);
  }
  return loss;
}

}  // namespace garam::training
