// Building and running the automaton.
#include "sample/stop_strings.h"

#include "base/fail.h"
#include "text/unicode.h"

namespace garam {
namespace {

constexpr std::uint32_t kRoot = 0;
constexpr std::size_t kMaxBytes = std::size_t{1} << 24;  // of all stop strings together

std::uint64_t edge(std::uint32_t node, unsigned char byte) {
  return std::uint64_t{node} << 8 | byte;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    std::size_t length = 0;
    if (classify_utf8_start(text, length) != Utf8Start::kCharacter) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace

StopStrings::StopStrings(std::span<const std::string> strings) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < strings.size(); ++i) {
    if (strings[i].empty()) fail(ErrorCode::kArgument, "stop_strings[{}]: expected a string, found \"\"", i);
    if (!is_utf8(strings[i])) {
      fail(ErrorCode::kArgument, "stop_strings[{}]: expected UTF-8, found other bytes", i);
    }
    if (strings[i].size() > kMaxBytes - bytes) {
      fail(ErrorCode::kArgument, "stop_strings: expected at most {} bytes together, found more", kMaxBytes);
    }
    bytes += strings[i].size();
  }
  lengths_.reserve(strings.size());
  for (std::size_t i = 0; i < strings.size(); ++i) insert(strings[i], static_cast<std::uint32_t>(i));
  link();
}

void StopStrings::insert(std::string_view string, std::uint32_t index) {
  lengths_.push_back(static_cast<std::uint32_t>(string.size()));
  std::uint32_t node = kRoot;
  for (const char c : string) {
    const auto fresh = static_cast<std::uint32_t>(nodes_.size());
    const auto [place, is_new] = edges_.try_emplace(edge(node, static_cast<unsigned char>(c)), fresh);
    if (is_new) nodes_.push_back({nodes_[node].depth + 1, kRoot, 0});
    node = place->second;
  }
  if (nodes_[node].match == 0) nodes_[node].match = index + 1;
}

/// Fallbacks by increasing depth: a node's follows from its parent's.
void StopStrings::link() {
  struct Edge {
    std::uint32_t parent, child;
    unsigned char byte;
  };
  std::vector<std::size_t> starts(1);  // of each depth in `by_depth`, counted, then summed
  for (const Node& node : nodes_) {
    if (node.depth >= starts.size()) starts.resize(node.depth + 1);
    ++starts[node.depth];
  }
  std::size_t sum = 0;
  for (std::size_t& start : starts) {
    const std::size_t count = start;
    start = sum;
    sum += count;
  }
  std::vector<Edge> by_depth(nodes_.size());
  for (const auto& [key, child] : edges_) {
    by_depth[starts[nodes_[child].depth]++] = {static_cast<std::uint32_t>(key >> 8), child,
                                               static_cast<unsigned char>(key)};
  }
  for (std::size_t i = 1; i < by_depth.size(); ++i) {
    const auto [parent, child, byte] = by_depth[i];
    Node& node = nodes_[child];
    if (parent != kRoot) node.fallback = next(nodes_[parent].fallback, byte);
    if (node.match == 0) node.match = nodes_[node.fallback].match;
  }
}

std::uint32_t StopStrings::next(std::uint32_t node, unsigned char byte) const {
  for (;;) {
    const auto found = edges_.find(edge(node, byte));
    if (found != edges_.end()) return found->second;
    if (node == kRoot) return kRoot;
    node = nodes_[node].fallback;
  }
}

std::string StopStrings::push(std::string_view piece) {
  if (found_) return {};
  for (const char c : piece) {
    state_ = next(state_, static_cast<unsigned char>(c));
    held_ += c;
    if (nodes_[state_].match == 0) continue;
    found_ = nodes_[state_].match - 1;
    return take(held_.size() - lengths_[*found_]);
  }
  return take(held_.size() - nodes_[state_].depth);
}

std::string StopStrings::finish() {
  state_ = kRoot;
  return found_ ? std::string() : take(held_.size());
}

/// Hands out the text before `end`. Moves the rest only when it is the smaller half, so that the work stays
/// linear with long texts held back.
std::string StopStrings::take(std::size_t end) {
  std::string out = held_.substr(begin_, end - begin_);
  begin_ = end;
  if (begin_ > held_.size() / 2) {
    held_.erase(0, begin_);
    begin_ = 0;
  }
  return out;
}

}  // namespace garam
