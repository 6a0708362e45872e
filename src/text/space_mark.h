// How SentencePiece's vocabularies write a space.
#pragma once

#include <string>
#include <string_view>

namespace garam {

constexpr std::string_view kSpaceMark = "\xe2\x96\x81";  // U+2581

/// Appends a token's text to `out` with spaces for marks.
inline void append_unmarked(std::string_view text, std::string& out) {
  for (;;) {
    const std::size_t at = text.find(kSpaceMark);
    out += text.substr(0, at);
    if (at == std::string_view::npos) return;
    out += ' ';
    text.remove_prefix(at + kSpaceMark.size());
  }
}

}  // namespace garam
