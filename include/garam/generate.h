// Text in, text out: the loop over prefill, sample and step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "garam/sampler.h"
#include "garam/session.h"

namespace garam {

/// Why generation ended.
enum class StopReason {
  kEndOfGeneration,  ///< the model produced an end-of-generation token (EOS, EOT, EOM, ...)
  kStopString,       ///< one of the stop strings appeared
  kMaxTokens,        ///< max_tokens were generated
  kContextFull,      ///< the context is full and the caller opted into stopping there
  kCallback,         ///< the callback returned false
  kCancelled,        ///< a stop was requested through the stop token
};

/// "end-of-generation", "stop-string", "max-tokens", "context-full", "callback" or "cancelled".
std::string_view to_string(StopReason reason) noexcept;

/// What to do when a token no longer fits the context.
enum class ContextPolicy {
  kError,  ///< throw Error(kContextFull): nothing is ever cut silently
  kStop,   ///< end with StopReason::kContextFull
};

/// Options of generate(). Sampler options are repeated here flat, so that one braced list sets both.
struct GenerateOptions {
  std::size_t max_tokens = 256;  ///< most tokens to generate; 0 = only read the prompt
  float temperature = 0.8f;      ///< see SamplerOptions, here and below
  std::int32_t top_k = 40;
  float top_p = 0.95f;
  float min_p = 0.05f;
  float repeat_penalty = 1.0f;
  float presence_penalty = 0.0f;
  float frequency_penalty = 0.0f;
  std::int32_t repeat_last_n = 64;
  std::vector<std::pair<std::int32_t, float>> logit_bias{};
  std::uint64_t seed = 0;
  std::uint32_t stream = 0;
  /// The text ends before the one that is completed first, also across tokens; of several completed by the
  /// same character before the longest.
  std::vector<std::string> stop_strings{};
  bool ignore_end_of_generation = false;  ///< go on after end-of-generation tokens (their logits are kept)
  bool add_special = true;       ///< add BOS (and EOS) as the model wants; only into an empty session
  bool parse_special = false;    ///< read control tokens written in the prompt
  bool print_special = false;    ///< pass the text of control tokens to the callback
  bool logprobs = false;         ///< fill GenerateResult::logprobs
  std::size_t top_logprobs = 0;  ///< the same with the n most likely tokens at each step
  ContextPolicy context_policy = ContextPolicy::kError;
  std::stop_token stop{};       ///< checked between tokens, layers and prompt chunks
  Progress prefill_progress{};  ///< share of the prompt read
};

/// Log-probabilities of one generated token.
struct GeneratedLogprob {
  TokenLogprob chosen;
  std::vector<TokenLogprob> top;
};

/// Seconds and counts of one generate().
struct GenerateTimings {
  std::size_t prompt_tokens = 0;
  std::size_t generated_tokens = 0;
  double prefill_seconds = 0;
  double decode_seconds = 0;
};

/// What generate() made.
struct GenerateResult {
  std::string text;                        ///< the generated text, without the prompt and the stop string
  std::vector<std::int32_t> tokens;        ///< generated ids, an end-of-generation token included
  std::vector<GeneratedLogprob> logprobs;  ///< one per token, when asked for
  StopReason reason = StopReason::kMaxTokens;
  std::string stop_string;  ///< which stop string ended it, if one did
  GenerateTimings timings;
};

/// Receives whole UTF-8 characters as they are generated (never half of one, never text that may yet turn out
/// to be a stop string). Returns whether to go on.
using TextCallback = std::function<bool(std::string_view piece)>;

/// Tokenizes `prompt`, appends it to the session and generates. result.text is what the callback received,
/// all pieces joined; incomplete characters at its end come out as U+FFFD.
///
/// Afterwards the session holds the prompt and all generated tokens but the last, which was never fed. To go
/// on, put it first: `generate(session, std::span(&result.tokens.back(), 1))` continues with the tokens
/// that one longer generation would have given. An empty prompt goes on from the session's last token; in an
/// empty session of a model without BOS it is Error(kArgument).
///
/// Cancelling is not an error: the result says kCancelled and holds what was generated so far; a cancelled
/// prefill leaves the session at its old length. An exception of the callback passes through.
/// Throws Error: kArgument for options out of range, an empty stop string or one that is not UTF-8 (nothing
/// has changed then); kContextFull (see ContextPolicy; a prompt that does not fit always throws); kNonFinite,
/// kOutOfMemory; kUnsupported for a model without a vocabulary. On an error while generating, the session
/// holds what was fed before it.
GenerateResult generate(Session& session, std::string_view prompt, const GenerateOptions& options = {},
                        const TextCallback& on_text = {});

/// The same from token ids; nothing is added to them.
GenerateResult generate(Session& session, std::span<const std::int32_t> prompt,
                        const GenerateOptions& options = {}, const TextCallback& on_text = {});

}  // namespace garam
