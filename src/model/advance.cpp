// Two phases: reserve (pages, scratch, room for logits; may throw) and compute (neither throws nor
// allocates). Sessions are changed only after the last pass has succeeded; before that only reserved pages
// are written.
#include "model/advance.h"

#include <algorithm>
#include <cstring>

#include "base/fail.h"
#include "base/float_env.h"
#include "model/lease.h"
#include "model/session_impl.h"

namespace garam {
namespace {

/// Puts sessions back to their old length unless told that all went well.
class Rollback {
 public:
  explicit Rollback(std::span<Advance> parts) : parts_(parts) {}
  ~Rollback() {
    if (done_) return;
    for (Advance& part : parts_) part.session->kv.truncate(part.session->tokens.size());
  }
  Rollback(const Rollback&) = delete;
  Rollback& operator=(const Rollback&) = delete;
  void dismiss() { done_ = true; }

 private:
  std::span<Advance> parts_;
  bool done_ = false;
};

/// A row holds logits and, behind their panels, the scores of a classification head.
std::size_t scores_offset(const Config& config) {
  return kernels::round_up(config.vocab, kernels::kPanelRows);
}

std::size_t logit_stride(const Config& config) {
  return scores_offset(config) + kernels::round_up(config.scores, kernels::kPanelRows);
}

void check(const Advance& part) {
  const Session::Impl& s = *part.session;
  const Config& config = s.model.impl().architecture->config();
  for (std::size_t i = 0; i < part.tokens.size(); ++i) {
    if (part.tokens[i] >= 0 && static_cast<std::size_t>(part.tokens[i]) < config.vocab) continue;
    fail(ErrorCode::kArgument, "token {}: expected an id from 0 to {}, found {}", i, config.vocab - 1,
         part.tokens[i]);
  }
  if (part.tokens.size() > s.options.context - s.tokens.size()) {
    fail(ErrorCode::kContextFull,
         "context full: {} tokens held and {} more do not fit the session's context of {}; use a larger "
         "context or a shorter prompt",
         s.tokens.size(), part.tokens.size(), s.options.context);
  }
}

/// The rows of one pass: a slice of the rows of all parts, in their order.
struct Pass {
  std::vector<std::int32_t> tokens, positions;
  std::vector<ops::SequenceRows> sequences;
  std::vector<std::uint32_t> logit_rows;
  std::vector<Advance*> owners;  // of each logit row

  void reserve(std::size_t rows, std::size_t parts) {
    tokens.reserve(rows);
    positions.reserve(rows);
    logit_rows.reserve(rows);
    owners.reserve(rows);
    sequences.reserve(parts);
  }
  void clear() {
    tokens.clear();
    positions.clear();
    sequences.clear();
    logit_rows.clear();
    owners.clear();
  }
  /// Adds tokens [begin, end) of a part.
  void add(Advance& part, std::size_t begin, std::size_t end) {
    const std::size_t first_position = part.session->kv.length();
    sequences.push_back({part.session->kv.pages(), tokens.size(), end - begin,
                         static_cast<std::int32_t>(first_position), part.session->options.context,
                         part.session->kv.windowed_pages()});
    const auto first = std::lower_bound(part.wanted.begin(), part.wanted.end(), begin);
    for (auto wanted = first; wanted != part.wanted.end() && *wanted < end; ++wanted) {
      logit_rows.push_back(static_cast<std::uint32_t>(tokens.size() + *wanted - begin));
      owners.push_back(&part);
    }
    for (std::size_t i = begin; i < end; ++i) {
      tokens.push_back(part.tokens[i]);
      positions.push_back(static_cast<std::int32_t>(first_position + i - begin));
    }
  }
};

/// Everything one call of advance() holds on to.
class Advancing {
 public:
  Advancing(std::span<Advance> parts, const std::stop_token& stop)
      : parts_(parts),
        lead_(*parts.front().session),
        model_(lead_.model.impl()),
        stop_(stop),
        lease_(model_, lead_.options.threads),
        context_(lease_.context(model_.kernels.table, lead_.observer)),
        stride_(logit_stride(model_.architecture->config())) {}

  void run(const Progress& progress) {
    Rollback rollback(parts_);
    reserve();
    std::size_t done = 0;
    for (Advance& part : parts_) {
      for (std::size_t begin = 0; begin < part.tokens.size();) {
        const std::size_t end =
            std::min(part.tokens.size(), begin + lead_.options.batch - pass_.tokens.size());
        pass_.add(part, begin, end);
        pending_.push_back({&part, end - begin});
        begin = end;
        if (pass_.tokens.size() < lead_.options.batch && begin == part.tokens.size()) break;
        done += pass_.tokens.size();
        compute();
        if (progress) progress(static_cast<double>(done) / static_cast<double>(total_));
      }
    }
    if (!pass_.tokens.empty()) {
      compute();
      if (progress) progress(1);
    }
    for (Advance& part : parts_) finish(part);
    rollback.dismiss();
  }

