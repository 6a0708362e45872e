// Files that other programs wrote: each opens, everything in it can be read, and what the writer makes of the
// same keys and tensors reads the same.
#include <gtest/gtest.h>

#include "garam/error.h"
#include "garam/model.h"
#include "io/gguf.h"
#include "io/gguf_writer.h"
#include "support/memory_file.h"
#include "support/shared.h"

namespace garam::test {
namespace {

constexpr std::uint64_t kTensorsShown = 3;

/// Reads a file, writes it again with another version, and compares.
void round_trip(const std::string& path) {
  const GgufFile file = GgufFile::open(path);
  EXPECT_EQ(file.version(), 3u);
  EXPECT_GT(file.keys().size(), 0u);
  GgufWriter writer({.version = 2});
  for (const GgufKey& key : file.keys()) {
    if (key.name != "general.alignment") writer.add(key.name, key.value);
  }
  // All tensors' places were checked at opening; the bytes of a few are enough.
  const std::size_t shown = std::min<std::size_t>(kTensorsShown, file.tensors().size());
  for (std::size_t i = 0; i < shown; ++i) {
    const GgufTensor& tensor = file.tensors()[i];
    std::vector<std::byte> bytes(tensor.bytes);
    file.read(tensor, 0, bytes);
    writer.add_tensor(tensor.name, tensor.type->id, tensor.shape, std::move(bytes));
  }
  const std::vector<std::byte> bytes = writer.write_to_memory();
  const MemoryFile copy_of_it;
  copy_of_it.write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  const GgufFile copy = GgufFile::open(copy_of_it.path());
  ASSERT_EQ(copy.tensors().size(), shown);
  for (const GgufKey& key : copy.keys()) {
    const GgufValue* value = file.find(key.name);
    ASSERT_NE(value, nullptr) << key.name;
    EXPECT_EQ(key.value, *value) << key.name;
  }
  for (std::size_t i = 0; i < shown; ++i) {
    const GgufTensor& expected = file.tensors()[i];
    const GgufTensor& found = copy.tensors()[i];
    EXPECT_EQ(found.shape, expected.shape);
    EXPECT_EQ(found.type, expected.type);
    std::vector<std::byte> a(expected.bytes), b(found.bytes);
    file.read(expected, 0, a);
    copy.read(found, 0, b);
    EXPECT_EQ(a, b) << expected.name;
  }
}

TEST(GgufFiles, OfOtherProgramsOpen) {
  std::size_t count = 0;
  for (const char* folder : {"models", "fixtures/architectures", "fixtures/weight-types", "vocabs"}) {
    if (!shared_path(folder)) GTEST_SKIP() << "SKIPPED: " << shared_missing(folder);
    for (const auto& path : shared_files(folder, ".gguf")) {
      SCOPED_TRACE(path);
      ASSERT_NO_THROW(round_trip(path.string()));
      const ModelInfo info = inspect(path.string());
      EXPECT_FALSE(info.architecture.empty());
      EXPECT_FALSE(info.keys.empty());
      ++count;
    }
  }
  EXPECT_GT(count, 30u);
}

}  // namespace
}  // namespace garam::test
