// The merge loop that both BPE families share: of all neighbouring pairs the one with the smallest rank
// merges first, of equals the leftmost, until none is left. Knows positions and symbols, not texts or
// vocabularies.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "text/hash_tables.h"

namespace garam {

/// A symbol and where its text begins; it ends where the next part begins.
struct MergePart {
  std::uint32_t begin;
  std::uint32_t symbol;
};

/// Memory of merge_parts() for long pieces, kept between calls.
class MergeScratch {
 public:
  struct Link {
    std::uint32_t previous;
    std::uint32_t next;
    Merge merge;  // of this part and the next one
  };
  std::vector<Link> links;
  std::vector<std::uint64_t> queue;
};

/// Up to this many parts a linear search for the best pair is faster than a queue, and needs no memory.
constexpr std::size_t kShortPiece = 32;

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

template <class Lookup>
std::size_t merge_many(MergePart* parts, std::size_t count, const Lookup& lookup, MergeScratch& scratch) {
  auto& links = scratch.links;
  auto& queue = scratch.queue;
  links.resize(count + 1);
  queue.clear();
  const auto last = static_cast<std::uint32_t>(count);  // the sentinel part
  // A queue entry is rank and position, so that plain order of numbers is the order of merging. Entries go
  // stale when their pair changes; the rank tells, since a pair that has the same rank again is as good.
  const auto key = [](std::uint32_t rank, std::uint32_t i) {
    return static_cast<std::uint64_t>(rank) << 32 | i;
  };
  const auto look = [&](std::uint32_t i) {
    const std::uint32_t next = links[i].next;
    links[i].merge = next == last ? Merge{} : lookup(parts[i], parts[next], parts[links[next].next].begin);
    return links[i].merge.rank;
  };
  for (std::uint32_t i = 0; i <= last; ++i) links[i] = {i - 1, i + 1, Merge{}};
  for (std::uint32_t i = 0; i < last; ++i) {
    const std::uint32_t rank = look(i);
    if (rank != Merge::kNone) queue.push_back(key(rank, i));
  }
  std::make_heap(queue.begin(), queue.end(), std::greater<>());
  const auto push = [&](std::uint32_t i) {
    const std::uint32_t rank = look(i);
    if (rank == Merge::kNone) return;
    queue.push_back(key(rank, i));
    std::push_heap(queue.begin(), queue.end(), std::greater<>());
  };
  while (!queue.empty()) {
    const auto rank = static_cast<std::uint32_t>(queue.front() >> 32);
    const auto i = static_cast<std::uint32_t>(queue.front());
    std::pop_heap(queue.begin(), queue.end(), std::greater<>());
    queue.pop_back();
    if (links[i].merge.rank != rank) continue;
    const std::uint32_t gone = links[i].next;
    parts[i].symbol = links[i].merge.symbol;
    links[i].next = links[gone].next;
    links[links[i].next].previous = i;
    links[gone].merge = Merge{};
    if (i != 0) push(links[i].previous);
    push(i);
  }
  std::size_t left = 0;
  for (std::uint32_t i = 0; i != last; i = links[i].next) parts[left++] = parts[i];
  parts[left].begin = parts[count].begin;
  return left;
}

}  // namespace detail

/// Merges parts[0..count) in place and returns how many are left; parts[count] must be a sentinel that begins
/// where the last part ends, and is one behind the result again. `lookup(left, right, end)` gives the Merge
/// of two neighbours whose text ends at `end`. At most O(count log count) lookups and steps.
template <class Lookup>
std::size_t merge_parts(MergePart* parts, std::size_t count, const Lookup& lookup, MergeScratch& scratch) {
  if (count <= kShortPiece) return detail::merge_few(parts, count, lookup);
  return detail::merge_many(parts, count, lookup, scratch);
}

}  // namespace garam
