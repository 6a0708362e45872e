// Choosing the next token from logits. Same seed, same logits, same positions: same tokens, on any machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace garam {

/// Options of a Sampler. The chain runs in this order: penalties, bias, top-k, top-p, min-p, temperature.
struct SamplerOptions {
  float temperature = 0.8f;  ///< 0 or less = greedy (highest logit, lowest id on a tie)
  std::int32_t top_k = 40;   ///< keep the k most likely; 0 or -1 = all
  float top_p = 0.95f;  ///< keep the smallest set with at least this probability, 1 token or more; 1 = all
  float min_p = 0.05f;  ///< drop tokens below this share of the most likely one's probability; 0 = none
  float repeat_penalty = 1.0f;     ///< above 0; divides positive, multiplies negative logits of recent tokens
  float presence_penalty = 0.0f;   ///< subtracted once from the logit of every recent token
  float frequency_penalty = 0.0f;  ///< subtracted once per occurrence
  std::int32_t repeat_last_n = 64;  ///< how many last tokens the penalties look at; 0 = off, -1 = all
  std::vector<std::pair<std::int32_t, float>> logit_bias{};  ///< added to logits; -inf bans a token
  std::uint64_t seed = 0;                                    ///< key of the counter-based generator
  std::uint32_t stream = 0;  ///< a second counter word: parallel samples of one prompt
};

/// A token and its natural-log probability under the raw logits (before the chain).
struct TokenLogprob {
  std::int32_t token = 0;
  float logprob = 0;
};

/// A sampler chain with its scratch. Not thread-safe; copyable.
class Sampler {
 public:
  /// Throws Error(kArgument) naming the option for NaN or out-of-range values.
  explicit Sampler(const SamplerOptions& options = {});

  /// Chooses a token. `history` is every token so far, prompt included; its size is the absolute position
  /// that keys the generator. Logits of -inf are never chosen. Throws Error(kNonFinite) when a logit is NaN
  /// or +inf or all are -inf, kArgument when the bias bans everything or names a token outside the
  /// vocabulary.
  std::int32_t sample(std::span<const float> logits, std::span<const std::int32_t> history);

  const SamplerOptions& options() const noexcept { return options_; }

 private:
  SamplerOptions options_;
  std::vector<std::pair<float, std::int32_t>> candidates_;
  std::vector<float> adjusted_;        // logits after penalties and bias
  std::vector<std::uint32_t> counts_;  // occurrences of each token; zero between calls
};

/// Log-probability of `token` under raw logits: (logit - max) - log(sum of exp), deterministic bits; -inf for
/// a logit of -inf. Throws Error as Sampler::sample() for the logits, kArgument for a token outside them.
float logprob(std::span<const float> logits, std::int32_t token);
/// The n most likely tokens with log-probabilities, order (logit descending, id ascending); fewer when the
/// vocabulary has fewer with a probability above zero.
std::vector<TokenLogprob> top_logprobs(std::span<const float> logits, std::size_t n);

}  // namespace garam
