// The portable kernels of training against calculus: each backward against central differences of its
// forward, both in double precision.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numbers>
#include <vector>

#include "support/kernel_tables.h"
#include "support/random.h"

namespace garam::test {
namespace {

using Vector = std::vector<double>;

std::vector<float> random_row(Random& random, std::size_t n) {
  std::vector<float> x(n);
  for (float& v : x) v = 2 * random.uniform();
  return x;
}

Vector widened(const std::vector<float>& x) {
  return {x.begin(), x.end()};
}

/// The gradient of sum of dy[i] * f(x)[i] at x.
Vector gradient(const std::function<Vector(const Vector&)>& f, Vector x, const Vector& dy) {
  // The error of a central difference is about step^2, that of rounding 1e-16 / step.
  constexpr double kStep = 1e-5;
  Vector result(x.size());
  for (std::size_t j = 0; j < x.size(); ++j) {
    const double at = x[j];
    x[j] = at + kStep;
    const Vector above = f(x);
    x[j] = at - kStep;
    const Vector below = f(x);
    x[j] = at;
    for (std::size_t i = 0; i < dy.size(); ++i) result[j] += dy[i] * (above[i] - below[i]) / (2 * kStep);
  }
  return result;
}

/// Rows of f32 sums of up to 64 terms of about 1: a few units in the last place of the largest of them.
void expect_near(const Vector& expected, const std::vector<float>& found, double bound = 4e-6) {
  ASSERT_EQ(expected.size(), found.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(expected[i], found[i], bound * std::max(1.0, std::abs(expected[i]))) << "at " << i;
  }
}

class TrainingAnswers : public testing::TestWithParam<std::size_t> {
 protected:
  const kernels::Training& kernels_ = portable_table().training;
  std::size_t n_ = GetParam();
  Random random_{test_seed() + n_};
  std::vector<float> x_ = random_row(random_, n_), w_ = random_row(random_, n_),
                     dy_ = random_row(random_, n_);
};

Vector softmax(const Vector& x) {
  Vector p;
  double sum = 0;
  for (const double v : x) sum += std::exp(v);
  for (const double v : x) p.push_back(std::exp(v) / sum);
  return p;
}

TEST_P(TrainingAnswers, Softmax) {
  std::vector<float> p = x_;
  float max = 0, sum = 0;
  kernels_.softmax(p.data(), n_, &max, &sum);
  expect_near(softmax(widened(x_)), p);
  double exact = 0;
  for (const float v : x_) exact += std::exp(static_cast<double>(v));
  EXPECT_NEAR(std::log(exact), static_cast<double>(max) + std::log(sum), 2e-6);

  std::vector<float> dx(n_);
  kernels_.softmax_backward(p.data(), dy_.data(), n_, 1.0f, dx.data());
  expect_near(gradient(softmax, widened(x_), widened(dy_)), dx);
}

TEST_P(TrainingAnswers, RmsNorm) {
  constexpr double kEps = 1e-3;
  const auto forward = [&](const Vector& x) {
    double ss = 0;
    for (const double v : x) ss += v * v;
    Vector y;
    for (std::size_t i = 0; i < n_; ++i) {
      y.push_back(x[i] * w_[i] / std::sqrt(ss / static_cast<double>(n_) + kEps));
    }
    return y;
  };
  std::vector<float> dx(n_, 0.5f), dw(n_, 0.25f);
  float r = 0;
  kernels_.rms_norm_backward(x_.data(), w_.data(), dy_.data(), n_, kEps, dx.data(), &r);
  kernels_.norm_weight_backward(x_.data(), dy_.data(), n_, 0, r, dw.data());
  Vector expected = gradient(forward, widened(x_), widened(dy_));
  for (double& v : expected) v += 0.5;  // it is added to what was there
  // Of a single value all but kEps cancels.
  expect_near(expected, dx, n_ == 1 ? 1e-4 : 4e-6);
  const Vector y = forward(widened(x_));
  for (std::size_t i = 0; i < n_; ++i) EXPECT_NEAR(dw[i], 0.25 + dy_[i] * y[i] / w_[i], 1e-5);
}

TEST_P(TrainingAnswers, LayerNorm) {
  constexpr double kEps = 1e-3;
  const auto forward = [&](const Vector& x) {
    double mean = 0, variance = 0;
    for (const double v : x) mean += v / static_cast<double>(n_);
    for (const double v : x) variance += (v - mean) * (v - mean) / static_cast<double>(n_);
    Vector y;
    for (std::size_t i = 0; i < n_; ++i) y.push_back((x[i] - mean) / std::sqrt(variance + kEps) * w_[i]);
    return y;
  };
  std::vector<float> dx(n_), dw(n_);
  float mean = 0, r = 0;
  kernels_.layer_norm_backward(x_.data(), w_.data(), dy_.data(), n_, kEps, dx.data(), &mean, &r);
  kernels_.norm_weight_backward(x_.data(), dy_.data(), n_, mean, r, dw.data());
  expect_near(gradient(forward, widened(x_), widened(dy_)), dx, n_ < 4 ? 1e-4 : 4e-6);
  const Vector y = forward(widened(x_));
  for (std::size_t i = 0; i < n_; ++i) EXPECT_NEAR(dw[i], dy_[i] * y[i] / w_[i], 1e-5);
}

TEST_P(TrainingAnswers, SwiGlu) {
  const auto silu = [](double x) { return x / (1 + std::exp(-x)); };
  const auto of_gate = [&](const Vector& gate) {
    Vector y;
    for (std::size_t i = 0; i < n_; ++i) y.push_back(silu(gate[i]) * w_[i]);
    return y;
  };
  std::vector<float> dgate(n_), dup(n_);
  kernels_.silu_mul_backward(x_.data(), w_.data(), dy_.data(), n_, dgate.data(), dup.data());
  expect_near(gradient(of_gate, widened(x_), widened(dy_)), dgate);
  for (std::size_t i = 0; i < n_; ++i) EXPECT_NEAR(dup[i], dy_[i] * silu(x_[i]), 1e-6);
}

TEST_P(TrainingAnswers, Gelu) {
  const auto forward = [](const Vector& x) {
    Vector y;
    for (const double v : x) {
      y.push_back(0.5 * v * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (v + 0.044715 * v * v * v))));
    }
    return y;
  };
  std::vector<float> dx(n_);
  kernels_.gelu_tanh_backward(x_.data(), dy_.data(), n_, dx.data());
  expect_near(gradient(forward, widened(x_), widened(dy_)), dx);
}

