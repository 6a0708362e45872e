// Constants of a step are made in double and rounded once.
#include "train/optimiser.h"

#include <cmath>

namespace garam::training {
namespace {

constexpr std::size_t kRowGrain = 8;

/// beta^step by multiplications, in an order that depends on nothing but step.
double power(double beta, std::uint64_t step) {
  double result = 1, factor = beta;
  for (; step > 0; step >>= 1, factor *= factor) {
    if (step & 1) result *= factor;
  }
  return result;
}

double row_square(const float* x, std::size_t n) {
  // Four sums, so that an addition does not wait for the one before it.
  double sums[4] = {};
  for (std::size_t i = 0; i < n; ++i) sums[i % 4] += static_cast<double>(x[i]) * x[i];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

}  // namespace

double gradient_norm(const Context& context, const Parameters& parameters) {
  double total = 0;
  std::vector<double> rows;
  for (const Parameter& p : parameters.all()) {
    if (p.frozen()) continue;
    rows.assign(p.gradient.rows, 0.0);
    context.split(rows.size(), kRowGrain, [&](std::size_t begin, std::size_t end, unsigned) {
      for (std::size_t r = begin; r < end; ++r) rows[r] = row_square(p.gradient.row(r), p.gradient.width);
    });
    for (const double square : rows) total += square;
  }
  return std::sqrt(total);
}

void adamw(const Context& context, Parameters& parameters, const OptimiserOptions& options,
           double learning_rate, std::uint64_t step, double norm) {
  const double correction1 = 1 - power(options.beta1, step), correction2 = 1 - power(options.beta2, step);
  kernels::AdamW a{};
  a.clip = options.clip > 0 && norm > options.clip ? static_cast<float>(options.clip / norm) : 1.0f;
  a.beta1 = static_cast<float>(options.beta1);
  a.one_minus_beta1 = static_cast<float>(1 - options.beta1);
  a.beta2 = static_cast<float>(options.beta2);
  a.one_minus_beta2 = static_cast<float>(1 - options.beta2);
  a.correction = static_cast<float>(1 / std::sqrt(correction2));
  a.epsilon = static_cast<float>(options.epsilon);
  a.rate = static_cast<float>(learning_rate / correction1);
  for (Parameter& p : parameters.all()) {
    if (p.frozen()) continue;
    a.keep = static_cast<float>(1 - (p.decays ? learning_rate * options.weight_decay : 0));
    context.split(p.value.rows, kRowGrain, [&](std::size_t begin, std::size_t end, unsigned) {
      kernels::AdamW rows = a;
      for (std::size_t r = begin; r < end; ++r) {
        rows.weights = p.value.row(r);
        rows.gradients = p.gradient.row(r);
        rows.m = p.m.row(r);
        rows.v = p.v.row(r);
        rows.n = p.value.width;
        context.table().training.adamw(rows);
      }
    });
  }
}

}  // namespace garam::training
