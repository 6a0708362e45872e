// The steps of the chain, in the order in which they run.
#include "sample/chain.h"

#include <algorithm>
#include <limits>

#include "base/det_math.h"
#include "base/fail.h"

namespace garam {
namespace {

constexpr float kMaxFloat = std::numeric_limits<float>::max();
constexpr double kWeightScale = 0x1p40;

class Weigher {
 public:
  Weigher(float max, float temperature) : max_(max), temperature_(temperature) {}
  std::uint64_t operator()(const Candidate& candidate) const {
    const double exponent = (static_cast<double>(candidate.first) - max_) / temperature_;
    return static_cast<std::uint64_t>(det_exp(exponent) * kWeightScale + 0.5);
  }
  std::uint64_t total(std::span<const Candidate> candidates) const {
    std::uint64_t sum = 0;
    for (const Candidate& candidate : candidates) sum += (*this)(candidate);
    return sum;
  }

 private:
  double max_;
  double temperature_;
};

float saturate(float x) {
  return std::clamp(x, -kMaxFloat, kMaxFloat);
}

float penalise(float logit, std::uint32_t count, const SamplerOptions& o) {
  if (logit == -std::numeric_limits<float>::infinity()) return logit;
  logit = saturate(logit > 0 ? logit / o.repeat_penalty : logit * o.repeat_penalty);
  return saturate(logit - saturate(static_cast<float>(count) * o.frequency_penalty + o.presence_penalty));
}

/// Candidates before the first rank that reaches the mass, that rank included.
std::size_t top_p_length(Ranking& ranking, const Weigher& weigh, double mass) {
  std::uint64_t sum = 0;
  for (std::size_t rank = 0; rank < ranking.size(); ++rank) {
    sum += weigh(ranking[rank]);
    if (static_cast<double>(sum) >= mass) return rank + 1;
  }
  return ranking.size();
}

std::uint64_t scaled(std::uint64_t total, std::uint64_t bits) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Wide>(total) * bits) >> 64);
}

}  // namespace

void adjust_logits(std::span<float> logits, const SamplerOptions& options,
                   std::span<const std::int32_t> recent, std::vector<std::uint32_t>& counts) {
  const auto check = [&](std::int32_t token, const char* what) {
    if (token < 0 || static_cast<std::size_t>(token) >= logits.size()) {
      fail(ErrorCode::kArgument, "{}: expected tokens 0 to {}, found {}", what, logits.size() - 1, token);
    }
  };
  for (const std::int32_t token : recent) check(token, "history");
  for (const auto& [token, bias] : options.logit_bias) check(token, "logit_bias");

  if (counts.size() < logits.size()) counts.resize(logits.size());
  for (const std::int32_t token : recent) ++counts[static_cast<std::size_t>(token)];
  for (const std::int32_t token : recent) {
    std::uint32_t& count = counts[static_cast<std::size_t>(token)];
    if (count == 0) continue;
    float& logit = logits[static_cast<std::size_t>(token)];
    logit = penalise(logit, count, options);
    count = 0;
  }
  for (const auto& [token, bias] : options.logit_bias) {
    float& logit = logits[static_cast<std::size_t>(token)];
    const bool banned = bias < -kMaxFloat || logit < -kMaxFloat;
    logit = banned ? -std::numeric_limits<float>::infinity() : saturate(logit + bias);
  }
}

std::int32_t choose(std::span<const float> logits, const Candidate& best, const SamplerOptions& options,
                    std::uint64_t bits, std::vector<Candidate>& scratch) {
  if (options.temperature <= 0) return best.second;

  const float max = best.first;
  std::size_t sorted = 0;
  if (options.top_k > 0 && static_cast<std::size_t>(options.top_k) < logits.size()) {
    best_candidates(logits, static_cast<std::size_t>(options.top_k), scratch);
    sorted = scratch.size();
  } else {
    all_candidates(logits, scratch);
  }

  // The mass that top-p asks for counts what min-p drops afterwards; the cuts themselves commute, both being
  // prefixes, and cutting by distance first leaves less to sort.
  const bool use_top_p = options.top_p < 1;
  const Weigher plain(max, 1);
  const double mass =
      use_top_p ? static_cast<double>(options.top_p) * static_cast<double>(plain.total(scratch)) : 0;
  if (options.min_p > 0) {
    const double lowest = det_log(options.min_p);
    std::erase_if(scratch, [&](const Candidate& c) { return static_cast<double>(c.first) - max < lowest; });
    sorted = std::min(sorted, scratch.size());
  }
  if (use_top_p) {
    Ranking ranking(scratch, sorted);
    const std::size_t length = top_p_length(ranking, plain, mass);
    sorted = length;
    scratch.resize(length);
  }

  const Weigher weigh(max, options.temperature);
  const std::uint64_t target = scaled(weigh.total(scratch), bits);
  Ranking ranking(scratch, sorted);
  std::uint64_t sum = 0;
  std::size_t rank = 0;
  for (;; ++rank) {
    sum += weigh(ranking[rank]);
    if (sum > target) return ranking[rank].second;
  }
}

}  // namespace garam
