// Two flat hash tables for vocabularies: text -> number, and pair of symbols -> merge. Filled once, then only
// read. They never shrink, delete or iterate.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "text/text_list.h"

namespace garam {

/// The texts of a list to numbers: text i of the list to first + i, for those that were inserted. The list
/// must outlive the table; it may grow.
class TextTable {
 public:
  static constexpr std::uint32_t kAbsent = 0xffffffff;

  /// Room for `expected` texts without growing.
  explicit TextTable(const TextList& texts, std::size_t expected = 0, std::uint32_t first = 0);
  /// Adds text first + i of the list unless an equal one is there. Returns the number of the one that is.
  std::uint32_t insert(std::uint32_t number);
  /// The number of `text`, or kAbsent.
  std::uint32_t find(std::string_view text) const;

 private:
  struct Slot {
    std::uint32_t hash;
    std::uint32_t number;  // kAbsent where the slot is free
  };
  std::uint32_t hash(std::string_view text) const;
  std::string_view text(std::uint32_t number) const { return (*texts_)[number - first_]; }
  std::size_t start(std::uint32_t hash) const {
    return static_cast<std::size_t>(static_cast<std::uint64_t>(hash) * slots_.size() >> 32);
  }
  void grow(std::size_t slots);

  const TextList* texts_;
  std::uint32_t first_;
  std::vector<Slot> slots_;  // two thirds full at most
  std::size_t used_ = 0;
  std::uint64_t seed_;
};

/// What two neighbouring symbols become.
struct Merge {
  static constexpr std::uint32_t kNone = 0xffffffff;
  std::uint32_t rank = kNone;  ///< smaller merges first; kNone when the two do not merge
  std::uint32_t symbol = 0;
};

/// Pair of symbols to its merge.
class PairTable {
 public:
  /// Room for `expected` pairs; more than that must not be inserted.
  explicit PairTable(std::size_t expected = 0);
  /// Adds a merge unless the pair has one: of two the first wins.
  void insert(std::uint32_t left, std::uint32_t right, Merge merge);
  /// The merge of a pair, Merge{} when it has none.
  Merge find(std::uint32_t left, std::uint32_t right) const;

 private:
  struct Slot {
    std::uint64_t pair = kFree;
    Merge merge;
  };
  static constexpr std::uint64_t kFree = ~std::uint64_t{0};
  std::uint64_t hash(std::uint64_t pair) const;
  std::size_t start(std::uint64_t hash) const;

  // Three quarters full: 21 bytes a merge, and real files have 280,000 or more.
  std::vector<Slot> slots_;
  // A bit per pair, eight bits a merge. Two of three lookups find nothing, and most of those end here, in the
  // L2 cache, where a slot would be a miss.
  std::vector<std::uint64_t> filter_;
  std::uint64_t seed_;
};

}  // namespace garam
