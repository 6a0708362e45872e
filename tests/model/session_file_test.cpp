// Session files: what save() wrote comes back; anything else is refused and changes nothing (hostile-input.md
// 1e). Damage is tried at every byte of a small file, and again with the checksum put right.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/hash.h"
#include "model/harness.h"

namespace garam::test {
namespace {

using Bytes = std::vector<char>;

Bytes read_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void write_bytes(const std::string& path, const Bytes& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// Where things lie in the file: session_file.cpp.
constexpr std::size_t kHeader = 80;
constexpr std::size_t kKvType = 16, kLayers = 24, kWindow = 56, kLength = 64, kDropped = 72;

class SessionFile : public testing::Test {
 protected:
  static constexpr std::size_t kTokens = 30;
  static TinyOptions options() {
    return {.layers = 1, .heads = 1, .kv_heads = 1, .head_dim = 4, .width = 32, .hidden = 8, .vocab = 20};
  }

  SessionFile() {
    Session session(model_);
    session.prefill(std::span(tokens_).first(kTokens));
    session.save(path_);
    good_ = read_bytes(path_);
  }

  std::uint64_t field(std::size_t offset) const {
    std::uint64_t value;
    std::memcpy(&value, good_.data() + offset, sizeof value);
    return value;
  }

  /// `bytes` with their checksum made right, hashed in the pieces in which they are written.
  Bytes sealed(Bytes bytes, std::size_t tokens) const {
    const std::size_t page = good_.size() - kHeader - kTokens * 4 - 8;
    std::uint64_t hash = hash_bytes(bytes.data(), kHeader, 0);
    hash = hash_bytes(bytes.data() + kHeader, tokens * 4, hash);
    for (std::size_t at = kHeader + tokens * 4; at + page + 8 <= bytes.size(); at += page) {
      hash = hash_bytes(bytes.data() + at, page, hash);
    }
    std::memcpy(bytes.data() + bytes.size() - 8, &hash, sizeof hash);
    return bytes;
  }
  Bytes with_field(std::size_t offset, std::uint64_t value) const {
    Bytes bytes = good_;
    std::memcpy(bytes.data() + offset, &value, sizeof value);
    return sealed(std::move(bytes), kTokens);
  }

  /// Loading these bytes into a session that holds something else throws an Error that names the file, and
  /// the session is as it was.
  testing::AssertionResult refused(const Bytes& bytes, const char* part = "",
                                   ErrorCode code = ErrorCode::kFormat) {
    write_bytes(path_, bytes);
    std::string message;
    const ErrorCode found = error_of([&] { victim_.load(path_); }, &message);
    if (found != code) {
      return testing::AssertionFailure() << "code " << static_cast<int>(found) << ", " << message;
    }
    if (message.find("session") == std::string::npos || message.find(part) == std::string::npos) {
      return testing::AssertionFailure() << "message: " << message;
    }
    if (victim_.length() != 7 || victim_.logit_rows() != 1 || victim_.tokens()[6] != tokens_[6]) {
      return testing::AssertionFailure() << "the session has changed";
    }
    return testing::AssertionSuccess();
  }

  const Model model_ = load_tiny(options(), KernelSet::kAuto, 1);
  const std::vector<std::int32_t> tokens_ = tiny_tokens(100, options().vocab);
  const TempDir dir_;
  const std::string path_ = dir_.file("session");
  Bytes good_;
  Session victim_ = [this] {
    Session session(model_, {.context = 64});
    session.prefill(std::span(tokens_).first(7));
    return session;
  }();
};

TEST_F(SessionFile, TheLayoutIsTheOneTestedHere) {
  EXPECT_EQ(field(8), model_.fingerprint());
  EXPECT_EQ(field(kKvType), 2u);
  EXPECT_EQ(field(kLayers), 1u);
  EXPECT_EQ(field(kLength), kTokens);
  EXPECT_EQ(sealed(good_, kTokens), good_);
  write_bytes(path_, good_);
  victim_.load(path_);
  EXPECT_EQ(victim_.length(), kTokens);
}

TEST_F(SessionFile, CutShortAnywhere) {
  for (std::size_t size = 0; size < good_.size(); ++size) {
    ASSERT_TRUE(refused(Bytes(good_.begin(), good_.begin() + static_cast<std::ptrdiff_t>(size)))) << size;
  }
  Bytes longer = good_;
  longer.push_back(0);
  EXPECT_TRUE(refused(longer));
  longer.resize(good_.size() * 2);
  EXPECT_TRUE(refused(longer));
}

TEST_F(SessionFile, AnyFlippedBit) {
  for (std::size_t i = 0; i < good_.size(); ++i) {
    const bool every_bit = i < kHeader + kTokens * 4 || i + 8 >= good_.size();
    for (std::size_t bit = every_bit ? 0 : i % 8; bit < (every_bit ? 8 : i % 8 + 1); ++bit) {
      Bytes bytes = good_;
      bytes[i] = static_cast<char>(bytes[i] ^ (1 << bit));
      write_bytes(path_, bytes);
      const ErrorCode code = error_of([&] { victim_.load(path_); });
      // A longer length may first be found not to fit the context.
      const bool length = i >= kLength && i < kLength + 8;
      ASSERT_TRUE(code == ErrorCode::kFormat || (length && code == ErrorCode::kContextFull))
          << "byte " << i << ", bit " << bit << ", code " << static_cast<int>(code);
      ASSERT_EQ(victim_.length(), 7u);
    }
  }
  EXPECT_EQ(victim_.logit_rows(), 1u);
}

/// A forger can compute the checksum; then the fields themselves must not be believed.
TEST_F(SessionFile, ForgedFields) {
  EXPECT_TRUE(refused(with_field(0, field(0) + 1), "magic"));
  EXPECT_TRUE(refused(with_field(8, field(8) ^ 1), "fingerprint"));
  EXPECT_TRUE(refused(with_field(kKvType, 4), "KV type: expected f16, found f32"));
  EXPECT_TRUE(refused(with_field(kKvType, 8), "KV type: expected f16, found q8_0"));
  EXPECT_TRUE(refused(with_field(kKvType, 1), "KV type: expected f16, found number 1"));
  for (std::size_t offset = kLayers; offset < kWindow; offset += 8) {
    for (const std::uint64_t value : {std::uint64_t{0}, field(offset) * 2, ~std::uint64_t{0}}) {
      EXPECT_TRUE(refused(with_field(offset, value), "expected")) << offset;
    }
  }
  EXPECT_TRUE(refused(with_field(kWindow, 5), "window"));
  EXPECT_TRUE(refused(with_field(kLength, 0), "tokens"));
  EXPECT_TRUE(refused(with_field(kLength, kTokens - 1), "tokens"));
  EXPECT_TRUE(refused(with_field(kLength, 64), "tokens"));
  EXPECT_TRUE(refused(with_field(kLength, 65), "context", ErrorCode::kContextFull));
  for (const std::uint64_t huge : {std::uint64_t{1} << 30, std::uint64_t{1} << 62, ~std::uint64_t{0}}) {
    EXPECT_TRUE(refused(with_field(kLength, huge), "context", ErrorCode::kContextFull));
    EXPECT_TRUE(refused(with_field(kDropped, huge), "dropped"));
  }
  EXPECT_TRUE(refused(with_field(kDropped, 1), "dropped"));
}

TEST_F(SessionFile, ForgedTokens) {
  for (const std::int32_t bad : {-1, 20, 0x7fffffff}) {
    Bytes bytes = good_;
    std::memcpy(bytes.data() + kHeader + 4 * 11, &bad, sizeof bad);
    EXPECT_TRUE(refused(sealed(bytes, kTokens), "token 11"));
  }
}

/// A masked key counts as 0 times its value, so that no cached number may be infinite or NaN.
TEST_F(SessionFile, ForgedKeysAndValues) {
  for (const std::uint16_t bad : {0x7c00, 0xfc00, 0x7e00, 0x7c01}) {
    for (const std::size_t at : {kHeader + kTokens * 4, good_.size() - 10}) {
      Bytes bytes = good_;
      std::memcpy(bytes.data() + at, &bad, sizeof bad);
      EXPECT_TRUE(refused(sealed(bytes, kTokens), "finite"));
    }
  }
}

/// Of q8_0 pages the scales; any byte is a number.
TEST_F(SessionFile, ForgedScales) {
  Session session(model_, {.kv_type = KvType::kQ8_0});
  session.prefill(std::span(tokens_).first(kTokens));
  session.save(path_);
  good_ = read_bytes(path_);
  EXPECT_EQ(field(kKvType), 8u);
  ASSERT_EQ(good_.size(), kHeader + kTokens * 4 + 8 + (128 + 64 * 4) + (128 + 64 * 16));
  const std::size_t k = kHeader + kTokens * 4, v = k + 128 + 64 * 4;
  Session victim(model_, {.kv_type = KvType::kQ8_0});
  const auto load = [&](std::size_t at, std::uint16_t bits) {
    Bytes bytes = good_;
    std::memcpy(bytes.data() + at, &bits, sizeof bits);
    write_bytes(path_, sealed(std::move(bytes), kTokens));
    return error_of([&] { victim.load(path_); });
  };
  for (const std::uint16_t bad : {0x7c00, 0xfc00, 0x7e00, 0x7c01}) {
    for (const std::size_t scales : {k, v}) {
      EXPECT_EQ(load(scales, bad), ErrorCode::kFormat);
      EXPECT_EQ(load(scales + 126, bad), ErrorCode::kFormat) << "of a position that holds no token";
      EXPECT_EQ(victim.length(), 0u);
    }
    EXPECT_EQ(load(k + 128, bad), ErrorCode{});
    EXPECT_EQ(load(v + 128, bad), ErrorCode{});
    victim.truncate(0);
  }
}

TEST_F(SessionFile, OfAnotherModel) {
  TinyModel other = TinyModel::make(options());
  other.tensor("output_norm.weight").set(3, 0.5f);
  write_bytes(path_, good_);
  Session session(load_tiny(other));
  std::string message;
  EXPECT_EQ(error_of([&] { session.load(path_); }, &message), ErrorCode::kFormat);
  EXPECT_NE(message.find("fingerprint"), std::string::npos) << message;
  EXPECT_EQ(session.length(), 0u);
}

TEST_F(SessionFile, OfOtherOptions) {
  write_bytes(path_, good_);
  for (const KvType other : {KvType::kF32, KvType::kQ8_0}) {
    Session session(model_, {.kv_type = other});
    std::string message;
    EXPECT_EQ(error_of([&] { session.load(path_); }, &message), ErrorCode::kFormat);
    EXPECT_NE(message.find("KV type"), std::string::npos) << message;
  }
  Session small(model_, {.context = kTokens - 1});
  EXPECT_EQ(error_of([&] { small.load(path_); }), ErrorCode::kContextFull);
  // Just large enough, other chunks and threads: those change no bit.
  Session fits(model_, {.context = kTokens, .threads = 1, .batch = 3});
  fits.load(path_);
  EXPECT_EQ(fits.length(), kTokens);
  EXPECT_EQ(error_of([&] { fits.step(0); }), ErrorCode::kContextFull);
}

TEST_F(SessionFile, SameFileOnAnotherLoadOfTheModel) {
  write_bytes(path_, good_);
  Session session(load_tiny(options(), KernelSet::kPortable, 2));
  session.load(path_);
  const auto expected = all_logits(model_, std::span(tokens_).first(kTokens + 1));
  EXPECT_TRUE(equal_bits(last_rows(expected, 1, options().vocab), session.step(tokens_[kTokens])));
}

TEST_F(SessionFile, EmptySession) {
  Session(model_).save(path_);
  victim_.load(path_);
  EXPECT_EQ(victim_.length(), 0u);
  EXPECT_TRUE(victim_.logits().empty());
  EXPECT_EQ(victim_.kv_bytes(), 0u);
  const auto expected = all_logits(model_, std::span(tokens_).first(5));
  victim_.prefill(std::span(tokens_).first(5), {.all_logits = true});
  EXPECT_TRUE(equal_bits(expected, victim_.logits()));
}

TEST_F(SessionFile, MissingFile) {
  const Bytes none;
  EXPECT_TRUE(refused(none));
  std::filesystem::remove(path_);
  std::string message;
  EXPECT_EQ(error_of([&] { victim_.load(path_); }, &message), ErrorCode::kIo);
  EXPECT_NE(message.find(path_), std::string::npos) << message;
  EXPECT_EQ(victim_.length(), 7u);
  EXPECT_EQ(error_of([&] { victim_.load(dir_.path().string()); }), ErrorCode::kIo) << "a folder";
}

TEST_F(SessionFile, FailedSaveLeavesTheOldFile) {
  EXPECT_EQ(error_of([&] { victim_.save(dir_.file("no/such/folder")); }), ErrorCode::kIo);
  victim_.save(path_);
  EXPECT_NE(read_bytes(path_), good_);
  victim_.load(path_);
  EXPECT_EQ(victim_.length(), 7u);
  // Nothing but the file itself is left behind.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir_.path()), {}), 1);
}

/// Pages may be replaced by a load while a fork still reads them.
TEST_F(SessionFile, LoadLeavesForksAlone) {
  Session fork = victim_.fork();
  write_bytes(path_, good_);
  victim_.load(path_);
  const auto expected = all_logits(model_, std::span(tokens_).first(8));
  EXPECT_TRUE(equal_bits(last_rows(expected, 1, options().vocab), fork.step(tokens_[7])));
}

}  // namespace
}  // namespace garam::test
