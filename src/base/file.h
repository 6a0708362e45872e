// Files: reading one, or bytes in memory in its place, by bounded positional reads, and replacing one in a
// single step. What comes from strangers is only read, so that a file that shrinks or vanishes while it is in
// use is an Error and never a signal; map() is for files that garam wrote itself and replaces in one step.
// Errors name the file by its path as given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "base/memory.h"

namespace garam {

/// Whether `path` is a folder, or a link to one; false where nothing can be found out about it.
bool is_folder(const std::string& path);

/// An open regular file. Its size is that at opening; reads beyond it are refused. Reads are positional, so
/// any number of threads may read at once.
class ReadFile {
 public:
  /// Throws Error(kIo) when there is no such file, or when it is a folder, a pipe or a device.
  static ReadFile open(const std::string& path);
  /// Bytes that stay where they are and as they are for as long as this object; `name` stands for the path.
  static ReadFile of_memory(std::string name, std::span<const std::byte> bytes);

  ReadFile(ReadFile&& other) noexcept
      : path_(std::move(other.path_)),
        fd_(std::exchange(other.fd_, -1)),
        memory_(other.memory_),
        seen_(other.seen_) {}
  ReadFile& operator=(ReadFile&& other) noexcept;
  ReadFile(const ReadFile&) = delete;
  ReadFile& operator=(const ReadFile&) = delete;
  ~ReadFile();

  const std::string& path() const noexcept { return path_; }
  bool in_memory() const noexcept { return memory_ != nullptr; }
  /// Bytes in the file when it was opened.
  std::uint64_t size() const noexcept { return seen_.size; }
  /// The last write before it was opened, in seconds and nanoseconds of the system's clock.
  std::pair<std::int64_t, std::int64_t> modified() const noexcept {
    return {seen_.seconds, seen_.nanoseconds};
  }

  /// Fills all of `out` from the bytes at `offset`. Throws Error(kIo) when they are not all there.
  void read(std::uint64_t offset, std::span<std::byte> out) const;

  /// The bytes of the file as memory that must not be written, in huge pages where the system has them for
  /// files (they need an `offset` that is a multiple of 2 MiB). Not for bytes in memory. `offset` must be a
  /// multiple of the page size. Stays when this object goes. Throws Error(kIo) when the bytes are not all
  /// there. When somebody cuts the file short afterwards, touching what is gone is a signal: only for files
  /// that nobody changes in place.
  Memory map(std::uint64_t offset, std::size_t bytes) const;

  /// Throws Error(kIo) when the file was written to, resized or replaced since it was opened.
  void check_unchanged() const;

 private:
  struct Identity {
    std::uint64_t device, inode, size;
    std::int64_t seconds, nanoseconds;  // of the last write
  };

  ReadFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  std::string path_;
  int fd_ = -1;
  const std::byte* memory_ = nullptr;  // null: a file
  Identity seen_{};
};

/// A file that appears whole or not at all: it is written beside its final place and moved there by commit().
/// Without commit() nothing remains of it, and what was at `path` stays. A file that is replaced hands on its
/// permissions; a symbolic link is itself replaced, not what it points to.
class AtomicFile {
 public:
  /// Throws Error(kIo) when the folder cannot be written, or when `path` is something other than a file.
  explicit AtomicFile(const std::string& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends. Throws Error(kIo), for instance when the disk is full.
  void write(std::span<const std::byte> bytes);
  /// Makes the bytes durable, then gives the file its name. To be called once, last.
  void commit();

 private:
  std::string path_;
  std::string temporary_;
  int fd_ = -1;
};

}  // namespace garam
