// Which pair merges next: that of the smallest rank, of equals the leftmost. Two ways to keep the candidates,
// one for the pieces of real text, one for pieces as long as a text. Both know ranks and positions only, and
// are used alike: add() the candidates that there are, begin(), then next() and push() in turn until nothing
// is left.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/large_vector.h"

namespace garam {

/// A pair of neighbours that may merge.
struct MergeCandidate {
  std::uint32_t rank;
  std::uint32_t position;  ///< of the left one
};

/// A binary heap: O(log n) per candidate, which is little as long as it lies in the caches.
class MergeHeap {
 public:
  void reserve(std::size_t candidates) { keys_.reserve(candidates); }
  void add(MergeCandidate c) { keys_.push_back(key(c)); }
  void begin() { std::make_heap(keys_.begin(), keys_.end(), std::greater<>()); }
  void push(MergeCandidate c) {
    keys_.push_back(key(c));
    std::push_heap(keys_.begin(), keys_.end(), std::greater<>());
  }
  /// Takes the first candidate out. False when there is none.
  bool next(MergeCandidate& c) {
    if (keys_.empty()) return false;
    c = {static_cast<std::uint32_t>(keys_.front() >> 32), static_cast<std::uint32_t>(keys_.front())};
    std::pop_heap(keys_.begin(), keys_.end(), std::greater<>());
    keys_.pop_back();
    return true;
  }

 private:
  // Plain order of these numbers is the order of merging.
  static std::uint64_t key(MergeCandidate c) { return static_cast<std::uint64_t>(c.rank) << 32 | c.position; }
  std::vector<std::uint64_t> keys_;
};

/// A list of positions per rank. A rank is taken as a whole and walked from left to right, so that memory is
/// read in order: time grows in proportion with the piece, where a heap of a million candidates misses the
/// caches at every level. What is pushed meanwhile with no greater rank lies at or before the position at
/// hand (push() is for pairs that the last merge changed) and so comes first; it waits in a heap that stays
/// small. Hence the ranks ascend, and a row of bits tells the next one.
class MergeBuckets {
 public:
  void reserve(std::size_t candidates) { nodes_.reserve(candidates); }
  void add(MergeCandidate c) {
    if (c.rank >= lists_.size()) {
      lists_.resize(std::max<std::size_t>(c.rank + std::size_t{1}, 2 * lists_.size()));
      waiting_.resize(lists_.size() / 64 + 1);
    }
    std::uint32_t node = free_;
    if (node == kNone) {
      node = static_cast<std::uint32_t>(nodes_.size());
      nodes_.push_back({});
    } else {
      free_ = nodes_[node].next;
    }
    nodes_[node] = {c.position, kNone};
    List& list = lists_[c.rank];
    if (list.first == kNone) {
      list.first = node;
      waiting_[c.rank / 64] |= std::uint64_t{1} << c.rank % 64;
    } else {
      list.ascending = list.ascending && nodes_[list.last].position <= c.position;
      nodes_[list.last].next = node;
    }
    list.last = node;
  }
  void begin() { rank_ = 0; }
  void push(MergeCandidate c) {
    if (c.rank <= rank_) {
      urgent_.push(c);
    } else {
      add(c);
    }
  }
  bool next(MergeCandidate& c) {
    if (urgent_.next(c)) return true;
    if (at_ == kNone && !take_next_rank()) return false;
    c = {rank_, nodes_[at_].position};
    const std::uint32_t after = nodes_[at_].next;
    nodes_[at_].next = free_;
    free_ = at_;
    at_ = after;
    return true;
  }

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;
  struct Node {
    std::uint32_t position;
    std::uint32_t next;
  };
  struct List {
    std::uint32_t first = kNone;
    std::uint32_t last = kNone;
    bool ascending = true;
  };

  bool take_next_rank() {
    std::size_t word = rank_ / 64;
    while (word < waiting_.size() && waiting_[word] == 0) ++word;
    if (word == waiting_.size()) return false;
    rank_ =
        static_cast<std::uint32_t>(word * 64 + static_cast<std::size_t>(std::countr_zero(waiting_[word])));
    waiting_[word] &= waiting_[word] - 1;
    List& list = lists_[rank_];
    if (!list.ascending) sort(list.first);
    at_ = list.first;
    list = {};
    return true;
  }

  void sort(std::uint32_t first) {
    sorted_.clear();
    for (std::uint32_t node = first; node != kNone; node = nodes_[node].next) {
      sorted_.push_back(nodes_[node].position);
    }
    std::sort(sorted_.begin(), sorted_.end());
    std::uint32_t node = first;
    for (const std::uint32_t position : sorted_) {
      nodes_[node].position = position;
      node = nodes_[node].next;
    }
  }

  LargeVector<Node> nodes_;
  std::uint32_t free_ = kNone;
  std::vector<List> lists_;             // by rank
  std::vector<std::uint64_t> waiting_;  // a bit per rank whose list is not empty
  std::uint32_t rank_ = 0;              // the one taken last
  std::uint32_t at_ = kNone;            // what is left of its list
  MergeHeap urgent_;
  std::vector<std::uint32_t> sorted_;
};

}  // namespace garam
