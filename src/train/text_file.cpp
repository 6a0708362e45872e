// Reading of training text.
#include "train/text_file.h"

#include <algorithm>

#include "base/fail.h"
#include "base/file.h"
#include "text/unicode.h"

namespace garam::training {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{4} << 30;  // of a file
constexpr std::size_t kMostLine = std::size_t{64} << 20;
constexpr std::size_t kBlock = std::size_t{1} << 20;

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

void check_utf8(const std::string& path, std::string_view text) {
  std::string storage;
  const std::string_view repaired = repair_utf8(text, storage);
  if (repaired.size() == text.size() && repaired == text) return;
  const auto at =
      std::mismatch(text.begin(), text.end(), repaired.begin(), repaired.end()).first - text.begin();
  fail(ErrorCode::kFormat, "{}: byte {}: expected UTF-8, found 0x{:02x}", path, at,
       static_cast<unsigned char>(text[static_cast<std::size_t>(at)]));
}

}  // namespace

std::string read_text(const std::string& path) {
  const ReadFile file = ReadFile::open(path);
  if (file.size() == 0) fail(ErrorCode::kFormat, "{}: expected text, found an empty file", path);
  if (file.size() > kMostBytes) {
    fail(ErrorCode::kFormat, "{}: expected at most {} bytes, found {}: cut it into several files", path,
         kMostBytes, file.size());
  }
  std::string text(file.size(), '\0');
  file.read(0, std::as_writable_bytes(std::span(text)));
  check_utf8(path, text);
  return text;
}

bool has_json_lines(const std::string& path) {
  return path.ends_with(".jsonl");
}

void each_json_line(const std::string& path, std::string_view text, const std::stop_token& stop,
                    const std::function<void(const std::string& where, JsonValue object)>& body) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    const std::string where = path + ":" + std::to_string(number);
    if (line.size() > kMostLine) {
      fail(ErrorCode::kFormat, "{}: expected a line of at most {} bytes, found {}", where, kMostLine,
           line.size());
    }
    if (number % 1024 == 0) check_stop(stop);
    const JsonDocument document = JsonDocument::parse(line, where, {.bytes = kMostLine});
    body(where, document.root());
  }
}

std::size_t block_of(std::string_view text) {
  if (text.size() <= kBlock) return text.size();
  for (std::size_t at = kBlock; at > 1; --at) {
    const char c = text[at];
    if ((c == ' ' || c == '\n' || c == '\t' || c == '\r') && is_alphanumeric(text[at - 1])) return at;
  }
  std::size_t at = kBlock;
  while (at > kBlock - 4 && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) --at;
  return at;
}

void check_stop(const std::stop_token& stop) {
  if (stop.stop_requested()) fail(ErrorCode::kCancelled, "cancelled while reading text");
}

}  // namespace garam::training
