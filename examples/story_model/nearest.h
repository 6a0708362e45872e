// How much of a story stands in the stories that were trained on.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace story {

/// Stories as words. Not thread-safe.
class Library {
 public:
  void add(std::string_view story);
  /// The largest share of the words of `story` that one story of the library has in the same order: the
  /// longest common subsequence over the words of `story`.
  double closest(std::string_view story);

 private:
  using Words = std::vector<int>;
  Words words_of(std::string_view text);

  std::map<std::string, int, std::less<>> ids_;
  std::vector<Words> stories_;
};

}  // namespace story
