// Each worker counts into a map of its own; sums do not depend on who counted what.
#include "train/piece_counts.h"

#include <algorithm>

#include "runtime/first_error.h"
#include "text/pretokenizer.h"

namespace garam::training {

void PieceCounts::add(const Context& context, const std::vector<std::string_view>& blocks) {
  FirstError error;
  context.steal(blocks.size(), 1, [&](std::size_t begin, std::size_t end, unsigned worker) {
    struct Counter final : PieceSink {
      explicit Counter(Map& to) : map(to) {}
      void piece(std::string_view text) override {
        const auto found = map.find(text);
        if (found != map.end()) {
          ++found->second;
        } else {
          map.emplace(text, 1);
        }
      }
      Map& map;
    };
    error.guard([&] {
      Counter counter(maps_[worker]);
      for (std::size_t i = begin; i < end && !error.failed(); ++i) split_gpt2(blocks[i], counter);
    });
  });
  error.rethrow();
}

std::vector<CountedPiece> PieceCounts::take() {
  Map all = std::move(maps_.front());
  for (std::size_t i = 1; i < maps_.size(); ++i) {
    for (const auto& [bytes, count] : maps_[i]) all[bytes] += count;
    maps_[i].clear();
  }
  std::vector<CountedPiece> pieces;
  pieces.reserve(all.size());
  for (const auto& [bytes, count] : all) pieces.push_back({bytes, count});
  std::sort(pieces.begin(), pieces.end(),
            [](const CountedPiece& a, const CountedPiece& b) { return a.bytes < b.bytes; });
  return pieces;
}

}  // namespace garam::training