 private:
  void reserve() {
    std::size_t logits = 0;
    for (Advance& part : parts_) {
      Session::Impl& s = *part.session;
      total_ += part.tokens.size();
      logits += part.wanted.size();
      s.kv.reserve(part.tokens.size());
      s.tokens.reserve(s.tokens.size() + part.tokens.size());
      s.next_logits.resize(part.wanted.size() * stride_);
      s.next_scores.resize(part.wanted.size() * model_.architecture->config().scores);
    }
    const std::size_t rows = std::min(total_, lead_.options.batch);
    Workspace measure(lead_.workspace.low_rank_room());
    model_.architecture->carve(measure, lead_.kv.layout(), rows, context_.workers());
    lead_.workspace.reserve(measure.used());
    pass_.reserve(rows, parts_.size());
    pending_.reserve(parts_.size());
    filled_.resize(parts_.size());
    if (parts_.size() > 1) shared_logits_.resize(std::min(rows, logits) * stride_);
  }

  void compute() {
    const Config& config = model_.architecture->config();
    Rows logits{nullptr, pass_.logit_rows.size(), config.vocab, stride_};
    const bool direct = parts_.size() == 1;
    logits.data = direct ? lead_.next_logits.data() + filled_[0] * stride_ : shared_logits_.data();
    Rows scores = logits;
    if (config.scores > 0 && scores.rows > 0) scores.data += scores_offset(config);
    scores.width = config.scores;
    lead_.workspace.rewind();
    Forward forward{context_,        lead_.kv.layout(), lead_.workspace, pass_.tokens, pass_.positions,
                    pass_.sequences, pass_.logit_rows,  logits,          stop_,        scores};
    model_.architecture->forward(forward);
    if (forward.cancelled) fail(ErrorCode::kCancelled, "cancelled: the session is at its old length");
    bool finite = forward.finite;
    for (std::size_t i = 0; finite && i < logits.rows; ++i) {
      finite = context_.table().all_finite(logits.row(i), logits.width) &&
               (scores.width == 0 || context_.table().all_finite(scores.row(i), scores.width));
    }
    if (!finite) {
      fail(ErrorCode::kNonFinite,
           "non-finite: activations at positions {} to {} became infinite or NaN; the session is at its old "
           "length",
           *std::min_element(pass_.positions.begin(), pass_.positions.end()),
           *std::max_element(pass_.positions.begin(), pass_.positions.end()));
    }
    for (std::size_t i = 0; i < logits.rows; ++i) {
      Advance* owner = pass_.owners[i];
      std::size_t& filled = filled_[static_cast<std::size_t>(owner - parts_.data())];
      if (!direct) {
        std::copy_n(logits.row(i), stride_, owner->session->next_logits.data() + filled * stride_);
      }
      ++filled;
    }
    for (const auto& [part, rows] : pending_) part->session->kv.commit(rows);
    pending_.clear();
    pass_.clear();
  }

  void finish(Advance& part) noexcept {
    Session::Impl& s = *part.session;
    s.tokens.insert(s.tokens.end(), part.tokens.begin(), part.tokens.end());
    const Config& config = model_.architecture->config();
    const std::size_t vocab = config.vocab;
    for (std::size_t i = 0; i < part.wanted.size(); ++i) {
      std::copy_n(s.next_logits.data() + i * stride_ + scores_offset(config), config.scores,
                  s.next_scores.data() + i * config.scores);
    }
    for (std::size_t i = 1; i < part.wanted.size() && vocab != stride_; ++i) {
      std::memmove(s.next_logits.data() + i * vocab, s.next_logits.data() + i * stride_,
                   vocab * sizeof(float));
    }
    s.logits.swap(s.next_logits);
    s.scores.swap(s.next_scores);
    s.logit_rows = part.wanted.size();
    s.kv.drop_unreachable();
  }

  std::span<Advance> parts_;
  Session::Impl& lead_;
  const Model::Impl& model_;
  const std::stop_token& stop_;
  Lease lease_;
  Context context_;
  std::size_t stride_;
  std::size_t total_ = 0;
  Pass pass_;
  std::vector<std::pair<Advance*, std::size_t>> pending_;
  std::vector<std::size_t> filled_;  // logits of each part so far
  std::vector<float> shared_logits_;
};

}  // namespace

void advance(std::span<Advance> parts, const std::stop_token& stop, const Progress& progress) {
  const FloatEnvironment environment;
  for (const Advance& part : parts) check(part);
  try {
    Advancing(parts, stop).run(progress);
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::kOutOfMemory, "memory ran out while making room for {} sessions; nothing has changed",
         parts.size());
  }
}

}  // namespace garam
