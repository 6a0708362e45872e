// Each is one kernel call a row.
#include "ops/elementwise.h"

#include <algorithm>

#include "ops/striped_sum.h"

namespace garam::ops {
namespace {

// Rows a worker takes at least: a row of 2,048 costs about 0.2 microseconds, a barrier 0.1.
constexpr std::size_t kGrain = 4;

template <typename Body>
void each_row(const Context& context, std::size_t rows, const Body& body) {
  context.split(rows, kGrain, [&](std::size_t begin, std::size_t end, unsigned) {
    for (std::size_t t = begin; t < end; ++t) body(t);
  });
}

}  // namespace

void embed(const Context& context, const Matrix& embedding, std::span<const std::int32_t> tokens,
           const Rows& out) {
  each_row(context, tokens.size(),
           [&](std::size_t t) { embedding.row(static_cast<std::size_t>(tokens[t]), out.row(t)); });
}

void rms_norm(const Context& context, const Rows& x, const float* weight, float eps, const Rows& out) {
  each_row(context, x.rows,
           [&](std::size_t t) { context.table().rms_norm(x.row(t), weight, x.width, eps, out.row(t)); });
}

void rms_norm_heads(const Context& context, const Rows& x, std::size_t head_dim, const float* weight,
                    float eps) {
  each_row(context, x.rows, [&](std::size_t t) {
    for (float* head = x.row(t); head != x.row(t) + x.width; head += head_dim) {
      context.table().rms_norm(head, weight, head_dim, eps, head);
    }
  });
}

void layer_norm(const Context& context, const Rows& x, const float* weight, const float* bias, float eps,
                const Rows& out) {
  each_row(context, x.rows, [&](std::size_t t) {
    context.table().layer_norm(x.row(t), weight, bias, x.width, eps, out.row(t));
  });
}

void layer_norm_heads(const Context& context, const Rows& x, std::size_t head_dim,
                      std::span<const float* const> weights, float eps) {
  each_row(context, x.rows, [&](std::size_t t) {
    float* head = x.row(t);
    for (const float* weight : weights) {
      context.table().layer_norm(head, weight, nullptr, head_dim, eps, head);
      head += head_dim;
    }
  });
}

void add(const Context& context, const Rows& x, const Rows& y) {
  each_row(context, x.rows, [&](std::size_t t) { context.table().add(x.row(t), y.row(t), x.width); });
}

void scale(const Context& context, const Rows& x, float factor) {
  each_row(context, x.rows, [&](std::size_t t) { context.table().scale(x.row(t), x.width, factor); });
}

void soft_cap(const Context& context, const Rows& x, float cap) {
  each_row(context, x.rows, [&](std::size_t t) { context.table().soft_cap(x.row(t), x.width, cap); });
}

void softmax(const Context& context, const Rows& x) {
  each_row(context, x.rows, [&](std::size_t t) {
    float* row = x.row(t);
    const float largest = *std::max_element(row, row + x.width);
    for (std::size_t i = 0; i < x.width; ++i) row[i] -= largest;
    context.table().exp(row, x.width, row);
    context.table().divide(row, x.width, striped_sum(row, x.width));
  });
}

void silu_mul(const Context& context, const Rows& gate, const Rows& up) {
  each_row(context, gate.rows,
           [&](std::size_t t) { context.table().silu_mul(gate.row(t), up.row(t), gate.width, gate.row(t)); });
}

void swiglu_clamped(const Context& context, const Rows& gate, const Rows& up, float alpha, float limit) {
  each_row(context, gate.rows, [&](std::size_t t) {
    context.table().swiglu_clamped(gate.row(t), up.row(t), gate.width, alpha, limit, gate.row(t));
  });
}

void gelu_mul(const Context& context, const Rows& gate, const Rows& up) {
  each_row(context, gate.rows, [&](std::size_t t) {
    context.table().gelu_tanh(gate.row(t), gate.width, gate.row(t));
    context.table().multiply(gate.row(t), up.row(t), gate.width);
  });
}

void gelu_tanh(const Context& context, const Rows& x) {
  each_row(context, x.rows, [&](std::size_t t) { context.table().gelu_tanh(x.row(t), x.width, x.row(t)); });
}

}  // namespace garam::ops
