// Counts of pairs are kept up to date at the places where something was merged. The queue holds counts as
// they were when pushed: one that is too high is corrected when it comes up. Each pair knows its places, in
// the order of the text, so a merge costs as much as it has occurrences, however long the pieces are.
#include "train/merges.h"

#include <algorithm>
#include <queue>
#include <unordered_map>

#include "base/fail.h"
#include "text/unicode.h"

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

struct Place {
  std::uint32_t cell, piece;
};

struct PairState {
  std::uint64_t count = 0;
  std::vector<Place> places;  // ascending; where it occurs or occurred
};

struct Candidate {
  std::uint64_t count;
  Pair pair;
  /// Whether `b` is merged before this.
  bool operator<(const Candidate& b) const { return count != b.count ? count < b.count : pair > b.pair; }
};

/// Which bytes of characters a token is: some of one that is not complete, from its first or from a later one
/// on, or whole characters.
struct Extent {
  bool leads = true;          // begins where a character does
  std::uint32_t missing = 0;  // bytes of that character, where it is not whole

  static Extent of_byte(unsigned char byte) {
    if ((byte & 0xc0) == 0x80) return {false, 0};
    return {true, static_cast<std::uint32_t>(utf8_length(static_cast<char>(byte)) - 1)};
  }
  bool whole() const { return leads && missing == 0; }
  /// Whether both together are whole characters, or bytes of one.
  static bool fit(const Extent& left, const Extent& right) {
    return left.whole() ? right.whole() : !right.leads;
  }
  static Extent joined(const Extent& left, std::uint32_t right_length) {
    return left.whole() ? left : Extent{left.leads, left.leads ? left.missing - right_length : 0};
  }
};

/// All pieces one behind the other, a cell for each byte, an edge before and behind every piece. A token
/// stands in the cell of its first byte and its length in that of its last, so that both neighbours are found
/// in one step and nothing is moved when tokens are merged.
class Cells {
 public:
  explicit Cells(std::span<const CountedPiece> pieces) {
    std::uint64_t size = 1;
    for (const CountedPiece& piece : pieces) size += piece.bytes.size() + 1;
    if (size > kMostCells) {
      fail(ErrorCode::kArgument,
           "train_tokenizer: expected at most {} bytes of distinct pieces, found {}: less text is needed",
           kMostCells, size);
    }
    cells_.reserve(static_cast<std::size_t>(size));
    cells_.push_back(kEdge);
    for (const CountedPiece& piece : pieces) {
      for (const char c : piece.bytes) cells_.push_back(static_cast<unsigned char>(c));
      cells_.push_back(kEdge);
    }
    lengths_.assign(256, 1);
  }

  /// The token that begins at a cell; kEdge or another number that is no token where none does.
  TokenId at(std::uint32_t cell) const { return cells_[cell]; }
  bool is_token(std::uint32_t cell) const { return cells_[cell] < kInside; }
  std::uint32_t next(std::uint32_t cell) const { return cell + lengths_[cells_[cell]]; }
  /// Where the token before begins; the edge where there is none.
  std::uint32_t previous(std::uint32_t cell) const {
    const std::uint32_t before = cells_[cell - 1];
    return before == kEdge || before < kInside ? cell - 1 : cell - (before - kInside);
  }
  std::uint32_t length(TokenId token) const { return lengths_[token]; }

  TokenId new_token(std::uint32_t length) {
    lengths_.push_back(length);
    return static_cast<TokenId>(lengths_.size() - 1);
  }
  /// Puts `token` in the place of the token at `cell` and the next one, which begins at `second`.
  void join(std::uint32_t cell, std::uint32_t second, TokenId token) {
    cells_[second] = kInside;
    cells_[cell + lengths_[token] - 1] = kInside + lengths_[token];
    cells_[cell] = token;
  }

 private:
  static constexpr std::uint64_t kMostCells = std::uint64_t{1} << 31;
  static constexpr std::uint32_t kInside = std::uint32_t{1} << 31;  // plus the length, in a last cell
  static constexpr std::uint32_t kEdge = UINT32_MAX;

  std::vector<std::uint32_t> cells_;
  std::vector<std::uint32_t> lengths_;  // in bytes, of every token
};