TEST_P(TrainingAnswers, AdamW) {
  std::vector<float> w = w_, m(n_, 0.01f), v(n_, 0.02f);
  constexpr double kBeta1 = 0.9, kBeta2 = 0.95, kRate = 1e-3, kDecay = 0.1, kEpsilon = 1e-8, kClip = 0.5;
  const double correction1 = 1 - std::pow(kBeta1, 3), correction2 = 1 - std::pow(kBeta2, 3);
  kernels_.adamw({w.data(), x_.data(), m.data(), v.data(), n_, kClip, kBeta1, 1 - kBeta1, kBeta2, 1 - kBeta2,
                  static_cast<float>(1 / std::sqrt(correction2)), kEpsilon,
                  static_cast<float>(kRate / correction1), 1 - kRate * kDecay});
  for (std::size_t i = 0; i < n_; ++i) {
    const double g = x_[i] * kClip;
    const double m1 = kBeta1 * 0.01f + (1 - kBeta1) * g, v1 = kBeta2 * 0.02f + (1 - kBeta2) * g * g;
    const double step = kRate * (m1 / correction1) / (std::sqrt(v1 / correction2) + kEpsilon);
    EXPECT_NEAR(m[i], m1, 1e-7);
    EXPECT_NEAR(v[i], v1, 1e-7);
    EXPECT_NEAR(w[i], w_[i] * (1 - kRate * kDecay) - step, 2.5e-7);  // the last place of weights up to 2
  }
}

INSTANTIATE_TEST_SUITE_P(Lengths, TrainingAnswers, testing::Values(1, 3, 16, 21, 64));

}  // namespace
}  // namespace garam::test
