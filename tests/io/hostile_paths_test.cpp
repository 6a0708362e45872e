// What is no file, or does not stay what it was: folders, pipes, devices, files that shrink, grow, change or
// are replaced while they are open (hostile-input classes L8 and L11). Nothing waits, nothing signals.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "io/raw_gguf.h"
#include "support/refusal.h"
#include "support/temp_dir.h"

namespace garam::test {
namespace {

namespace fs = std::filesystem;

class HostilePath : public testing::Test {
 protected:
  testing::AssertionResult says(const std::string& path, std::string_view part) {
    const std::string message = open_error(path);
    if (message.find(path) == std::string::npos || message.find(part) == std::string::npos) {
      return testing::AssertionFailure() << "\"" << message << "\" lacks " << path << " or " << part;
    }
    return testing::AssertionSuccess();
  }
  std::string good(const char* name = "good.gguf") {
    write_file(dir_.file(name), RawGguf().bytes());
    return dir_.file(name);
  }

  TempDir dir_;
};

TEST_F(HostilePath, NotThere) {
  EXPECT_TRUE(says(dir_.file("nothing.gguf"), "cannot be opened"));
  EXPECT_TRUE(says(dir_.file("no/folder.gguf"), "cannot be opened"));
  EXPECT_TRUE(says(good() + "/x", "cannot be opened"));
  EXPECT_TRUE(says(dir_.file(std::string(5000, 'x')), "cannot be opened"));
  EXPECT_EQ(open_error(""), "expected the path of a file, found an empty path");
}

/// The system would open what stands before the NUL.
TEST_F(HostilePath, NulInThePath) {
  const std::string path = good();
  EXPECT_EQ(open_error(path), "");
  const std::string message = open_error(path + std::string("\0.other", 7));
  EXPECT_NE(message.find("NUL"), std::string::npos) << message;
}

TEST_F(HostilePath, NoRegularFile) {
  EXPECT_TRUE(says(dir_.path().string(), "found a folder"));
  EXPECT_TRUE(says("/dev/zero", "found a device"));
  EXPECT_TRUE(says("/dev/null", "found a device"));
  const std::string loop = dir_.file("loop.gguf");
  fs::create_symlink(loop, loop);
  EXPECT_TRUE(says(loop, "cannot be opened"));
  const std::string dangling = dir_.file("dangling.gguf");
  fs::create_symlink(dir_.file("nowhere"), dangling);
  EXPECT_TRUE(says(dangling, "cannot be opened"));
  const std::string link = dir_.file("link.gguf");
  fs::create_symlink(good(), link);
  EXPECT_EQ(open_error(link), "");
  fs::create_symlink(dir_.path(), dir_.file("folder.gguf"));
  EXPECT_TRUE(says(dir_.file("folder.gguf"), "found a folder"));
}

/// Opening a pipe that nobody writes to would wait for ever.
TEST_F(HostilePath, Pipe) {
  const std::string pipe = dir_.file("pipe.gguf");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(says(pipe, "found a pipe"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST_F(HostilePath, Socket) {
  const std::string path = dir_.file("socket.gguf");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(path.size(), sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_GE(fd, 0);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_TRUE(says(path, "cannot be opened"));
  ::close(fd);
}

TEST_F(HostilePath, NotReadable) {
  const std::string path = good();
  ASSERT_EQ(::chmod(path.c_str(), 0), 0);
  if (::geteuid() == 0) {
    EXPECT_EQ(open_error(path), "");  // root may read anything
  } else {
    EXPECT_TRUE(says(path, "cannot be opened"));
  }
}

/// Files whose system says that they have no bytes, though reading gives some.
TEST_F(HostilePath, SizeOfZero) {
  write_file(dir_.file("empty.gguf"), "");
  EXPECT_TRUE(helps(open_error(dir_.file("empty.gguf")), "empty.gguf", {"magic", "found 0"}));
  if (fs::exists("/proc/self/status")) {
    EXPECT_TRUE(says("/proc/self/status", "magic"));
  }
}

TEST_F(HostilePath, ShrinksAfterOpening) {
  const std::string path = good();
  for (const std::uintmax_t size : {std::uintmax_t{0}, std::uintmax_t{4}, fs::file_size(path) - 100}) {
    good();
    const GgufFile file = GgufFile::open(path);
    fs::resize_file(path, size);
    std::vector<std::byte> bytes(file.tensors()[1].bytes);
    try {
      file.read(file.tensors()[1], 0, bytes);
      ADD_FAILURE() << "read from a file of " << size << " bytes";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kIo);
      EXPECT_TRUE(helps(error.what(), path, {"shrank"}));
    }
    EXPECT_THROW(file.check_unchanged(), Error);
  }
}

TEST_F(HostilePath, ChangesAfterOpening) {
  const std::string path = good();
  const auto changed = [](const GgufFile& file) {
    try {
      file.check_unchanged();
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  {
    const GgufFile file = GgufFile::open(path);
    EXPECT_EQ(changed(file), "");
    fs::resize_file(path, fs::file_size(path) + 1);
    EXPECT_TRUE(helps(changed(file), path, {"changed"}));
  }
  {
    const GgufFile file = GgufFile::open(path);
    fs::last_write_time(path, fs::last_write_time(path) + std::chrono::seconds(2));
    EXPECT_TRUE(helps(changed(file), path, {"modification time"}));
  }
  {
    const GgufFile file = GgufFile::open(path);
    fs::rename(good("other.gguf"), path);
    EXPECT_TRUE(helps(changed(file), path, {"another in its place"}));
  }
  {
    const GgufFile file = GgufFile::open(path);
    fs::remove(path);
    EXPECT_EQ(changed(file), "") << "only the name is gone; the bytes are those that were opened";
    std::vector<std::byte> bytes(file.tensors()[1].bytes);
    EXPECT_NO_THROW(file.read(file.tensors()[1], 0, bytes));
  }
}

}  // namespace
}  // namespace garam::test
