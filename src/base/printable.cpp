// A message that repeats hostile bytes must not break a terminal, a log or a JSON encoder.
#include "base/printable.h"

#include <fmt/format.h>

#include <iterator>

namespace garam {

std::string printable(std::string_view bytes, std::size_t limit) {
  std::string text;
  for (const char c : bytes.substr(0, limit)) {
    if (c >= ' ' && c <= '~' && c != '\\') {
      text += c;
    } else {
      fmt::format_to(std::back_inserter(text), "\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  if (bytes.size() > limit) fmt::format_to(std::back_inserter(text), "... ({} bytes)", bytes.size());
  return text;
}

}  // namespace garam
