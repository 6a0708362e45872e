// Sampler: checks the options once, holds the float environment and runs the chain.
#include "garam/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/fail.h"
#include "base/float_env.h"
#include "sample/candidates.h"
#include "sample/chain.h"
#include "sample/philox.h"

namespace garam {
namespace {

void check_range(const char* option, double value, double low, double high) {
  if (value >= low && value <= high) return;
  fail(ErrorCode::kArgument, "{}: expected a number from {} to {}, found {}", option, low, high, value);
}

void check_finite(const char* option, float value) {
  if (std::isfinite(value)) return;
  fail(ErrorCode::kArgument, "{}: expected a finite number, found {}", option, value);
}

void check_options(const SamplerOptions& o) {
  check_finite("temperature", o.temperature);
  if (o.top_k < -1) fail(ErrorCode::kArgument, "top_k: expected 0 (all) or more, found {}", o.top_k);
  check_range("top_p", o.top_p, 0, 1);
  check_range("min_p", o.min_p, 0, 1);
  check_finite("repeat_penalty", o.repeat_penalty);
  if (o.repeat_penalty <= 0) {
    fail(ErrorCode::kArgument, "repeat_penalty: expected a number above 0, found {}", o.repeat_penalty);
  }
  check_finite("presence_penalty", o.presence_penalty);
  check_finite("frequency_penalty", o.frequency_penalty);
  if (o.repeat_last_n < -1) {
    fail(ErrorCode::kArgument, "repeat_last_n: expected -1 (all) or more, found {}", o.repeat_last_n);
  }
  for (const auto& [token, bias] : o.logit_bias) {
    if (token < 0) fail(ErrorCode::kArgument, "logit_bias: expected a token id, found {}", token);
    if (!(bias < std::numeric_limits<float>::infinity())) {
      fail(ErrorCode::kArgument, "logit_bias: expected a finite bias or -inf for token {}, found {}", token,
           bias);
    }
  }
}

/// The tokens that the penalties look at.
std::span<const std::int32_t> recent_tokens(const SamplerOptions& o, std::span<const std::int32_t> history) {
  if (o.repeat_penalty == 1 && o.presence_penalty == 0 && o.frequency_penalty == 0) return {};
  if (o.repeat_last_n < 0) return history;
  return history.last(std::min(history.size(), static_cast<std::size_t>(o.repeat_last_n)));
}

}  // namespace

Sampler::Sampler(const SamplerOptions& options) : options_(options) {
  check_options(options_);
}

std::int32_t Sampler::sample(std::span<const float> logits, std::span<const std::int32_t> history) {
  const FloatEnvironment environment;
  check_logits(logits);
  const auto recent = recent_tokens(options_, history);
  const bool adjust = !recent.empty() || !options_.logit_bias.empty();
  if (adjust) {
    adjusted_.assign(logits.begin(), logits.end());
    adjust_logits(adjusted_, options_, recent, counts_);
  }
  const std::span<const float> effective = adjust ? std::span<const float>(adjusted_) : logits;
  const auto best = best_candidate(effective);
  if (!best) {
    if (!best_candidate(logits))
      fail(ErrorCode::kNonFinite, "logits: expected a finite one, found only -inf");
    fail(ErrorCode::kArgument, "logit_bias: expected at least one token that is not banned, found none");
  }
  const std::uint64_t bits = random_bits(options_.seed, history.size(), options_.stream, 0);
  return choose(effective, *best, options_, bits, candidates_);
}

}  // namespace garam
