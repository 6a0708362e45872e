// Two flat hash tables for vocabularies: text -> number, and pair of symbols -> merge. Filled once, then only
// read. They never shrink, delete or iterate.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace garam {

/// Text to a number. Holds views: the texts must outlive the table.
class TextTable {
 public:
  static constexpr std::uint32_t kAbsent = 0xffffffff;

  /// Room for `expected` texts without growing.
  explicit TextTable(std::size_t expected = 0);
  /// Adds `text` unless it is there. Returns the number stored under it, which differs from `value` when it
  /// was.
  std::uint32_t insert(std::string_view text, std::uint32_t value);
  /// The number of `text`, or kAbsent.
  std::uint32_t find(std::string_view text) const;

 private:
  struct Slot {
    std::uint32_t hash;
    std::uint32_t entry;  // index into entries_, kAbsent where the slot is free
  };
  struct Entry {
    std::string_view text;
    std::uint32_t value;
  };
  std::uint32_t hash(std::string_view text) const;
  void grow(std::size_t slots);

  std::vector<Slot> slots_;
  std::vector<Entry> entries_;
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

  // Two thirds full: 24 bytes a merge, and real files have 280,000 or more.
  std::vector<Slot> slots_;
  // A bit per pair, eight bits a merge. Two of three lookups find nothing, and most of those end here, in the
  // L2 cache, where a slot would be a miss.
  std::vector<std::uint64_t> filter_;
  std::uint64_t seed_;
};

}  // namespace garam
