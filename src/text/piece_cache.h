// The tokens of short pieces of text seen lately. Words repeat: in English prose 9 of 10 pieces are found
// here, at a tenth of the price of merging them.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/hash.h"

namespace garam {

/// Direct-mapped: a piece that falls on a used place takes it. Belongs to one encode() call.
class PieceCache {
 public:
  static constexpr std::size_t kMostBytes = 15;
  static constexpr std::size_t kMostTokens = 3;

  /// For a text of `text_bytes`; 0 makes a cache that holds nothing.
  explicit PieceCache(std::size_t text_bytes)
      : entries_(text_bytes == 0 ? 0 : entries_for(text_bytes)),
        shift_(64 - std::countr_zero(entries_.size())) {}

  struct Entry {
    std::uint64_t low = 0, high = 0;  // the piece, its length in the highest byte
    std::int32_t ids[kMostTokens] = {};
    std::uint32_t count = 0;
  };

  bool takes(std::string_view piece) const { return piece.size() <= kMostBytes && !entries_.empty(); }

  /// The place of `piece`, which takes() must have taken, and whether its tokens are there.
  Entry& find(std::string_view piece, bool& found) {
    const Entry key = key_of(piece);
    Entry& entry = entries_[hash_mix(key.low, key.high) >> shift_];
    found = entry.low == key.low && entry.high == key.high;
    return entry;
  }

  /// Keeps the tokens of `piece` there, unless they are too many.
  static void store(Entry& entry, std::string_view piece, const std::int32_t* ids, std::size_t count) {
    if (count > kMostTokens) return;
    entry = key_of(piece);
    std::memcpy(entry.ids, ids, count * sizeof *ids);
    entry.count = static_cast<std::uint32_t>(count);
  }

  static void append(const Entry& entry, std::vector<std::int32_t>& out) {
    for (std::uint32_t i = 0; i < entry.count; ++i) out.push_back(entry.ids[i]);
  }

 private:
  // 256 KiB at most: half of the L2 cache of the CPUs of today.
  static std::size_t entries_for(std::size_t text_bytes) {
    constexpr std::size_t kLeast = 16;
    constexpr std::size_t kMost = 32768;
    const std::size_t wanted = std::bit_ceil(text_bytes / 16 + 1);
    return wanted < kLeast ? kLeast : wanted > kMost ? kMost : wanted;
  }

  static std::uint64_t load(const char* p, std::size_t bytes) {
    std::uint64_t word = 0;
    std::memcpy(&word, p, bytes);
    return word;
  }

  // Loads of fixed sizes that overlap, as in TextTable.
  static Entry key_of(std::string_view piece) {
    const char* p = piece.data();
    const std::size_t n = piece.size();
    Entry key;
    key.high = static_cast<std::uint64_t>(n) << 56;
    if (n > 8) {
      key.low = load(p, 8);
      key.high |= load(p + n - 8, 8) >> (8 * (16 - n));
    } else if (n == 8) {
      key.low = load(p, 8);
    } else if (n >= 4) {
      key.low = load(p, 4) | load(p + n - 4, 4) << (8 * (n - 4));
    } else if (n > 0) {
      key.low = static_cast<unsigned char>(p[0]) |
                static_cast<std::uint64_t>(static_cast<unsigned char>(p[n / 2])) << 8 |
                static_cast<std::uint64_t>(static_cast<unsigned char>(p[n - 1])) << 16;
    }
    return key;
  }

  std::vector<Entry> entries_;
  int shift_;
};

}  // namespace garam
