// The symbols that merges name, as numbers, and reading a list of merges.
#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "text/hash_tables.h"
#include "text/token_model.h"

namespace garam {

/// Numbers symbols: ids for those that are tokens, new numbers from `count` on for the rest.
class Symbols {
 public:
  Symbols(const TextTable& tokens, std::size_t count)
      : tokens_(tokens), next_(static_cast<std::uint32_t>(count)) {}

  std::uint32_t number(std::string_view text) {
    const std::uint32_t known = find(text);
    if (known != TextTable::kAbsent) return known;
    texts_.emplace_back(text);
    return others_.insert(texts_.back(), next_++);
  }
  /// The number of a symbol that has one, else kAbsent.
  std::uint32_t find(std::string_view text) const {
    const std::uint32_t id = tokens_.find(text);
    return id != TextTable::kAbsent ? id : others_.find(text);
  }

 private:
  const TextTable& tokens_;
  TextTable others_;
  std::deque<std::string> texts_;
  std::uint32_t next_;
};

}  // namespace garam
