// How a text is cut into windows and which of their tokens are scored.
#pragma once

#include <cstddef>
#include <cstdint>

namespace garam {

/// A token count and three options, as in PerplexityOptions, made into windows: number i holds the tokens
/// from begin(i) on, `window` of them, and those behind its token `first` are scored.
struct ChunkPlan {
  std::size_t window = 0;  // tokens
  std::size_t step = 0;    // from the beginning of one to that of the next
  std::size_t first = 0;   // its logits are the first that are used, for the token behind it
  std::size_t chunks = 0;

  std::size_t begin(std::size_t chunk) const { return chunk * step; }
  /// Tokens scored in each.
  std::size_t scored() const { return window - 1 - first; }
  /// Tokens that all windows cover together.
  std::uint64_t covered() const { return (chunks - 1) * std::uint64_t{step} + window; }
};

/// Whether `chunk` and `stride` are in range.
bool are_chunk_options(std::uint64_t chunk, std::uint64_t stride);

/// Windows of `tokens` tokens, at most `chunks` unless that is 0. Throws Error(kArgument) for options out of
/// range and for too few tokens.
ChunkPlan plan_chunks(std::size_t tokens, std::size_t chunk, std::size_t stride, std::size_t chunks);

}  // namespace garam
