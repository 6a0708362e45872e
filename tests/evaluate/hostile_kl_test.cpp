// Files of saved logits that are damaged, forged or of something else: an error that helps, and no memory.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>

#include "base/hash.h"
#include "model/harness.h"
#include "support/refusal.h"

namespace garam::test {
namespace {

constexpr std::size_t kHeader = 56, kVocab = 17, kChunk = 12, kChunks = 2, kScored = 5;
constexpr std::size_t kTokens = kHeader + kChunk * kChunks * 4;  // where they end

class HostileKl : public testing::Test {
 protected:
  HostileKl() : model_(load_tiny(TinyOptions{.layers = 1, .vocab = kVocab}, KernelSet::kAuto, 1)) {
    perplexity(model_, tokens_, {.chunk = kChunk, .save_logits = path()});
    std::ifstream file(path(), std::ios::binary);
    good_.assign(std::istreambuf_iterator<char>(file), {});
  }

  std::string path() const { return dir_.file("base.kl"); }

  /// What comparing with these bytes ends in.
  std::string refusal(const std::string& bytes, ErrorCode* code = nullptr) {
    std::ofstream(path(), std::ios::binary) << bytes;
    const MemoryCeiling ceiling(64u << 20);
    std::string message;
    const ErrorCode found =
        error_of([&] { perplexity(model_, tokens_, {.chunk = kChunk, .base_logits = path()}); }, &message);
    if (code != nullptr) *code = found;
    return message;
  }

  /// `good_` with a number of the header replaced and the header's hash made good.
  std::string forged(std::size_t offset, std::uint64_t value) const {
    std::string bytes = good_;
    std::memcpy(bytes.data() + offset, &value, sizeof value);
    seal_header(bytes);
    return bytes;
  }

  static void seal_header(std::string& bytes) {
    const std::uint64_t hash =
        hash_bytes(bytes.data() + kHeader, kTokens - kHeader, hash_bytes(bytes.data(), kHeader));
    std::memcpy(bytes.data() + kTokens, &hash, sizeof hash);
  }

  const std::vector<std::int32_t> tokens_ = tiny_tokens(kChunk * kChunks, kVocab);
  TempDir dir_;
  Model model_;
  std::string good_;
};

TEST_F(HostileKl, TheFormatIsWhatItSays) {
  ASSERT_EQ(good_.size(), kTokens + 8 + kChunks * (kScored * kVocab * 4 + 8));
  EXPECT_EQ(refusal(good_), "");
  std::string sealed = good_;
  seal_header(sealed);
  EXPECT_TRUE(sealed == good_);
}

TEST_F(HostileKl, NumbersOfTheHeader) {
  for (std::size_t offset = 8; offset < kHeader; offset += 8) {
    for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{kVocab + 1},
                                      std::uint64_t{1} << 23, std::uint64_t{1} << 30, std::uint64_t{1} << 31,
                                      std::uint64_t{1} << 62, std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
      const std::string bytes = forged(offset, value);
      if (bytes == good_) continue;  // what the file has there anyway
      ErrorCode code{};
      EXPECT_TRUE(helps(refusal(bytes, &code), "base.kl")) << offset << " " << value;
      // A BOS in range is that of another model.
      EXPECT_TRUE(code == ErrorCode::kFormat || (offset == 48 && code == ErrorCode::kArgument));
    }
  }
}

TEST_F(HostileKl, MagicAndVersion) {
  std::string other = good_, newer = good_, strange = good_;
  other[0] = 'X';
  newer[7] = '2';
  strange[7] = '\n';
  ErrorCode code{};
  EXPECT_TRUE(helps(refusal(other, &code), "base.kl", {"magic"}));
  EXPECT_EQ(code, ErrorCode::kFormat);
  EXPECT_TRUE(helps(refusal(newer, &code), "base.kl", {"version: expected 1, found 2"}));
  EXPECT_EQ(code, ErrorCode::kUnsupported);
  EXPECT_TRUE(helps(refusal(strange, &code), "base.kl", {"found \\x0a"}));
}

TEST_F(HostileKl, EveryLength) {
  for (std::size_t length = 0; length < good_.size(); ++length) {
    ErrorCode code{};
    ASSERT_TRUE(helps(refusal(good_.substr(0, length), &code), "base.kl", {"cut short"})) << length;
    ASSERT_EQ(code, ErrorCode::kFormat);
  }
  EXPECT_TRUE(helps(refusal(good_ + '\0'), "base.kl", {"damaged"}));
}

TEST_F(HostileKl, EveryByte) {
  for (std::size_t i = 0; i < good_.size(); ++i) {
    std::string bytes = good_;
    bytes[i] = static_cast<char>(bytes[i] ^ (1 << i % 8));
    ASSERT_TRUE(helps(refusal(bytes), "base.kl")) << "byte " << i;
  }
}

TEST_F(HostileKl, TokensAndLogitsOutOfRange) {
  for (const std::int32_t token : {-1, 17, std::numeric_limits<std::int32_t>::max()}) {
    std::string bytes = good_;
    std::memcpy(bytes.data() + kHeader + 4, &token, sizeof token);
    seal_header(bytes);
    EXPECT_TRUE(helps(refusal(bytes), "base.kl", {"token 1: expected an id below 17"}));
  }
  for (const float value : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN()}) {
    std::string bytes = good_;
    std::memcpy(bytes.data() + kTokens + 8 + 4 * kVocab, &value, sizeof value);
    EXPECT_TRUE(helps(refusal(bytes), "base.kl", {"expected finite logits"}));
  }
  // Finite, however large, is a distribution.
  std::string bytes = good_;
  const float largest = std::numeric_limits<float>::max();
  std::memcpy(bytes.data() + kTokens + 8, &largest, sizeof largest);
  EXPECT_TRUE(helps(refusal(bytes), "base.kl", {"checksum of chunk 0"}));
}

