// Counts of pairs are kept up to date at the places where something was merged. The queue holds counts as
// they were when pushed: one that is too high is corrected when it comes up, and a count that rises is pushed
// anew.
#include "train/merges.h"

#include <algorithm>
#include <queue>
#include <unordered_map>

namespace garam::training {
namespace {

using Pair = std::uint64_t;  // left << 32 | right

Pair pair_of(TokenId left, TokenId right) {
  return std::uint64_t{left} << 32 | right;
}

struct PairHash {
  std::size_t operator()(Pair pair) const {
    pair *= 0x9e3779b97f4a7c15u;
    return static_cast<std::size_t>(pair ^ pair >> 32);
  }
};

struct PairState {
  std::uint64_t count = 0;
  std::vector<std::uint32_t> pieces;  // where it occurs or occurred, some of them twice
};

struct Candidate {
  std::uint64_t count;
  Pair pair;
  /// Whether `b` is merged before this.
  bool operator<(const Candidate& b) const { return count != b.count ? count < b.count : pair > b.pair; }
};

class Learner {
 public:
  Learner(std::span<const CountedPiece> pieces, const MergeOptions& options)
      : pieces_(pieces), options_(options) {
    bytes_.assign(256, 1);
    words_.reserve(pieces.size());
    for (std::uint32_t i = 0; i < pieces.size(); ++i) {
      std::vector<TokenId>& word = words_.emplace_back();
      for (const char c : pieces[i].bytes) word.push_back(static_cast<unsigned char>(c));
      for (std::size_t j = 0; j + 1 < word.size(); ++j) add(pair_of(word[j], word[j + 1]), i);
    }
    for (const auto& [pair, state] : pairs_) queue_.push({state.count, pair});
  }

  LearnedMerges learn() {
    LearnedMerges learned;
    while (learned.merges.size() < options_.merges && !queue_.empty()) {
      const Candidate best = queue_.top();
      queue_.pop();
      const std::uint64_t count = pairs_[best.pair].count;
      if (count < std::max<std::uint64_t>(options_.min_frequency, 1)) continue;
      if (count != best.count) {
        // It fell; where it rose, a higher candidate has come up before.
        if (count < best.count) queue_.push({count, best.pair});
        continue;
      }
      const auto left = static_cast<TokenId>(best.pair >> 32), right = static_cast<TokenId>(best.pair);
      if (bytes_[left] + bytes_[right] > options_.max_bytes) continue;
      const auto token = static_cast<TokenId>(bytes_.size());
      bytes_.push_back(bytes_[left] + bytes_[right]);
      learned.merges.push_back({left, right});
      merge(best.pair, token);
      if (options_.progress && learned.merges.size() % 64 == 0) options_.progress(learned.merges.size());
    }
    for (std::size_t i = 0; i < words_.size(); ++i) learned.tokens += pieces_[i].count * words_[i].size();
    return learned;
  }

 private:
  void add(Pair pair, std::uint32_t piece) {
    PairState& state = pairs_[pair];
    state.count += pieces_[piece].count;
    if (state.pieces.empty() || state.pieces.back() != piece) state.pieces.push_back(piece);
  }

  void merge(Pair pair, TokenId token) {
    const std::vector<std::uint32_t> where = std::move(pairs_[pair].pieces);
    pairs_.erase(pair);
    touched_.clear();
    for (const std::uint32_t piece : where) merge_in(piece, pair, token);
    std::sort(touched_.begin(), touched_.end());
    touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
    for (const Pair changed : touched_) {
      const auto found = pairs_.find(changed);
      if (found != pairs_.end() && found->second.count > 0) queue_.push({found->second.count, changed});
    }
  }

  /// Merges all occurrences in one piece. Pairs beside them lose and gain its count.
  void merge_in(std::uint32_t piece, Pair pair, TokenId token) {
    std::vector<TokenId>& word = words_[piece];
    const auto left = static_cast<TokenId>(pair >> 32), right = static_cast<TokenId>(pair);
    std::size_t to = 0;
    bool changed = false;
    merged_.assign(word.begin(), word.end());
    for (std::size_t from = 0; from < word.size(); ++to) {
      if (from + 1 < word.size() && word[from] == left && word[from + 1] == right) {
        merged_[to] = token;
        from += 2;
        changed = true;
      } else {
        merged_[to] = word[from++];
      }
    }
    if (!changed) return;
    merged_.resize(to);
    // All pairs of the old word go, all of the new one come; most cancel, and words are short.
    for (std::size_t i = 0; i + 1 < word.size(); ++i) {
      const auto found = pairs_.find(pair_of(word[i], word[i + 1]));
      if (found != pairs_.end()) found->second.count -= pieces_[piece].count;
    }
    for (std::size_t i = 0; i + 1 < to; ++i) {
      const Pair now = pair_of(merged_[i], merged_[i + 1]);
      const bool beside = merged_[i] == token || merged_[i + 1] == token;
      if (beside) {
        add(now, piece);
        touched_.push_back(now);
      } else {
        pairs_[now].count += pieces_[piece].count;
      }
    }
    word.assign(merged_.begin(), merged_.end());
  }

  std::span<const CountedPiece> pieces_;
  const MergeOptions& options_;
  std::vector<std::vector<TokenId>> words_;
  std::vector<std::size_t> bytes_;  // of every token
  std::unordered_map<Pair, PairState, PairHash> pairs_;
  std::priority_queue<Candidate> queue_;
  std::vector<Pair> touched_;
  std::vector<TokenId> merged_;
};

}  // namespace

LearnedMerges learn_merges(std::span<const CountedPiece> pieces, const MergeOptions& options) {
  return Learner(pieces, options).learn();
}

}  // namespace garam::training
