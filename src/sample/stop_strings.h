// Finds the first of several strings in text that arrives in pieces: an Aho-Corasick automaton over bytes.
// Work is linear in the text and in the stop strings, however many there are and however they overlap. Knows
// nothing of tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace garam {

/// Text pieces in, the same text out, up to the stop string that is completed first; of several completed by
/// the same byte the longest. Text that may still become a stop string is held back, and no other text.
class StopStrings {
 public:
  /// Throws Error(kArgument) for a stop string that is empty or not UTF-8 (a match of half a character would
  /// leave the other half behind), and above 16 MiB of them.
  explicit StopStrings(std::span<const std::string> strings);

  /// What became certain with `piece`. After a match: nothing, ever.
  std::string push(std::string_view piece);
  /// The text held back, which no stop string can claim any more.
  std::string finish();
  /// Index of the stop string found.
  std::optional<std::size_t> found() const noexcept { return found_; }

 private:
  struct Node {
    std::uint32_t depth = 0;     // bytes from the root
    std::uint32_t fallback = 0;  // the longest proper suffix that some stop string starts with
    std::uint32_t match = 0;     // 1 + index of the longest stop string that ends here, 0 = none
  };
  std::string take(std::size_t end);
  void insert(std::string_view string, std::uint32_t index);
  void link();
  std::uint32_t next(std::uint32_t node, unsigned char byte) const;

  std::vector<Node> nodes_{1};
  std::vector<std::uint32_t> lengths_;
  std::unordered_map<std::uint64_t, std::uint32_t> edges_;  // node * 256 + byte
  std::uint32_t state_ = 0;
  std::string held_;  // from begin_ on; what lies before was handed out
  std::size_t begin_ = 0;
  std::optional<std::size_t> found_;
};

}  // namespace garam
