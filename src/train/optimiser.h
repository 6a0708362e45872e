// AdamW over all parameters in training, with clipping of the norm of all gradients together.
#pragma once

#include "runtime/context.h"
#include "train/parameters.h"

namespace garam::training {

struct OptimiserOptions {
  double beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8;
  double weight_decay = 0.1;
  double clip = 1;  // 0: none
};

/// Root of the sum of the squares of all gradients: in double, rows of a tensor and elements of a row in
/// order, tensors in the order of the file.
double gradient_norm(const Context& context, const Parameters& parameters);

/// Step `step`, counted from 1, at a learning rate; `norm` is that of the gradients.
void adamw(const Context& context, Parameters& parameters, const OptimiserOptions& options,
           double learning_rate, std::uint64_t step, double norm);

}  // namespace garam::training
