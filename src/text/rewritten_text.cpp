// The rewriting steps that several families share.
#include "text/rewritten_text.h"

#include <utility>

#include "text/space_mark.h"
#include "text/unicode.h"

namespace garam {

namespace {

void repair_with_origin(std::string_view text, RewrittenText& out) {
  std::string storage;
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view character = text.substr(i, utf8_length(text[i]));
    const std::string_view repaired = repair_utf8(character, storage);
    // Alone, an overlong form comes back shorter, an undecodable byte as U+FFFD with more behind it.
    const bool whole = repaired == character || repaired.size() < character.size();
    const std::size_t length = whole ? character.size() : 1;
    if (repaired == character) {
      out.keep(character, i);
    } else {
      out.append(whole ? repaired : repaired.substr(0, 3), i, i + length);
    }
    i += length;
  }
}

}  // namespace

std::string_view repair_utf8(std::string_view text, std::string& storage, TokenOutput& out) {
  const std::string_view repaired = repair_utf8(text, storage);
  if (out.ranges != nullptr && repaired.data() != text.data()) {
    RewrittenText rewritten(repaired.size(), true);
    repair_with_origin(text, rewritten);
    out.origin = rewritten.take_origin();
  }
  return repaired;
}

void follow_origin(std::vector<TextRange> origin, TokenOutput& out) {
  const std::vector<TextRange> before = std::exchange(out.origin, std::move(origin));
  if (before.empty()) return;
  for (TextRange& range : out.origin) {
    if (range.begin == range.end) continue;
    range = {before[range.begin].begin, before[range.end - 1].end};
  }
}

void mark_spaces(std::string_view text, bool prefix, RewrittenText& out) {
  if (prefix) out.append(kSpaceMark, 0, 0);
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t space = std::min(text.find(' ', i), text.size());
    out.keep(text.substr(i, space - i), i);
    if (space < text.size()) out.append(kSpaceMark, space, space + 1);
    i = space + 1;
  }
}

}  // namespace garam
