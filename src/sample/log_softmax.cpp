// LogSoftmax and the public functions over it.
#include "sample/log_softmax.h"

#include <cstddef>

#include "base/det_math.h"
#include "base/fail.h"
#include "base/float_env.h"

namespace garam {

double sum_of_exp(std::span<const float> logits, double max) {
  StripedSum sum;
  for (std::size_t i = 0; i < logits.size(); ++i) sum.add(i, det_exp(static_cast<double>(logits[i]) - max));
  return sum.total();
}

LogSoftmax::LogSoftmax(std::span<const float> logits) : logits_(logits) {
  check_logits(logits);
  const auto best = best_candidate(logits);
  if (!best) fail(ErrorCode::kNonFinite, "logits: expected a finite one, found only -inf");
  max_ = best->first;
  log_sum_ = det_log(sum_of_exp(logits, max_));
}

float LogSoftmax::operator()(float logit) const {
  return static_cast<float>((static_cast<double>(logit) - max_) - log_sum_);
}

float LogSoftmax::of(std::int32_t token) const {
  if (token < 0 || static_cast<std::size_t>(token) >= logits_.size()) {
    fail(ErrorCode::kArgument, "logprob: expected a token from 0 to {}, found {}", logits_.size() - 1, token);
  }
  return (*this)(logits_[static_cast<std::size_t>(token)]);
}

std::vector<TokenLogprob> LogSoftmax::top(std::size_t n) const {
  std::vector<Candidate> best;
  best_candidates(logits_, n, best);
  std::vector<TokenLogprob> result;
  result.reserve(best.size());
  for (const auto& [logit, token] : best) result.push_back({token, (*this)(logit)});
  return result;
}

float logprob(std::span<const float> logits, std::int32_t token) {
  const FloatEnvironment environment;
  return LogSoftmax(logits).of(token);
}

std::vector<TokenLogprob> top_logprobs(std::span<const float> logits, std::size_t n) {
  const FloatEnvironment environment;
  return LogSoftmax(logits).top(n);
}

}  // namespace garam
