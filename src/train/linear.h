// Weights that are trained, and the linear layer.
#pragma once

#include <string>
#include <vector>

#include "train/products.h"

namespace garam::training {

/// One tensor: its values, its gradient and the two moments of its optimiser, all of one shape. A vector has
/// one row.
struct Parameter {
  std::string name;  // as in GGUF files
  Rows value;        // [outputs][inputs], zero between width and stride
  Rows gradient;     // no data: frozen
  Rows m, v;
  bool decays = false;  // weight decay: matrices, not norms and biases

  bool frozen() const { return gradient.data == nullptr; }
};

/// Low-rank change of a weight (Hu et al. 2021): y += scale * (x a^T) b^T.
struct LoraPair {
  Parameter* a = nullptr;  // [rank][inputs]
  Parameter* b = nullptr;  // [outputs][rank]
  float scale = 1;         // alpha / rank
};

/// y = x w^T + bias + low-rank change.
struct LinearWeights {
  Parameter* weight = nullptr;
  Parameter* bias = nullptr;
  LoraPair lora{};
};

/// y [rows][outputs]. Each output is fl(sum + bias), from where the sum of the change over the rank goes on,
/// with fl(scale * x a^T). `inner` [rows][rank] keeps x a^T for the backward pass; unused without a change.
void linear(const Context& context, Scratch& scratch, const LinearWeights& weights, const Rows& x,
            const Rows& y, const Rows& inner = {});

/// Adds to the gradients of weight, bias and change what dy says, and writes or adds (`start`) that of the
/// input to dx, which may be left out. `dinner` [rows][rank] is room.
void linear_backward(const Context& context, Scratch& scratch, const LinearWeights& weights, const Rows& x,
                     const Rows& dy, const Rows& dx, Start start, const Rows& inner = {},
                     const Rows& dinner = {});

}  // namespace garam::training
