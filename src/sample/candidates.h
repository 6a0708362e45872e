// Tokens with their logits in the one order that sampling knows: logit descending, id ascending. The order is
// total, so every algorithm here gives the same result whatever the standard library does inside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace garam {

using Candidate = std::pair<float, std::int32_t>;  // logit, token

/// Whether `a` ranks before `b`. -0 and +0 are equal, so the id decides between them.
inline bool ranks_before(const Candidate& a, const Candidate& b) noexcept {
  return a.first > b.first || (a.first == b.first && a.second < b.second);
}

/// Throws Error(kArgument) for no logits or more than 2^23 of them, kNonFinite naming the first token whose
/// logit is NaN or +inf.
void check_logits(std::span<const float> logits);

/// The first candidate in rank order; nothing when every logit is -inf. For logits that passed check_logits.
std::optional<Candidate> best_candidate(std::span<const float> logits);

/// Replaces `out` by the first `count` candidates in rank order, without those of logit -inf. One pass and a
/// heap of `count` while that is the cheaper way.
void best_candidates(std::span<const float> logits, std::size_t count, std::vector<Candidate>& out);

/// Replaces `out` by all candidates but those of logit -inf, ids ascending.
void all_candidates(std::span<const float> logits, std::vector<Candidate>& out);

/// Candidates by rank, sorted only as far as somebody looks: the mass of a vocabulary lies in few tokens.
class Ranking {
 public:
  /// The first `sorted` of `candidates` are known to be the first in rank order.
  explicit Ranking(std::span<Candidate> candidates, std::size_t sorted = 0)
      : candidates_(candidates), sorted_(sorted) {}

  std::size_t size() const noexcept { return candidates_.size(); }
  const Candidate& operator[](std::size_t rank) {
    if (rank >= sorted_) sort_past(rank);
    return candidates_[rank];
  }

 private:
  void sort_past(std::size_t rank);

  std::span<Candidate> candidates_;
  std::size_t sorted_;
};

}  // namespace garam
