// Lists of merges come from strangers.
#include "text/symbols.h"

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
  return *merges;
}

}  // namespace garam
