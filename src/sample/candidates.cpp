// Passes over logits and partial selection. Comparisons only: nothing here rounds.
#include "sample/candidates.h"

#include <algorithm>
#include <limits>

#include "base/fail.h"

namespace garam {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::size_t kMaxLogits = std::size_t{1} << 23;  // so that a sum of 2^40 each fits 64 bits
constexpr std::size_t kLanes = 16;
constexpr std::size_t kHeapLimit = 1024;  // above it, one nth_element over all is faster than a heap
constexpr std::size_t kFirstSorted = 256;

/// In 16 lanes, because compilers vectorise that and not a single running maximum.
float largest(std::span<const float> logits) {
  float lanes[kLanes];
  std::fill_n(lanes, kLanes, -kInfinity);
  std::size_t i = 0;
  for (; i + kLanes <= logits.size(); i += kLanes) {
    for (std::size_t j = 0; j < kLanes; ++j) {
      lanes[j] = logits[i + j] > lanes[j] ? logits[i + j] : lanes[j];
    }
  }
  float result = *std::max_element(lanes, lanes + kLanes);
  for (; i < logits.size(); ++i) result = std::max(result, logits[i]);
  return result;
}

void sort_best(std::vector<Candidate>& candidates, std::size_t count) {
  if (count < candidates.size()) {
    std::nth_element(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(count),
                     candidates.end(), ranks_before);
    candidates.resize(count);
  }
  std::sort(candidates.begin(), candidates.end(), ranks_before);
}

}  // namespace

void check_logits(std::span<const float> logits) {
  if (logits.empty() || logits.size() > kMaxLogits) {
    fail(ErrorCode::kArgument, "logits: expected 1 to {} of them, found {}", kMaxLogits, logits.size());
  }
  bool good = true;
  for (const float logit : logits) good &= logit < kInfinity;
  if (good) return;
  const auto bad = std::find_if_not(logits.begin(), logits.end(), [](float x) { return x < kInfinity; });
  fail(ErrorCode::kNonFinite, "logits: expected finite values or -inf, found {} for token {}", *bad,
       bad - logits.begin());
}

std::optional<Candidate> best_candidate(std::span<const float> logits) {
  const float max = largest(logits);
  if (max == -kInfinity) return std::nullopt;
  const auto first = std::find(logits.begin(), logits.end(), max);
  return Candidate{*first, static_cast<std::int32_t>(first - logits.begin())};
}

void best_candidates(std::span<const float> logits, std::size_t count, std::vector<Candidate>& out) {
  if (count > kHeapLimit) {
    all_candidates(logits, out);
    sort_best(out, count);
    return;
  }
  out.clear();
  if (count == 0) return;
  // The heap's front is the last in rank order. Ids ascend, so a later equal logit never displaces it.
  float threshold = -kInfinity;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (!(logits[i] > threshold)) continue;
    if (out.size() == count) {
      std::pop_heap(out.begin(), out.end(), ranks_before);
      out.pop_back();
    }
    out.emplace_back(logits[i], static_cast<std::int32_t>(i));
    std::push_heap(out.begin(), out.end(), ranks_before);
    if (out.size() == count) threshold = out.front().first;
  }
  std::sort(out.begin(), out.end(), ranks_before);
}

void all_candidates(std::span<const float> logits, std::vector<Candidate>& out) {
  out.clear();
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] > -kInfinity) out.emplace_back(logits[i], static_cast<std::int32_t>(i));
  }
}

void Ranking::sort_past(std::size_t rank) {
  const std::size_t target = std::min(size(), std::max({kFirstSorted, 2 * sorted_, rank + 1}));
  const auto at = [&](std::size_t i) { return candidates_.begin() + static_cast<std::ptrdiff_t>(i); };
  if (target < size()) std::nth_element(at(sorted_), at(target), candidates_.end(), ranks_before);
  std::sort(at(sorted_), at(target), ranks_before);
  sorted_ = target;
}

}  // namespace garam