TEST_F(HostileKl, OfSomethingElse) {
  std::ofstream(path(), std::ios::binary) << good_;
  const auto compare = [&](const Model& model, std::vector<std::int32_t> tokens, PerplexityOptions options) {
    options.base_logits = path();
    std::string message;
    EXPECT_EQ(error_of([&] { perplexity(model, tokens, options); }, &message), ErrorCode::kArgument);
    return message;
  };
  auto other = tokens_;
  other[7] = (other[7] + 1) % 17;
  EXPECT_TRUE(helps(compare(model_, other, {.chunk = kChunk}), "base.kl", {"token 7", "another text"}));
  EXPECT_TRUE(helps(compare(model_, tokens_, {.chunk = 11}), "base.kl", {"chunk: expected 11, found 12"}));
  EXPECT_TRUE(helps(compare(model_, tokens_, {.chunk = kChunk, .stride = 3}), "base.kl", {"stride"}));
  EXPECT_TRUE(helps(compare(model_, tokens_, {.chunk = kChunk, .chunks = 1}), "base.kl",
                    {"chunks: expected 1, found 2"}));
  const Model wider = load_tiny(TinyOptions{.layers = 1, .vocab = 18}, KernelSet::kAuto, 1);
  EXPECT_TRUE(
      helps(compare(wider, tokens_, {.chunk = kChunk}), "base.kl", {"vocabulary: expected 18, found 17"}));
}

TEST_F(HostileKl, NoFile) {
  for (const std::string& path : {dir_.file("missing"), dir_.path().string(), std::string("/dev/null")}) {
    std::string message;
    EXPECT_EQ(error_of([&] { inspect_saved_logits(path); }, &message), ErrorCode::kIo);
    EXPECT_TRUE(message.starts_with(path)) << message;
    if (path == dir_.file("missing")) continue;
    EXPECT_EQ(error_of([&] { perplexity(model_, tokens_, {.chunk = kChunk, .save_logits = path}); }),
              ErrorCode::kIo);
  }
}

}  // namespace
}  // namespace garam::test
