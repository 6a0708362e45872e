// Token texts as a tree of bytes, for families that look for all tokens, or the longest, that begin at a
// place.
#pragma once

#include <cstdint>
#include <vector>

#include "text/vocabulary.h"

namespace garam {

/// Nodes are numbered by depth, so that the children of a node are neighbours and 9 bytes do for a node.
/// Immutable.
class TokenTrie {
 public:
  static constexpr std::uint32_t kNone = 0;  ///< the root, which is nobody's child
  /// From each place of a text as many steps may be taken, to no avail in the worst case. Trainers make
  /// tokens of up to 100 bytes.
  static constexpr std::size_t kMaxTokenBytes = 512;

  TokenTrie() = default;
  /// The tokens `ids`, whose texts differ and are not empty. Throws Error(kUnsupported) for a text that is
  /// longer than kMaxTokenBytes.
  TokenTrie(const Vocabulary& vocabulary, const std::vector<std::int32_t>& ids);

  std::uint32_t from_root(char byte) const { return top_[static_cast<unsigned char>(byte)]; }
  std::uint32_t child(std::uint32_t node, char byte) const {
    const std::uint32_t end = nodes_[node + 1].children;
    for (std::uint32_t i = nodes_[node].children; i < end; ++i) {
      if (labels_[i] == byte) return i;
    }
    return kNone;
  }
  /// The token that ends at `node`, -1 for none.
  std::int32_t id(std::uint32_t node) const { return nodes_[node].id; }

 private:
  struct Node {
    std::uint32_t children = 0;  // the first one; the next node's first one ends them
    std::int32_t id = -1;
  };

  std::vector<Node> nodes_;  // and one behind the last
  std::vector<char> labels_;
  std::uint32_t top_[256] = {};
};

}  // namespace garam
