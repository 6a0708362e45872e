// Temporary file, rename, and errors with the system's reason.
#include "output_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "console.h"

namespace cli {

OutputFile::OutputFile(std::string path) : path_(std::move(path)) {
  if (path_ == "-") {
    path_ = "stdout";
    file_ = fdopen(dup(STDOUT_FILENO), "wb");
  } else {
    // A link is written through: put in the place of /dev/stdout, a file would be there for everybody.
    std::error_code ignored;
    const auto status = std::filesystem::symlink_status(path_, ignored);
    const bool direct = std::filesystem::exists(status) && !std::filesystem::is_regular_file(status);
    if (!direct) temporary_ = formatted("{}.{}.tmp", path_, getpid());
    file_ = std::fopen(direct ? path_.c_str() : temporary_.c_str(), direct ? "wb" : "wbx");
  }
  if (file_ == nullptr) {
    temporary_.clear();
    fail();
  }
}

OutputFile::~OutputFile() {
  if (file_ != nullptr) std::fclose(file_);
  if (!temporary_.empty()) std::remove(temporary_.c_str());
}

void OutputFile::write(const void* data, std::size_t bytes) {
  if (std::fwrite(data, 1, bytes, file_) != bytes) fail();
}

void OutputFile::commit() {
  if (std::fclose(std::exchange(file_, nullptr)) != 0) fail();
  if (temporary_.empty()) return;
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) fail();
  temporary_.clear();
}

void OutputFile::fail() const {
  throw std::runtime_error(formatted("{}: {}", printable(path_), std::strerror(errno)));
}

}  // namespace cli
