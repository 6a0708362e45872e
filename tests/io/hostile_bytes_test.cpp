// One small file, cut off everywhere and overwritten everywhere: whatever the bytes are, opening gives a file
// whose every key and tensor can be read, or a message that helps.
#include <gtest/gtest.h>

#include "io/raw_gguf.h"
#include "support/memory_file.h"
#include "support/random.h"
#include "support/refusal.h"

namespace garam::test {
namespace {

/// A file with a key of every type, an array of every type, and three tensors.
std::string every_kind() {
  RawGguf file;
  for (std::uint32_t type = 0; type < 13; ++type) {
    if (type == 9) continue;
    const std::string value = type == 8 ? raw_string("abc") : type == 7 ? "\1" : std::string(8, '\2');
    const std::size_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, value.size(), 0, 8, 8, 8};
    const std::string element = value.substr(0, sizes[type]);
    file.keys.push_back(raw_key("k." + std::to_string(type), type, element));
    file.keys.push_back(raw_key("a." + std::to_string(type), 9, raw_array(type, 2, element + element)));
  }
  file.keys.push_back(raw_key("general.alignment", 4, raw_u32(32)));
  file.tensors.push_back(raw_tensor("third", {3, 1, 2, 1}, 1, 128));
  file.data += "third tensor";
  return file.bytes();
}

template <typename T>
void ask(const GgufFile& file, const std::string& key) {
  try {
    file.get<T>(key);
  } catch (const Error& error) {
    EXPECT_TRUE(helps(error.what(), file.path(), {"key"}));
  }
}

/// Reads all there is.
void use(const GgufFile& file) {
  std::uint64_t total = 0;
  for (const GgufTensor& tensor : file.tensors()) {
    ASSERT_LE(tensor.bytes, file.size_bytes());
    total += tensor.bytes;
    std::vector<std::byte> bytes(tensor.bytes);
    file.read(tensor, 0, bytes);
    EXPECT_EQ(file.find_tensor(tensor.name), &tensor);
  }
  EXPECT_LE(total, file.size_bytes()) << "tensors share no bytes";
  for (const GgufKey& key : file.keys()) {
    EXPECT_EQ(file.find(key.name), &key.value);
    EXPECT_FALSE(describe(key.value).empty());
    ask<std::uint64_t>(file, key.name);
    ask<std::vector<float>>(file, key.name);
    ask<std::vector<std::string>>(file, key.name);
  }
}

class HostileBytes : public testing::Test {
 protected:
  /// Opens the bytes; true when they were refused.
  bool refused(std::string_view bytes) {
    file_.write(bytes);
    try {
      use(GgufFile::open(file_.path()));
      return false;
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == ErrorCode::kFormat || error.code() == ErrorCode::kUnsupported);
      EXPECT_TRUE(helps(error.what(), file_.path()));
    }
    return true;
  }

  MemoryFile file_;
  std::string good_ = every_kind();
  MemoryCeiling ceiling_{64 << 20};
};

TEST_F(HostileBytes, TheGoodFileOpens) {
  EXPECT_FALSE(refused(good_));
}

TEST_F(HostileBytes, EveryTruncation) {
  for (std::size_t size = 0; size < good_.size(); ++size) {
    EXPECT_TRUE(refused(std::string_view(good_).substr(0, size))) << "cut after " << size << " bytes";
  }
}

TEST_F(HostileBytes, EveryByteOverwritten) {
  std::size_t refusals = 0;
  for (std::size_t at = 0; at < good_.size() && !HasFailure(); ++at) {
    const auto old = static_cast<unsigned char>(good_[at]);
    for (const unsigned change : {0x100u, 0x17fu, 0x180u, 0x1ffu, old + 1u, old - 1u, old ^ 1u, old ^ 2u,
                                  old ^ 4u, old ^ 8u, old ^ 16u, old ^ 32u, old ^ 64u, old ^ 128u}) {
      std::string bytes = good_;
      bytes[at] = static_cast<char>(change & 0xff);
      refusals += refused(bytes) ? 1 : 0;
    }
    if (HasFailure()) ADD_FAILURE() << "byte " << at;
  }
  EXPECT_GT(refusals, 1000u);
}

TEST_F(HostileBytes, EveryNumberOverwritten) {
  const std::uint64_t numbers[] = {0,          ~0ull,      1ull << 63, (1ull << 63) - 1, 1ull << 32,
                                   1ull << 31, 0xffffffff, 9,          1ull << 61};
  for (std::size_t at = 0; at + 8 <= good_.size() && !HasFailure(); ++at) {
    for (const std::uint64_t number : numbers) {
      for (const std::size_t width : {std::size_t{4}, std::size_t{8}}) {
        std::string bytes = good_;
        bytes.replace(at, width, raw(number), 0, width);
        refused(bytes);
      }
    }
    if (HasFailure()) ADD_FAILURE() << "bytes from " << at;
  }
}

/// Ranges taken out, repeated and exchanged.
TEST_F(HostileBytes, Splices) {
  Random random(test_seed());
  for (int i = 0; i < 3000 && !HasFailure(); ++i) {
    const std::size_t begin = random.below(good_.size());
    const std::size_t length = 1 + random.below(i % 2 == 0 ? 8 : 200);
    const std::size_t to = random.below(good_.size());
    const std::string piece = good_.substr(begin, length);
    std::string bytes = good_;
    if (i % 3 == 0) bytes.erase(begin, length);
    if (i % 3 == 1) bytes.insert(to, piece);
    if (i % 3 == 2) bytes.replace(to, piece.size(), piece);
    refused(bytes);
    if (HasFailure()) ADD_FAILURE() << "splice " << i;
  }
}

}  // namespace
}  // namespace garam::test
