// Chunk by chunk, and in a chunk slice by slice: read rows, score them, forget them.
#include "garam/perplexity.h"

#include <algorithm>

#include "base/fail.h"
#include "base/float_env.h"
#include "evaluate/chunk_plan.h"
#include "evaluate/kl_statistics.h"
#include "evaluate/logit_file.h"
#include "model/lease.h"

namespace garam {
namespace {

constexpr std::size_t kMaxVocab = std::size_t{1} << 23;  // as check_logits()
constexpr std::size_t kSliceFloats = std::size_t{1} << 24;
constexpr std::size_t kMinRows = 32;  // fewer waste what many rows at once are good for
constexpr std::size_t kMaxRows = 512;

std::optional<std::int32_t> bos_of(const Model& model) {
  const Tokenizer* tokenizer = model.impl().tokenizer.get();
  return tokenizer != nullptr && tokenizer->add_bos() ? tokenizer->bos() : std::nullopt;
}

void check_tokens(std::span<const std::int32_t> tokens, std::size_t vocab) {
  if (vocab > kMaxVocab) {
    fail(ErrorCode::kArgument, "perplexity: expected a vocabulary of at most {} tokens, found {}", kMaxVocab,
         vocab);
  }
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] >= 0 && static_cast<std::size_t>(tokens[i]) < vocab) continue;
    fail(ErrorCode::kArgument, "perplexity: token {}: expected an id below {}, found {}", i, vocab,
         tokens[i]);
  }
}

class Evaluation {
 public:
  Evaluation(const Model& model, std::span<const std::int32_t> tokens, const PerplexityOptions& options)
      : model_(model),
        options_(options),
        plan_(plan_chunks(tokens.size(), options.chunk, options.stride, options.chunks)),
        tokens_(tokens.first(plan_.covered())),
        vocab_(model.info().vocab),
        slice_(std::clamp(kSliceFloats / vocab_, kMinRows, kMaxRows)) {
    check_tokens(tokens_, vocab_);
    bos_ = bos_of(model);
    if (!options.save_logits.empty() || !options.base_logits.empty()) open_files();
  }

  Perplexity run() {
    for (std::size_t i = 0; i < plan_.chunks; ++i) {
      read_chunk(i);
      if (options_.on_chunk) options_.on_chunk(i + 1, plan_.chunks, exponential({nll_.mean(), 0}).value);
    }
    Perplexity result;
    result.chunks = plan_.chunks;
    result.scored = nll_.count();
    result.nll = nll_.estimate();
    result.perplexity = exponential(result.nll);
    if (base_) result.kl = kl_.finish();
    if (saved_) saved_->commit();
    return result;
  }

 private:
  void open_files() {
    const SavedLogits own{vocab_,       options_.chunk, options_.stride,
                          plan_.chunks, bos_,           {tokens_.begin(), tokens_.end()}};
    if (!options_.base_logits.empty()) {
      base_.emplace(options_.base_logits);
      base_->check_matches(own);
    }
    if (!options_.save_logits.empty()) saved_.emplace(options_.save_logits, own);
  }

  void read_chunk(std::size_t chunk) {
    const auto text = tokens_.subspan(plan_.begin(chunk), plan_.window);
    std::vector<std::int32_t> window(text.begin(), text.end());
    if (bos_) window[0] = *bos_;
    // A new session: one whose window has dropped pages cannot be emptied again.
    Session session(model_,
                    {.context = plan_.window, .kv_type = options_.kv_type, .threads = options_.threads});
    const std::span<const std::int32_t> all(window);
    session.prefill(all.first(plan_.first), {.stop = options_.stop});
    advance(plan_.first);
    const std::size_t end = plan_.window - 1;  // nothing follows the last token
    for (std::size_t row = plan_.first; row < end;) {
      const std::size_t rows = std::min(slice_, end - row);
      session.prefill(all.subspan(row, rows), {.all_logits = true, .stop = options_.stop});
      score(session.logits(), all.subspan(row + 1, rows));
      advance(rows);
      row += rows;
    }
    if (base_) base_->end_chunk();
    if (saved_) saved_->end_chunk();
  }

  void advance(std::size_t rows) {
    done_ += rows;
    const std::size_t total = plan_.chunks * (plan_.window - 1);
    if (options_.progress) options_.progress(static_cast<double>(done_) / static_cast<double>(total));
  }

  /// `next` are the tokens behind those rows.
  void score(std::span<const float> logits, std::span<const std::int32_t> next) {
    if (saved_) saved_->write_rows(logits);
    if (base_) {
      base_rows_.resize(logits.size());
      base_->read_rows(base_rows_);
    }
    scores_.resize(next.size());
    const Lease lease(model_.impl(), options_.threads);
    lease.context(model_.impl().kernels.table).steal(next.size(), 1, [&](auto begin, auto end, unsigned) {
      const FloatEnvironment environment;
      for (std::size_t i = begin; i < end; ++i) scores_[i] = score_row(logits, i, next[i]);
    });
    for (const RowComparison& s : scores_) {
      nll_.add(s.nll);
      if (base_) kl_.add(s);
    }
  }

  RowComparison score_row(std::span<const float> logits, std::size_t i, std::int32_t token) const {
    const auto row = logits.subspan(i * vocab_, vocab_);
    if (base_) return compare_rows(std::span(base_rows_).subspan(i * vocab_, vocab_), row, token);
    return {.nll = negative_log_likelihood(row, token)};
  }

  const Model& model_;
  const PerplexityOptions& options_;
  ChunkPlan plan_;
  std::span<const std::int32_t> tokens_;  // that the chunks cover
  std::size_t vocab_;
  std::size_t slice_;  // rows whose logits are held at once
  std::optional<std::int32_t> bos_;
  std::optional<LogitFileReader> base_;
  std::optional<LogitFileWriter> saved_;
  std::vector<float> base_rows_;
  std::vector<RowComparison> scores_;
  Moments nll_;
  KlStatistics kl_;
  std::size_t done_ = 0;
};

}  // namespace

Perplexity perplexity(const Model& model, std::span<const std::int32_t> tokens,
                      const PerplexityOptions& options) {
  const FloatEnvironment environment;
  Perplexity result = Evaluation(model, tokens, options).run();
  result.tokens = tokens.size();
  return result;
}

Perplexity perplexity(const Model& model, std::string_view text, const PerplexityOptions& options) {
  return perplexity(model, model.tokenizer().encode(text), options);
}

}  // namespace garam
