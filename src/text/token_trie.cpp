// Building the tree level by level from the sorted texts.
#include "text/token_trie.h"

#include <algorithm>

#include "base/fail.h"

namespace garam {
namespace {

/// A token, and its first bytes as a number: most comparisons end there.
struct Entry {
  std::uint64_t head;
  std::int32_t id;
};

std::uint64_t head_of(std::string_view text) {
  std::uint64_t head = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    head = head << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0u);
  }
  return head;
}

}  // namespace

TokenTrie::TokenTrie(const Vocabulary& vocabulary, const std::vector<std::int32_t>& ids) {
  const auto text_of = [&](std::int32_t id) {
    return std::string_view(vocabulary.tokens[static_cast<std::size_t>(id)]);
  };
  std::vector<Entry> entries;
  entries.reserve(ids.size());
  for (const std::int32_t id : ids) {
    if (text_of(id).size() > kMaxTokenBytes) {
      fail(ErrorCode::kUnsupported, "{}: tokenizer.ggml.tokens[{}]: expected at most {} bytes, found {}",
           vocabulary.source, id, kMaxTokenBytes, text_of(id).size());
    }
    entries.push_back({head_of(text_of(id)), id});
  }
  std::sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) {
    return a.head != b.head ? a.head < b.head : text_of(a.id) < text_of(b.id);
  });
  const auto text = [&](std::size_t i) { return text_of(entries[i].id); };

  struct Range {
    std::uint32_t begin, end, depth;  // the entries that share the node's bytes
  };
  std::vector<Range> ranges{{0, static_cast<std::uint32_t>(entries.size()), 0}};
  nodes_.resize(1);
  labels_.resize(1);
  for (std::size_t node = 0; node < nodes_.size(); ++node) {
    Range range = ranges[node];
    nodes_[node].children = static_cast<std::uint32_t>(nodes_.size());
    if (range.begin < range.end && text(range.begin).size() == range.depth) {
      nodes_[node].id = entries[range.begin++].id;
    }
    while (range.begin < range.end) {
      const char label = text(range.begin)[range.depth];
      std::uint32_t end = range.begin + 1;
      while (end < range.end && text(end)[range.depth] == label) ++end;
      ranges.push_back({range.begin, end, range.depth + 1});
      nodes_.push_back({});
      labels_.push_back(label);
      range.begin = end;
    }
  }
  nodes_.push_back({static_cast<std::uint32_t>(nodes_.size())});
  nodes_.shrink_to_fit();
  labels_.shrink_to_fit();
  for (std::uint32_t i = nodes_[0].children; i < nodes_[1].children; ++i) {
    top_[static_cast<unsigned char>(labels_[i])] = i;
  }
}

}  // namespace garam