class Learner {
 public:
  Learner(std::span<const CountedPiece> pieces, const MergeOptions& options)
      : pieces_(pieces), options_(options), cells_(pieces) {
    std::uint32_t cell = 1;
    for (std::uint32_t i = 0; i < pieces.size(); ++i, ++cell) {
      const auto end = static_cast<std::uint32_t>(cell + pieces[i].bytes.size());
      tokens_ += pieces[i].count * pieces[i].bytes.size();
      for (; cell < end; ++cell) {
        if (cell + 1 < end) add(pair_of(cells_.at(cell), cells_.at(cell + 1)), {cell, i});
      }
    }
    for (const auto& [pair, state] : pairs_) queue_.push({state.count, pair});
    for (unsigned byte = 0; byte < 256; ++byte) {
      extents_.push_back(Extent::of_byte(static_cast<unsigned char>(byte)));
    }
  }

  LearnedMerges learn() {
    LearnedMerges learned;
    while (learned.merges.size() < options_.merges && !queue_.empty()) {
      const Candidate best = queue_.top();
      queue_.pop();
      const std::uint64_t count = pairs_.at(best.pair).count;
      if (count < std::max<std::uint64_t>(options_.min_frequency, 1)) continue;
      if (count != best.count) {
        queue_.push({count, best.pair});  // it fell: only pairs with a new token rise
        continue;
      }
      const auto left = static_cast<TokenId>(best.pair >> 32), right = static_cast<TokenId>(best.pair);
      const std::size_t length = std::size_t{cells_.length(left)} + cells_.length(right);
      if (length > options_.max_bytes || !Extent::fit(extents_[left], extents_[right])) continue;
      extents_.push_back(Extent::joined(extents_[left], cells_.length(right)));
      learned.merges.push_back({left, right});
      merge(best.pair, cells_.new_token(static_cast<std::uint32_t>(length)));
      if (options_.progress && (learned.merges.size() % 64 == 0 || work_ >= kMuchWork)) {
        options_.progress(learned.merges.size());
        work_ = 0;
      }
    }
    learned.tokens = tokens_;
    return learned;
  }

 private:
  static constexpr std::size_t kMuchWork = std::size_t{1} << 20;  // places between two looks at a stop

  void add(Pair pair, Place place) {
    PairState& state = pairs_[pair];
    state.count += pieces_[place.piece].count;
    state.places.push_back(place);
  }

  /// Merges all occurrences in the order of the text. Pairs beside them lose them and new ones gain them.
  void merge(Pair pair, TokenId token) {
    const std::vector<Place> places = std::move(pairs_.at(pair).places);
    const auto left = static_cast<TokenId>(pair >> 32), right = static_cast<TokenId>(pair);
    touched_.clear();
    work_ += places.size();
    for (const auto& [cell, piece] : places) {
      if (cells_.at(cell) != left) continue;
      const std::uint32_t second = cells_.next(cell);
      if (cells_.at(second) != right) continue;
      const std::uint32_t before = cells_.previous(cell), after = cells_.next(second);
      tokens_ -= pieces_[piece].count;
      if (cells_.is_token(before)) {
        lose(pair, pair_of(cells_.at(before), left), piece);
        gain(pair_of(cells_.at(before), token), {before, piece});
      }
      if (cells_.is_token(after)) {
        lose(pair, pair_of(right, cells_.at(after)), piece);
        gain(pair_of(token, cells_.at(after)), {cell, piece});
      }
      cells_.join(cell, second, token);
    }
    pairs_.erase(pair);
    std::sort(touched_.begin(), touched_.end());
    touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
    for (const Pair changed : touched_) queue_.push({pairs_.at(changed).count, changed});
  }

  /// One occurrence less of a pair, unless it is the one that is merged everywhere.
  void lose(Pair merged, Pair pair, std::uint32_t piece) {
    if (pair != merged) pairs_.at(pair).count -= pieces_[piece].count;
  }
  void gain(Pair pair, Place place) {
    add(pair, place);
    touched_.push_back(pair);
  }

  std::span<const CountedPiece> pieces_;
  const MergeOptions& options_;
  Cells cells_;
  std::vector<Extent> extents_;  // of every token
  std::uint64_t tokens_ = 0;     // of all pieces
  std::size_t work_ = 0;         // places since the last progress
  std::unordered_map<Pair, PairState, PairHash> pairs_;
  std::priority_queue<Candidate> queue_;
  std::vector<Pair> touched_;  // pairs that were gained
};

}  // namespace

LearnedMerges learn_merges(std::span<const CountedPiece> pieces, const MergeOptions& options) {
  return Learner(pieces, options).learn();
}

}  // namespace garam::training
