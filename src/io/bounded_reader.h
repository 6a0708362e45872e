// Reads the front of a file in order, never beyond a bound, and checks every count against the bytes that are
// left before anything is allocated. The only way in which a header is read; knows no format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace garam {

class BoundedReader {
 public:
  /// Reads the first `limit` bytes of `file`, or all of it where it is shorter.
  BoundedReader(const ReadFile& file, std::uint64_t limit);

  std::uint64_t position() const noexcept { return position_; }
  std::uint64_t remaining() const noexcept { return end_ - position_; }

  /// The next little-endian number. `what` says what it is, for the error when the file ends before.
  template <typename T>
  T number(std::string_view what) {
    T value;
    read(std::as_writable_bytes(std::span(&value, 1)), what);
    return value;
  }

  /// A number of things of at least `min_bytes` each that can all still follow.
  std::uint64_t count(std::uint64_t min_bytes, std::string_view what);

  /// A string: its length in 8 bytes, then that many bytes, at most `max_bytes`.
  std::string string(std::uint64_t max_bytes, std::string_view what);

  /// The next out.size() bytes.
  void read(std::span<std::byte> out, std::string_view what) {
    if (out.empty()) return;  // an empty array has no place, which memcpy must not be given
    const std::byte* in = buffered(out.size());
    if (in == nullptr) return read_past(out, what);
    std::memcpy(out.data(), in, out.size());
    position_ += out.size();
  }

  /// "model.gguf" in messages.
  const std::string& path() const noexcept { return file_.path(); }

 private:
  /// The next `bytes` bytes where the buffer holds all of them, which is nearly always; else null.
  const std::byte* buffered(std::uint64_t bytes) const noexcept {
    const std::uint64_t begin = position_ - buffered_at_;
    return begin < buffered_ && bytes <= buffered_ - begin ? buffer_.data() + begin : nullptr;
  }
  void read_past(std::span<std::byte> out, std::string_view what);
  [[noreturn]] void too_short(std::uint64_t wanted, std::string_view what) const;

  const ReadFile& file_;
  std::uint64_t end_;
  std::uint64_t position_ = 0;
  std::vector<std::byte> buffer_;
  std::uint64_t buffered_at_ = 0;  // where in the file the buffer begins
  std::size_t buffered_ = 0;       // bytes in it
};

}  // namespace garam
