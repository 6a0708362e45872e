// Finds things by name. A sorted list, not a hash table: the names come from a file, and whoever writes the
// file could choose names that all collide; sorting takes n log n whatever they are.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace garam {

/// Positions of the items of a vector, by their member `name`.
class NameIndex {
 public:
  NameIndex() = default;
  template <typename Item>
  explicit NameIndex(const std::vector<Item>& items) : order_(items.size()) {
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
      const int order = items[a].name.compare(items[b].name);
      return order != 0 ? order < 0 : a < b;
    });
  }

  /// Two items of one name, the earlier first, when there are any.
  template <typename Item>
  std::optional<std::pair<std::size_t, std::size_t>> duplicate(const std::vector<Item>& items) const {
    for (std::size_t i = 1; i < order_.size(); ++i) {
      if (items[order_[i - 1]].name == items[order_[i]].name) return {{order_[i - 1], order_[i]}};
    }
    return std::nullopt;
  }

  template <typename Item>
  const Item* find(const std::vector<Item>& items, std::string_view name) const {
    const auto at = std::lower_bound(order_.begin(), order_.end(), name,
                                     [&](std::size_t i, std::string_view n) { return items[i].name < n; });
    return at != order_.end() && items[*at].name == name ? &items[*at] : nullptr;
  }

 private:
  std::vector<std::size_t> order_;
};

}  // namespace garam
