// How well a model predicts a text, and how far a second model (usually the same one with smaller weights)
// strays from it, token by token.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "garam/model.h"
#include "garam/session.h"

namespace garam {

/// A mean over the scored tokens, or what follows from one, and its standard error: the deviation that chance
/// leaves in a text of this length, taking tokens as independent. Of a single token the error is NaN.
struct Estimate {
  double value = 0;
  double error = 0;
};

/// Called after each chunk, from the thread that started the work: chunks done, chunks there are, perplexity
/// over what was scored so far.
using ChunkCallback = std::function<void(std::size_t done, std::size_t chunks, double perplexity)>;

/// How perplexity() cuts and computes. `chunk`, `stride`, `chunks` and `kv_type` decide the result; nothing
/// else does.
struct PerplexityOptions {
  /// Tokens of a chunk, 3 to 2^30. A chunk is read into an empty context, and the tokens of its second half
  /// are scored: those behind token chunk / 2, counted from 0, which leaves chunk - chunk / 2 - 1 of them.
  std::size_t chunk = 512;
  /// 0: chunks lie side by side. N, below `chunk`: a window of chunk + N / 2 tokens moves by N tokens, and
  /// its last N are scored, so that all tokens but those of the beginning are, each behind a long context;
  /// chunk / N times the work.
  std::size_t stride = 0;
  /// Chunks (windows) at most; 0: all that the tokens fill. What is left over at the end is not used.
  std::size_t chunks = 0;
  /// f32, unlike SessionOptions::kv_type: what is measured is the model. f16 measures what sessions compute
  /// by default, which moves the perplexity of a small model in its fourth digit.
  KvType kv_type = KvType::kF32;
  unsigned threads = 0;  ///< as SessionOptions::threads
  /// File that receives the logits of all scored tokens, for `base_logits` of other models; empty: none. It
  /// takes 4 bytes for each scored token and entry of the vocabulary (131 MB for a chunk of 512 tokens and a
  /// vocabulary of 128,256) and appears whole or not at all.
  std::string save_logits{};
  /// File that another model wrote under `save_logits`, to be compared with; empty: none. Tokens, chunking
  /// and vocabulary must be the same.
  std::string base_logits{};
  Progress progress{};       ///< share of the tokens computed
  ChunkCallback on_chunk{};  ///< after each chunk
  std::stop_token stop{};    ///< ends with Error(kCancelled); no file is written then
};

/// A second model (q) beside the base (p) whose logits were saved, over the scored tokens.
struct KlDivergence {
  /// Mean of KL(p || q) = sum over the vocabulary of p (ln p - ln q), in nats. 0: the same distributions.
  Estimate mean;
  double maximum = 0;  ///< of single tokens, here and below
  /// Linear between neighbours in rank: a share x of n tokens is rank x (n - 1).
  double median = 0, percentile_90 = 0, percentile_95 = 0, percentile_99 = 0, percentile_99_9 = 0;
  /// Share of tokens at which both find the same token most likely (of equal ones the smallest id).
  Estimate same_top;
  /// Mean of q(t) - p(t), t the token that the text has; -1 to 1.
  Estimate probability_change;
  /// Root of the mean of its square.
  Estimate probability_change_rms;
  Estimate base_perplexity;   ///< of the base
  Estimate perplexity_ratio;  ///< that of q over that of the base; the error knows that both read one text
};

/// What perplexity() found.
struct Perplexity {
  std::size_t tokens = 0;          ///< given, BOS of the text included
  std::size_t chunks = 0;          ///< computed
  std::size_t scored = 0;          ///< tokens whose probability was taken
  Estimate nll;                    ///< negative log-likelihood of a token, in nats
  Estimate perplexity;             ///< e^nll
  std::optional<KlDivergence> kl;  ///< with PerplexityOptions::base_logits
};

/// Perplexity of `model` over `tokens`. Where the vocabulary adds BOS, the first token of every chunk is read
/// as BOS, as llama.cpp does (tools/perplexity, from which the chunking comes). Logits are taken in slices of
/// at most 64 MiB (at least 32 rows), so memory grows by 4 bytes a token only (8 more with `base_logits`).
/// Sums are made in double and in the order of the text; every bit of the result is the same for any number
/// of threads and with any kernel set.
///
/// Throws Error: kArgument for options out of range, too few tokens for one chunk, ids out of range, a
/// vocabulary above 2^23; kIo, kFormat, kUnsupported (another version) for the files; kArgument where
/// `base_logits` is of another text, vocabulary or chunking; kOutOfMemory, kCancelled, kNonFinite. Any number
/// of threads may call it at once with one model.
Perplexity perplexity(const Model& model, std::span<const std::int32_t> tokens,
                      const PerplexityOptions& options = {});

/// The same over the tokens of `text`, with the special tokens that the vocabulary adds. Also throws what
/// Model::tokenizer() and Tokenizer::encode() throw.
Perplexity perplexity(const Model& model, std::string_view text, const PerplexityOptions& options = {});

/// What a file of PerplexityOptions::save_logits says about itself.
struct SavedLogits {
  std::size_t vocab = 0;              ///< logits in a row
  std::size_t chunk = 0, stride = 0;  ///< as in PerplexityOptions
  std::size_t chunks = 0;             ///< in the file
  std::optional<std::int32_t> bos;    ///< what chunks begin with; nothing: as the text has it
  std::vector<std::int32_t> tokens;   ///< that the chunks cover; give them to perplexity() for the same text
};

/// Reads that, without the logits. Throws Error: kIo, kFormat for a file that is none, cut short or damaged,
/// kUnsupported for another version.
SavedLogits inspect_saved_logits(const std::string& path);

}  // namespace garam
