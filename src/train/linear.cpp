// y = x w^T + bias, with a low-rank change where one is trained.
#include "train/linear.h"

#include <algorithm>

namespace garam::training {
namespace {

constexpr std::size_t kRowGrain = 16;

/// x = fl(x * factor), row by row.
void scale_rows(const Context& context, const Rows& x, float factor) {
  context.split(x.rows, kRowGrain, [&](std::size_t begin, std::size_t end, unsigned) {
    for (std::size_t t = begin; t < end; ++t) context.table().scale(x.row(t), x.width, factor);
  });
}

}  // namespace

void linear(const Context& context, Scratch& scratch, const LinearWeights& weights, const Rows& x,
            const Rows& y, const Rows& inner) {
  multiply_transposed(context, scratch, x, weights.weight->value, y);
  if (weights.bias != nullptr) {
    context.split(y.rows, kRowGrain, [&](std::size_t begin, std::size_t end, unsigned) {
      for (std::size_t t = begin; t < end; ++t) {
        context.table().add(y.row(t), weights.bias->value.data, y.width);
      }
    });
  }
  if (weights.lora.a == nullptr) return;
  // The scale goes into the narrow matrix: the wide sum then starts at y.
  multiply_transposed(context, scratch, x, weights.lora.a->value, inner);
  scale_rows(context, inner, weights.lora.scale);
  multiply_transposed(context, scratch, inner, weights.lora.b->value, y, Start::kHere);
}

void linear_backward(const Context& context, Scratch& scratch, const LinearWeights& weights, const Rows& x,
                     const Rows& dy, const Rows& dx, Start start, const Rows& inner, const Rows& dinner) {
  if (!weights.weight->frozen()) {
    add_transposed_product(context, scratch, dy, x, weights.weight->gradient);
  }
  if (weights.bias != nullptr && !weights.bias->frozen()) {
    float* const sums = weights.bias->gradient.data;
    context.split(dy.width, kernels::kPanelRows, [&](std::size_t begin, std::size_t end, unsigned) {
      for (std::size_t t = 0; t < dy.rows; ++t)
        context.table().add(sums + begin, dy.row(t) + begin, end - begin);
    });
  }
  if (dx.data != nullptr) multiply(context, scratch, dy, weights.weight->value, dx, start);
  if (weights.lora.a == nullptr) return;
  // `inner` holds scale * x a^T since the forward pass.
  add_transposed_product(context, scratch, dy, inner, weights.lora.b->gradient);
  multiply(context, scratch, dy, weights.lora.b->value, dinner, Start::kZero);
  scale_rows(context, dinner, weights.lora.scale);
  add_transposed_product(context, scratch, dinner, x, weights.lora.a->gradient);
  if (dx.data != nullptr) multiply(context, scratch, dinner, weights.lora.a->value, dx, Start::kHere);
}

}  // namespace garam::training
