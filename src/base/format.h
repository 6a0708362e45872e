// Text with values in it, by fmt, without its weight: this includes fmt/core.h only, and what formats is
// compiled once, in format.cpp. With fmt/format.h in every file a build took three times as long.
#pragma once

#include <fmt/core.h>

#include <string>

namespace garam {

/// What formatted() calls.
std::string format_arguments(fmt::string_view format, fmt::format_args arguments);

/// `format` with `args` in its places, checked while compiling. Throws std::bad_alloc.
template <typename... Args>
std::string formatted(fmt::format_string<Args...> format, Args&&... args) {
  return format_arguments(format, fmt::make_format_args(args...));
}

/// The values with ", " between them.
template <typename Range>
std::string joined(const Range& values) {
  std::string text;
  for (const auto& value : values) {
    if (!text.empty()) text += ", ";
    text += formatted("{}", value);
  }
  return text;
}

}  // namespace garam
