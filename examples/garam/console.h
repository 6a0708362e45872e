// What the program writes: results to stdout, where every failed write is an error, and everything else to
// stderr, where nothing is.
#pragma once

#include <fmt/core.h>

#include <garam/model.h>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

namespace cli {

/// The command line was wrong: exit code 2.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Writes to stdout at once. Throws std::runtime_error ("stdout: ...") when it is closed or full.
void write_out(std::string_view text);

/// Writes to stderr at once.
void write_note(std::string_view text);

/// What formatted() calls: fmt is compiled in console.cpp only, which saves seconds a file.
std::string format_arguments(fmt::string_view format, fmt::format_args arguments);

template <typename... Args>
std::string formatted(fmt::format_string<Args...> format, Args&&... args) {
  return format_arguments(format, fmt::make_format_args(args...));
}
template <typename... Args>
void print(fmt::format_string<Args...> format, Args&&... args) {
  write_out(format_arguments(format, fmt::make_format_args(args...)));
}
template <typename... Args>
void note(fmt::format_string<Args...> format, Args&&... args) {
  write_note(format_arguments(format, fmt::make_format_args(args...)));
}

/// The values with `separator` between them.
template <typename Range>
std::string joined(const Range& values, std::string_view separator) {
  std::string text;
  for (const auto& value : values) {
    if (!text.empty()) text += separator;
    text += formatted("{}", value);
  }
  return text;
}

/// Text that a file brought along, fit for a terminal: control characters and bytes that are not UTF-8 as
/// \xNN.
std::string printable(std::string_view text);

/// A progress bar on stderr; nothing at all where stderr is no terminal. Gone when it is done or destroyed.
class ProgressBar {
 public:
  explicit ProgressBar(std::string label);
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// For garam's options; empty where there is no terminal. Refers to this bar.
  garam::Progress callback();
  void clear();

 private:
  void draw(double done);

  std::string label_;
  bool enabled_;
  bool colour_;
  int shown_percent_ = -1;
};

}  // namespace cli
