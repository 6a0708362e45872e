// Streams, the bar, and what a terminal must not see. The one file of the program that compiles fmt.
#define FMT_HEADER_ONLY 1
#include <fmt/format.h>

#include "console.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace cli {
namespace {

constexpr int kBarWidth = 30;

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

bool is_dumb() {
  const char* term = std::getenv("TERM");
  return term == nullptr || std::strcmp(term, "dumb") == 0;
}

/// Bytes of the valid character of two bytes or more that `text` starts with; 0 if it starts with none.
std::size_t multibyte_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t length = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : byte(0) >= 0xc2 ? 2 : 0;
  if (length == 0 || byte(0) > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool overlong = (byte(0) == 0xe0 && byte(1) < 0xa0) || (byte(0) == 0xf0 && byte(1) < 0x90);
  const bool surrogate = byte(0) == 0xed && byte(1) >= 0xa0;
  const bool too_large = byte(0) == 0xf4 && byte(1) >= 0x90;
  const bool control = byte(0) == 0xc2 && byte(1) < 0xa0;
  return overlong || surrogate || too_large || control ? 0 : length;
}

}  // namespace

std::string format_arguments(fmt::string_view format, fmt::format_args arguments) {
  return fmt::vformat(format, arguments);
}

void write_out(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw std::runtime_error(std::string("stdout: ") + std::strerror(errno));
  }
}

void write_note(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t length =
        byte < 0x80 ? (byte >= 0x20 && byte != 0x7f) : multibyte_length(text.substr(i));
    if (length == 0) {
      out += byte == '\n' ? "\\n" : byte == '\t' ? "\\t" : formatted("\\x{:02x}", byte);
    } else {
      out += text.substr(i, length);
    }
    i += std::max<std::size_t>(length, 1);
  }
  return out;
}

ProgressBar::ProgressBar(std::string label)
    : label_(std::move(label)),
      enabled_(isatty(STDERR_FILENO) == 1 && !is_dumb()),
      colour_(!is_set("NO_COLOR")) {}

garam::Progress ProgressBar::callback() {
  if (!enabled_) return {};
  return [this](double done) { draw(done); };
}

void ProgressBar::draw(double done) {
  const int percent = std::clamp(static_cast<int>(done * 100), 0, 100);
  if (percent == shown_percent_) return;
  shown_percent_ = percent;
  const auto full = static_cast<std::size_t>(kBarWidth * percent / 100);
  const std::string bar = std::string(full, '#');
  note("\r{} [{}{}{}{}] {:3} %", label_, colour_ ? "\x1b[32m" : "", bar, colour_ ? "\x1b[0m" : "",
       std::string(kBarWidth - full, ' '), percent);
}

void ProgressBar::clear() {
  if (shown_percent_ < 0) return;
  shown_percent_ = -1;
  note("\r{}\r", std::string(label_.size() + kBarWidth + 9, ' '));
}

}  // namespace cli
