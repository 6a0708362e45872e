// Lists of merges come from strangers.
#include "text/symbols.h"

#include <limits>

#include "base/fail.h"

namespace garam {

MergeRule parse_merge(const Vocabulary& vocabulary, std::string_view merge, std::size_t index) {
  const std::size_t space = merge.find(' ', 1);
  if (space == std::string_view::npos || space + 1 == merge.size()) {
    fail(ErrorCode::kFormat,
         "{}: tokenizer.ggml.merges[{}]: expected two symbols with a space between, found {} bytes without",
         vocabulary.source, index, merge.size());
  }
  return {merge.substr(0, space), merge.substr(space + 1)};
}

const std::vector<std::string>& require_merges(const Vocabulary& vocabulary,
                                               const std::optional<std::vector<std::string>>& merges) {
  if (!merges) {
    fail(ErrorCode::kFormat, "{}: tokenizer.ggml.merges: expected an array of merges, found none",
         vocabulary.source);
  }
  if (merges->size() >= Merge::kNone) {
    fail(ErrorCode::kFormat, "{}: tokenizer.ggml.merges: expected fewer than 2^32-1 merges, found {}",
         vocabulary.source, merges->size());
  }
  // The two symbols of a merge and what they make are twice its bytes, in a TextList.
  constexpr std::size_t kMaxBytes = std::numeric_limits<std::int32_t>::max();
  std::size_t bytes = 0;
  for (const std::string& merge : *merges) {
    if (merge.size() > kMaxBytes - bytes) {
      fail(ErrorCode::kFormat, "{}: tokenizer.ggml.merges: expected at most {} bytes of text, found more",
           vocabulary.source, kMaxBytes);
    }
    bytes += merge.size();
  }
  return *merges;
}

}  // namespace garam
