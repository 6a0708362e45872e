// The merge loop that both BPE families share: of all neighbouring pairs the one with the smallest rank
// merges first, of equals the leftmost, until none is left. Knows positions and symbols, not texts or
// vocabularies.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/large_vector.h"
#include "text/hash_tables.h"
#include "text/merge_queue.h"

namespace garam {

/// A symbol and where its text begins; it ends where the next part begins.
struct MergePart {
  std::uint32_t begin;
  std::uint32_t symbol;
};

/// Which of the parts that there were are left. A bit each instead of links to both neighbours: for pieces of
/// megabytes, memory is what takes time.
class PartsLeft {
 public:
  void reset(std::size_t count) { words_.assign(count / 64 + 1, ~std::uint64_t{0}); }
  void remove(std::size_t i) { words_[i / 64] &= ~(std::uint64_t{1} << i % 64); }
  /// The nearest part behind `i`, which must have one.
  std::size_t after(std::size_t i) const {
    std::size_t word = ++i / 64;
    std::uint64_t bits = words_[word] >> i % 64 << i % 64;
    while (bits == 0) bits = words_[++word];
    return word * 64 + static_cast<std::size_t>(std::countr_zero(bits));
  }
  /// The nearest part before `i`, which must have one.
  std::size_t before(std::size_t i) const {
    std::size_t word = --i / 64;
    std::uint64_t bits = words_[word] << (63 - i % 64) >> (63 - i % 64);
    while (bits == 0) bits = words_[--word];
    return word * 64 + 63 - static_cast<std::size_t>(std::countl_zero(bits));
  }

 private:
  std::vector<std::uint64_t> words_;
};

/// Memory of merge_parts() for long pieces, kept between calls.
struct MergeScratch {
  LargeVector<Merge> merges;  // of each part and the next one
  PartsLeft left;
  MergeHeap heap;
  MergeBuckets buckets;
};

/// Up to this many parts a linear search for the best pair is faster than a queue, and needs no memory.
constexpr std::size_t kShortPiece = 32;
/// From here on buckets: below, a heap lies in the L2 cache, and to clear a list per rank, 3 MB for 280,000
/// merges, costs more than it saves.
constexpr std::size_t kLongPiece = 16384;

namespace detail {

template <class Lookup>
std::size_t merge_few(MergePart* parts, std::size_t count, const Lookup& lookup) {
  Merge merges[kShortPiece];
  const auto look = [&](std::size_t i) { return lookup(parts[i], parts[i + 1], parts[i + 2].begin); };
  for (std::size_t i = 0; i + 1 < count; ++i) merges[i] = look(i);
  while (count > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < count; ++i) {
      if (merges[i].rank < merges[best].rank) best = i;
    }
    if (merges[best].rank == Merge::kNone) break;
    parts[best].symbol = merges[best].symbol;
    std::copy(parts + best + 2, parts + count + 1, parts + best + 1);
    std::copy(merges + best + 1, merges + count - 1, merges + best);
    --count;
    if (best > 0) merges[best - 1] = look(best - 1);
    if (best + 1 < count) merges[best] = look(best);
  }
  return count;
}

template <class Queue, class Lookup>
std::size_t merge_many(MergePart* parts, std::size_t count, const Lookup& lookup, MergeScratch& scratch,
                       Queue& queue) {
  LargeVector<Merge>& merges = scratch.merges;
  PartsLeft& left = scratch.left;
  merges.resize(count);
  left.reset(count + 1);  // with the sentinel
  queue.reserve(count);
  for (std::size_t i = 0; i + 1 < count; ++i) {
    merges[i] = lookup(parts[i], parts[i + 1], parts[i + 2].begin);
    if (merges[i].rank != Merge::kNone) queue.add({merges[i].rank, static_cast<std::uint32_t>(i)});
  }
  merges[count - 1] = {};
  queue.begin();
  const auto look = [&](std::size_t i, std::size_t next) {
    merges[i] = next == count ? Merge{} : lookup(parts[i], parts[next], parts[left.after(next)].begin);
    if (merges[i].rank != Merge::kNone) queue.push({merges[i].rank, static_cast<std::uint32_t>(i)});
  };
  for (MergeCandidate best; queue.next(best);) {
    // Candidates go stale when their pair changes; the rank tells, since a pair that has the same rank again
    // is as good.
    const std::size_t i = best.position;
    if (merges[i].rank != best.rank) continue;
    const std::size_t gone = left.after(i);
    left.remove(gone);
    merges[gone] = {};
    parts[i].symbol = merges[i].symbol;
    if (i != 0) look(left.before(i), i);
    look(i, left.after(i));
  }
  std::size_t size = 0;
  for (std::size_t i = 0; i != count; i = left.after(i)) parts[size++] = parts[i];
  parts[size].begin = parts[count].begin;
  return size;
}

}  // namespace detail

/// Merges parts[0..count) in place and returns how many are left; parts[count] must be a sentinel that begins
/// where the last part ends, and is one behind the result again. `lookup(left, right, end)` gives the Merge
/// of two neighbours whose text ends at `end`. At most O(count) lookups, O(count log count) steps.
template <class Lookup>
std::size_t merge_parts(MergePart* parts, std::size_t count, const Lookup& lookup, MergeScratch& scratch) {
  if (count <= kShortPiece) return detail::merge_few(parts, count, lookup);
  if (count < kLongPiece) return detail::merge_many(parts, count, lookup, scratch, scratch.heap);
  return detail::merge_many(parts, count, lookup, scratch, scratch.buckets);
}

}  // namespace garam
