// Bytes from a file as text for a message: short, ASCII, on one line, whatever they were.
#pragma once

#include <string>
#include <string_view>

namespace garam {

/// `bytes` with everything outside printable ASCII written as \xNN, cut after `limit` bytes.
std::string printable(std::string_view bytes, std::size_t limit = 80);

}  // namespace garam
