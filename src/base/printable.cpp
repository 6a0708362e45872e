// A message that repeats hostile bytes must not break a terminal, a log or a JSON encoder.
#include "base/printable.h"

#include <iterator>

#include "base/format.h"

namespace garam {

std::string printable(std::string_view bytes, std::size_t limit) {
  std::string text;
  for (const char c : bytes.substr(0, limit)) {
    if (c >= ' ' && c <= '~' && c != '\\') {
      text += c;
    } else {
      text += formatted("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  if (bytes.size() > limit) text += formatted("... ({} bytes)", bytes.size());
  return text;
}

}  // namespace garam
