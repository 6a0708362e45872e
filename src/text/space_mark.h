// How SentencePiece's vocabularies write a space.
#pragma once

#include <string>
#include <string_view>

namespace garam {

constexpr std::string_view kSpaceMark = "\xe2\x96\x81";  // U+2581

/// Appends `text` to `out` with each `from` replaced by `to`.
inline void append_replaced(std::string_view text, std::string_view from, std::string_view to,
                            std::string& out) {
  for (;;) {
    const std::size_t at = text.find(from);
    out += text.substr(0, at);
    if (at == std::string_view::npos) return;
    out += to;
    text.remove_prefix(at + from.size());
  }
}

}  // namespace garam
