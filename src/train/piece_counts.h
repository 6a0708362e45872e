// How often each piece of the pre-tokenizer occurs in texts. A piece does not depend on its neighbours, so
// these counts are all that a vocabulary is learned from.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/context.h"

namespace garam::training {

struct CountedPiece {
  std::string bytes;
  std::uint64_t count;
};

class PieceCounts {
 public:
  explicit PieceCounts(unsigned workers) : maps_(workers) {}

  /// Adds the pieces of blocks, which workers take as they come.
  void add(const Context& context, const std::vector<std::string_view>& blocks);
  /// All pieces, by bytes; empties this.
  std::vector<CountedPiece> take();

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Map = std::unordered_map<std::string, std::uint64_t, Hash, std::equal_to<>>;

  std::vector<Map> maps_;  // of each worker
};

}  // namespace garam::training
