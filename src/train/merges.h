// Byte-pair encoding learned from counted pieces (Sennrich et al. 2016).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "train/piece_counts.h"

namespace garam::training {

using TokenId = std::uint32_t;

/// Token 256 + i is the i-th merge: `left` and `right` side by side.
struct Merge {
  TokenId left, right;
};

struct MergeOptions {
  std::size_t merges = 0;  // at most
  std::uint64_t min_frequency = 2;
  std::size_t max_bytes = 64;  // of a token
  // Called now and then with the number of merges; may throw.
  std::function<void(std::size_t)> progress{};
};

struct LearnedMerges {
  std::vector<Merge> merges;
  std::uint64_t tokens = 0;  // that all pieces have with them
};

/// Tokens 0 to 255 are the bytes. The pair with the highest count is merged, of equal ones that with the
/// smaller left, then the smaller right token; occurrences in a piece from left to right, so that "aaa"
/// becomes "aa" "a". A merge takes time by the occurrences of its pair, however long pieces are. Throws
/// Error(kArgument) for more than 2^31 bytes of pieces.
LearnedMerges learn_merges(std::span<const CountedPiece> pieces, const MergeOptions& options);

}  // namespace garam::training
