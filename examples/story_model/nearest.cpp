// The longest common subsequence of words, computed only where the words themselves allow a larger one.
#include "nearest.h"

#include <algorithm>

namespace story {
namespace {

std::size_t common_subsequence(const std::vector<int>& a, const std::vector<int>& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (const int word : a) {
    std::size_t diagonal = 0;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = word == b[j] ? diagonal + 1 : std::max(above, row[j]);
      diagonal = above;
    }
  }
  return row.back();
}

}  // namespace

Library::Words Library::words_of(std::string_view text) {
  Words words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    words.push_back(ids_.emplace(text.substr(0, end), static_cast<int>(ids_.size())).first->second);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

void Library::add(std::string_view story) {
  stories_.push_back(words_of(story));
}

double Library::closest(std::string_view story) {
  const Words words = words_of(story);
  std::vector<int> counts(ids_.size());
  for (const int word : words) ++counts[static_cast<std::size_t>(word)];
  std::size_t most = 0;
  for (const Words& other : stories_) {
    std::size_t shared = 0;
    for (const int word : other) shared += counts[static_cast<std::size_t>(word)]-- > 0 ? 1 : 0;
    for (const int word : other) ++counts[static_cast<std::size_t>(word)];
    if (shared > most) most = std::max(most, common_subsequence(words, other));
  }
  return words.empty() ? 1 : static_cast<double>(most) / static_cast<double>(words.size());
}

}  // namespace story
