// Small pieces come out of a buffer; what is larger than the buffer is read past it.
#include "io/bounded_reader.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/fail.h"

namespace garam {

static_assert(std::endian::native == std::endian::little, "numbers are read as memory lies");

namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 16;

}  // namespace

BoundedReader::BoundedReader(const ReadFile& file, std::uint64_t limit)
    : file_(file), end_(std::min(file.size(), limit)), buffer_(std::min<std::uint64_t>(kBufferBytes, end_)) {}

void BoundedReader::read_past(std::span<std::byte> out, std::string_view what) {
  if (out.size() > remaining()) too_short(out.size(), what);
  while (!out.empty()) {
    const std::uint64_t begin = position_ - buffered_at_;
    if (position_ >= buffered_at_ && begin < buffered_) {
      const std::size_t n = std::min<std::size_t>(out.size(), buffered_ - begin);
      std::memcpy(out.data(), buffer_.data() + begin, n);
      position_ += n;
      out = out.subspan(n);
    } else if (out.size() >= buffer_.size()) {
      file_.read(position_, out);
      position_ += out.size();
      return;
    } else {
      buffered_at_ = position_;
      buffered_ = std::min<std::uint64_t>(buffer_.size(), remaining());
      file_.read(buffered_at_, std::span(buffer_).first(buffered_));
    }
  }
}

std::uint64_t BoundedReader::count(std::uint64_t min_bytes, std::string_view what) {
  const auto n = number<std::uint64_t>(what);
  if (n > remaining() / min_bytes) {
    fail(ErrorCode::kFormat, "{}: {}: expected at most {}, which is what can follow in {} bytes, found {}",
         path(), what, remaining() / min_bytes, remaining(), n);
  }
  return n;
}

std::string BoundedReader::string(std::uint64_t max_bytes, std::string_view what) {
  const auto length = number<std::uint64_t>(what);
  if (length > max_bytes) {
    fail(ErrorCode::kFormat, "{}: {}: expected a string of at most {} bytes, found {}", path(), what,
         max_bytes, length);
  }
  if (const std::byte* in = buffered(length)) {
    position_ += length;
    return {reinterpret_cast<const char*>(in), length};
  }
  if (length > remaining()) too_short(length, what);
  std::string text(length, '\0');
  read(std::as_writable_bytes(std::span(text)), what);
  return text;
}

void BoundedReader::too_short(std::uint64_t wanted, std::string_view what) const {
  if (end_ < file_.size()) {
    fail(ErrorCode::kFormat, "{}: {}: expected a header of at most {} bytes, found {} more at offset {}",
         path(), what, end_, wanted, position_);
  }
  fail(ErrorCode::kFormat,
       "{}: {}: expected {} bytes at offset {}, found {}, the end of the file; the file is cut short or "
       "damaged, copy or download it again",
       path(), what, wanted, position_, remaining());
}

}  // namespace garam
