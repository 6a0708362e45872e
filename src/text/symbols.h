// The symbols that merges name, as numbers, and reading a list of merges.
#pragma once

#include <string_view>

#include "text/hash_tables.h"
#include "text/token_model.h"

namespace garam {

/// Numbers symbols: ids for those that are tokens, new numbers from `count` on for the rest.
class Symbols {
 public:
  Symbols(const TextTable& tokens, std::size_t count)
      : tokens_(tokens), first_(static_cast<std::uint32_t>(count)), others_(texts_, 0, first_) {}
  Symbols(const Symbols&) = delete;  // the table refers to the texts
  Symbols& operator=(const Symbols&) = delete;

  std::uint32_t number(std::string_view text) {
    const std::uint32_t known = find(text);
    if (known != TextTable::kAbsent) return known;
    texts_.push_back(text);
    return others_.insert(first_ + static_cast<std::uint32_t>(texts_.size() - 1));
  }
  /// The number of a symbol that has one, else kAbsent.
  std::uint32_t find(std::string_view text) const {
    const std::uint32_t id = tokens_.find(text);
    return id != TextTable::kAbsent ? id : others_.find(text);
  }

 private:
  const TextTable& tokens_;
  std::uint32_t first_;
  TextList texts_;
  TextTable others_;
};

}  // namespace garam
