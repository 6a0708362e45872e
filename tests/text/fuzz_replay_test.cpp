// Inputs that the fuzzer found interesting, and as many random ones.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "support/fuzz_tokenizer.h"
#include "support/random.h"
#include "support/shared.h"

namespace garam::test {
namespace {

TEST(FuzzReplay, Corpus) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(source_path("tests/fuzz/corpus"))) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::vector<char> bytes((std::istreambuf_iterator<char>(in)), {});
    SCOPED_TRACE(entry.path().string());
    fuzz_tokenizer(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    ++files;
  }
  EXPECT_GE(files, 20u);
}

TEST(FuzzReplay, RandomBytes) {
  Random random(test_seed());
  for (std::size_t round = 0; round < 500 * test_scale(); ++round) {
    std::vector<std::uint8_t> bytes(random.below(600));
    for (std::uint8_t& byte : bytes) {
      byte = static_cast<std::uint8_t>(random.below(random.below(2) == 0 ? 256 : 8));
    }
    fuzz_tokenizer(bytes.data(), bytes.size());
  }
}

}  // namespace
}  // namespace garam::test
