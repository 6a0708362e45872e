// The sampler chain on logits that were checked: the arithmetic of numerics rule 10. Callers hold a
// FloatEnvironment; this file knows nothing of sessions or text.
//
// Every step after penalties and bias keeps a prefix of the rank order (logit descending, id ascending):
// top-k the first k, top-p the shortest with enough mass, min-p those within a distance of the first. Mass is
// counted in integers: weight(logit) = floor(exp((logit - max) / temperature) * 2^40 + 1/2) with det_exp in
// double, so sums have no order to depend on, and a token below 2^-41 of the first has none.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "garam/sampler.h"
#include "sample/candidates.h"

namespace garam {

/// Changes `logits` by the penalties for the tokens in `recent`, then by the bias. Float operations, each
/// rounded: logit > 0 ? logit / repeat : logit * repeat; then - (count * frequency + presence); then + bias
/// for each entry in order. Finite results stay finite (they saturate). `counts` is scratch, all zero between
/// calls. Throws Error(kArgument) for a token outside the vocabulary.
void adjust_logits(std::span<float> logits, const SamplerOptions& options,
                   std::span<const std::int32_t> recent, std::vector<std::uint32_t>& counts);

/// top-k, top-p, min-p, temperature, draw. `best` is best_candidate(logits); `bits` are 64 random bits: the
/// token is the first in rank order whose cumulated weight exceeds floor(total * bits / 2^64).
std::int32_t choose(std::span<const float> logits, const Candidate& best, const SamplerOptions& options,
                    std::uint64_t bits, std::vector<Candidate>& scratch);

}  // namespace garam
