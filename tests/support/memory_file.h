// A file that lies in memory and has a path: for tests that write thousands of variants of one, which would
// otherwise wait for the disk.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>

namespace garam::test {

class MemoryFile {
 public:
  MemoryFile() : fd_(::memfd_create("garam-test", MFD_CLOEXEC)) { check(fd_ >= 0); }
  ~MemoryFile() { ::close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  /// Opening this path opens the same file, in this process.
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }
  /// Replaces all bytes.
  void write(std::string_view bytes) const {
    check(::ftruncate(fd_, static_cast<off_t>(bytes.size())) == 0);
    patch(0, bytes);
  }
  /// Replaces some bytes.
  void patch(std::size_t offset, std::string_view bytes) const {
    const ssize_t written = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    check(written == static_cast<ssize_t>(bytes.size()));
  }

 private:
  static void check(bool ok) {
    if (!ok) throw std::system_error(errno, std::generic_category(), "a file in memory");
  }
  int fd_;
};

}  // namespace garam::test
