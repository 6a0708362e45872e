// Log-probabilities under raw logits, with bits that do not depend on the machine.
//
// log_softmax(x) = fl32((x - max) - det_log(sum)), in double; sum = det_exp(x[i] - max) over all i, in
// double, element i into stripe i mod 16, ascending, then the stripes as in numerics rule 7: s[i] += s[i+8]
// for i < 8, s[i] += s[i+4], s[i] += s[i+2], s[0] + s[1].
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "garam/sampler.h"
#include "sample/candidates.h"

namespace garam {

/// A sum over i in that order: element i to stripe i mod 16, then the stripes.
class StripedSum {
 public:
  void add(std::size_t i, double value) { stripes_[i % kStripes] += value; }
  /// To be called once, last.
  double total() {
    for (std::size_t half = kStripes / 2; half > 0; half /= 2) {
      for (std::size_t i = 0; i < half; ++i) stripes_[i] += stripes_[i + half];
    }
    return stripes_[0];
  }

 private:
  static constexpr std::size_t kStripes = 16;
  double stripes_[kStripes] = {};
};

/// The sum of e^(logit - max). Callers hold a FloatEnvironment.
double sum_of_exp(std::span<const float> logits, double max);

/// The normaliser of one row of logits. Callers hold a FloatEnvironment.
class LogSoftmax {
 public:
  /// Throws Error as check_logits, and kNonFinite when every logit is -inf.
  explicit LogSoftmax(std::span<const float> logits);

  /// Log-probability of a token with this logit; -inf for -inf.
  float operator()(float logit) const;
  /// Log-probability of `token`. Throws Error(kArgument) for a token outside the vocabulary.
  float of(std::int32_t token) const;
  /// See top_logprobs().
  std::vector<TokenLogprob> top(std::size_t n) const;

 private:
  std::span<const float> logits_;
  double max_ = 0;
  double log_sum_ = 0;
};

}  // namespace garam
