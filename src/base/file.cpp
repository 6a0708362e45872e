// POSIX calls, each checked. EINTR is retried everywhere; sizes of single calls are kept below what Linux
// transfers at once (2^31 - 4096 bytes).
#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "base/checked.h"
#include "base/fail.h"

namespace garam {
namespace {

constexpr std::size_t kTransferBytes = std::size_t{1} << 30;
constexpr int kNameAttempts = 100;

std::string reason(int error) {
  return std::generic_category().message(error);
}

// The system would silently use what stands before the NUL, which is another file.
void check_path(const std::string& path) {
  if (path.empty()) fail(ErrorCode::kIo, "expected the path of a file, found an empty path");
  if (path.find('\0') != std::string::npos) {
    fail(ErrorCode::kIo, "{}: expected a path, found a NUL byte in it", path.substr(0, path.find('\0')));
  }
}

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

std::string folder_of(const std::string& path) {
  const auto slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

bool is_folder(const std::string& path) {
  if (path.find('\0') != std::string::npos) return false;
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

ReadFile ReadFile::open(const std::string& path) {
  check_path(path);
  // O_NONBLOCK: opening a pipe that nobody writes to would wait for ever. It does nothing to regular files.
  int fd = -1;
  do {
    fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) fail(ErrorCode::kIo, "{}: cannot be opened: {}", path, reason(errno));
  ReadFile file(path, fd);
  struct stat status {};
  if (::fstat(fd, &status) != 0) fail(ErrorCode::kIo, "{}: cannot be examined: {}", path, reason(errno));
  if (!S_ISREG(status.st_mode)) {
    fail(ErrorCode::kIo, "{}: expected a regular file, found {}", path, kind_of(status.st_mode));
  }
  file.seen_ = {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
                status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
  return file;
}

ReadFile ReadFile::of_memory(std::string name, std::span<const std::byte> bytes) {
  static constexpr std::byte kNothing{};
  ReadFile file(std::move(name), -1);
  file.memory_ = bytes.empty() ? &kNothing : bytes.data();
  file.seen_.size = bytes.size();
  return file;
}

ReadFile& ReadFile::operator=(ReadFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(memory_, other.memory_);
  std::swap(seen_, other.seen_);
  return *this;
}

ReadFile::~ReadFile() {
  if (fd_ >= 0) ::close(fd_);
}

void ReadFile::read(std::uint64_t offset, std::span<std::byte> out) const {
  const auto end = checked_add(offset, out.size());
  if (!end || *end > size()) {
    fail(ErrorCode::kIo, "{}: expected {} bytes at offset {}, found a file of {} bytes", path_, out.size(),
         offset, size());
  }
  if (memory_ != nullptr) {
    std::copy_n(memory_ + offset, out.size(), out.data());
    return;
  }
  while (!out.empty()) {
    const ssize_t count =
        ::pread(fd_, out.data(), std::min(out.size(), kTransferBytes), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(ErrorCode::kIo, "{}: cannot be read at offset {}: {}", path_, offset, reason(errno));
    if (count == 0) {
      fail(ErrorCode::kIo,
           "{}: expected {} more bytes at offset {}, found the end; the file shrank while it was read", path_,
           out.size(), offset);
    }
    offset += static_cast<std::uint64_t>(count);
    out = out.subspan(static_cast<std::size_t>(count));
  }
}

Memory ReadFile::map(std::uint64_t offset, std::size_t bytes) const {
  constexpr std::size_t kHuge = std::size_t{2} << 20;
  const auto end = checked_add(offset, bytes);
  const auto reserved = checked_add(bytes, kHuge);
  if (bytes == 0 || !end || *end > size() || !reserved) {
    fail(ErrorCode::kIo, "{}: expected {} bytes at offset {} to map, found a file of {} bytes", path_, bytes,
         offset, size());
  }
  // Addresses are reserved first, so that the mapping can begin where a huge page would.
  void* base = ::mmap(nullptr, *reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) fail(ErrorCode::kIo, "{}: cannot be mapped: {}", path_, reason(errno));
  const std::uintptr_t aligned = (reinterpret_cast<std::uintptr_t>(base) + kHuge - 1) / kHuge * kHuge;
  Memory memory(reinterpret_cast<std::byte*>(aligned), bytes, base, *reserved);
  if (::mmap(memory.data(), bytes, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd_, static_cast<off_t>(offset)) ==
      MAP_FAILED) {
    fail(ErrorCode::kIo, "{}: cannot be mapped: {}", path_, reason(errno));
  }
  ::madvise(memory.data(), bytes, MADV_HUGEPAGE);
  return memory;
}

void ReadFile::check_unchanged() const {
  if (memory_ != nullptr) return;
  struct stat now {};
  if (::fstat(fd_, &now) != 0) fail(ErrorCode::kIo, "{}: cannot be examined: {}", path_, reason(errno));
  if (static_cast<std::uint64_t>(now.st_size) != size()) {
    fail(ErrorCode::kIo, "{}: expected {} bytes as at opening, found {}; the file changed while it was read",
         path_, size(), now.st_size);
  }
  if (now.st_mtim.tv_sec != seen_.seconds || now.st_mtim.tv_nsec != seen_.nanoseconds) {
    fail(ErrorCode::kIo,
         "{}: expected the modification time {}.{:09} as at opening, found {}.{:09}; the file changed while "
         "it was read",
         path_, seen_.seconds, seen_.nanoseconds, now.st_mtim.tv_sec, now.st_mtim.tv_nsec);
  }
  // A file that only lost its name still holds what was opened; one of another inode is another file.
  struct stat named {};
  if (::stat(path_.c_str(), &named) == 0 && (named.st_dev != seen_.device || named.st_ino != seen_.inode)) {
    fail(ErrorCode::kIo, "{}: expected the file that was opened, found another in its place; load it again",
         path_);
  }
}

AtomicFile::AtomicFile(const std::string& path) : path_(path) {
  check_path(path);
  struct stat old {};
  const bool replaces = ::lstat(path.c_str(), &old) == 0;
  if (replaces && !S_ISREG(old.st_mode) && !S_ISLNK(old.st_mode)) {
    fail(ErrorCode::kIo, "{}: expected a regular file to write to, found {}", path, kind_of(old.st_mode));
  }
  static std::atomic<unsigned> counter{0};
  for (int attempt = 0; fd_ < 0; ++attempt) {
    temporary_ = formatted("{}.{}-{}.tmp", path, ::getpid(), counter.fetch_add(1));
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd_ < 0 && errno != EINTR && (errno != EEXIST || attempt == kNameAttempts)) {
      fail(ErrorCode::kIo, "{}: cannot be written: {}", path, reason(errno));
    }
  }
  if (replaces && S_ISREG(old.st_mode)) ::fchmod(fd_, old.st_mode & 07777);
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd_, bytes.data(), std::min(bytes.size(), kTransferBytes));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(ErrorCode::kIo, "{}: cannot be written: {}", path_, reason(errno));
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void AtomicFile::commit() {
  if (::fsync(fd_) != 0) fail(ErrorCode::kIo, "{}: cannot be written: {}", path_, reason(errno));
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    fail(ErrorCode::kIo, "{}: cannot be replaced: {}", path_, reason(errno));
  }
  ::close(std::exchange(fd_, -1));
  // The name itself becomes durable with the folder. Not every file system can do this; the data is safe.
  const int folder = ::open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    ::fsync(folder);
    ::close(folder);
  }
}

}  // namespace garam
