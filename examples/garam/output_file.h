// A file that appears whole or not at all: written beside its place, then renamed. What is no regular file
// (/dev/null, a pipe, a link) is written directly.
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>

namespace cli {

class OutputFile {
 public:
  /// "-" is stdout. Throws std::runtime_error naming the file, here and below.
  explicit OutputFile(std::string path);
  /// Removes what commit() has not put in place.
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(const void* data, std::size_t bytes);
  void commit();

 private:
  [[noreturn]] void fail() const;

  std::string path_;
  std::string temporary_;  // empty when written directly
  std::FILE* file_ = nullptr;
};

}  // namespace cli
