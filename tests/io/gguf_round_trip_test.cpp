// What GgufWriter writes, GgufFile reads: every value type, both versions, several alignments, tensors from
// memory and from functions. The writer's bytes are compared with bytes laid by hand, too.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "io/gguf.h"
#include "io/gguf_writer.h"
#include "io/raw_gguf.h"
#include "support/temp_dir.h"

namespace garam {
namespace {

using test::TempDir;

/// One call per key: a single initializer list of this many variants takes gcc 12 more than 10 GB of memory.
template <typename T>
void add_key(std::vector<GgufKey>& keys, const char* name, T value) {
  keys.push_back({name, GgufValue(std::move(value))});
}

std::vector<GgufKey> make_every_kind_of_value() {
  std::vector<GgufKey> keys;
  add_key(keys, "u8", std::uint8_t{255});
  add_key(keys, "i8", std::int8_t{-128});
  add_key(keys, "u16", std::uint16_t{65535});
  add_key(keys, "i16", std::int16_t{-32768});
  add_key(keys, "u32", std::uint32_t{4294967295u});
  add_key(keys, "i32", std::numeric_limits<std::int32_t>::min());
  add_key(keys, "f32", -0x1.8p-149f);
  add_key(keys, "true", true);
  add_key(keys, "false", false);
  add_key(keys, "string", std::string("nul \0 and \xff inside", 18));
  add_key(keys, "empty string", std::string());
  add_key(keys, "u64", std::numeric_limits<std::uint64_t>::max());
  add_key(keys, "i64", std::numeric_limits<std::int64_t>::min());
  add_key(keys, "f64", 0x1.fffffffffffffp1023);
  add_key(keys, "[u8]", std::vector<std::uint8_t>{0, 255});
  add_key(keys, "[i8]", std::vector<std::int8_t>{-128, 127});
  add_key(keys, "[u16]", std::vector<std::uint16_t>{1, 65535});
  add_key(keys, "[i16]", std::vector<std::int16_t>{-32768});
  add_key(keys, "[u32]", std::vector<std::uint32_t>{0, 4294967295u});
  add_key(keys, "[i32]", std::vector<std::int32_t>{-1, 0, 1});
  add_key(keys, "[f32]", std::vector<float>{0.5f, -std::numeric_limits<float>::infinity()});
  add_key(keys, "[bool]", std::vector<bool>{true, false, true});
  add_key(keys, "[string]", std::vector<std::string>{"", "a", std::string("\0", 1)});
  add_key(keys, "[u64]", std::vector<std::uint64_t>{std::numeric_limits<std::uint64_t>::max()});
  add_key(keys, "[i64]", std::vector<std::int64_t>{std::numeric_limits<std::int64_t>::min()});
  add_key(keys, "[f64]", std::vector<double>{1e300});
  add_key(keys, "empty [string]", std::vector<std::string>{});
  add_key(keys, "empty [f32]", std::vector<float>{});
  return keys;
}

const std::vector<GgufKey>& every_kind_of_value() {
  static const std::vector<GgufKey> keys = make_every_kind_of_value();
  return keys;
}

std::vector<std::byte> counting_bytes(std::size_t n, unsigned start) {
  std::vector<std::byte> bytes(n);
  for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<std::byte>(start + i * 7);
  return bytes;
}

struct Variant {
  std::uint32_t version;
  std::uint32_t alignment;
};

class RoundTrip : public testing::TestWithParam<Variant> {};

TEST_P(RoundTrip, KeysAndTensorsComeBack) {
  const Variant variant = GetParam();
  const TempDir dir;
  const auto big = counting_bytes(3 << 20, 9);  // longer than the pieces in which the writer asks
  GgufWriter writer({.version = variant.version, .alignment = variant.alignment});
  for (const GgufKey& key : every_kind_of_value()) writer.add(key.name, key.value);
  writer.add_tensor("one", {1}, std::vector<float>{4.25f})
      .add_tensor("blocks", 8, {64, 3, 1, 2}, counting_bytes(2 * 6 * 34, 1))
      .add_tensor("streamed", 24, {1 << 20, 3}, [&](std::uint64_t offset, std::span<std::byte> out) {
        std::copy_n(big.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
      });
  const std::string path = dir.file("model.gguf");
  writer.write(path);

  const GgufFile file = GgufFile::open(path);
  EXPECT_EQ(file.path(), path);
  EXPECT_EQ(file.version(), variant.version);
  const std::size_t own = variant.alignment == 32 ? 0 : 1;  // general.alignment comes first
  ASSERT_EQ(file.keys().size(), every_kind_of_value().size() + own);
  if (own == 1) {
    EXPECT_EQ(file.get_u32("general.alignment"), variant.alignment);
  }
  for (std::size_t i = 0; i < every_kind_of_value().size(); ++i) {
    EXPECT_EQ(file.keys()[i + own].name, every_kind_of_value()[i].name);
    EXPECT_EQ(file.keys()[i + own].value, every_kind_of_value()[i].value) << file.keys()[i + own].name;
  }

  ASSERT_EQ(file.tensors().size(), 3u);
  for (const GgufTensor& tensor : file.tensors()) EXPECT_EQ(tensor.offset % variant.alignment, 0u);
  const GgufTensor* one = file.find_tensor("one");
  ASSERT_NE(one, nullptr);
  float value = 0;
  file.read(*one, 0, std::as_writable_bytes(std::span(&value, 1)));
  EXPECT_EQ(value, 4.25f);
  const GgufTensor* blocks = file.find_tensor("blocks");
  ASSERT_NE(blocks, nullptr);
  EXPECT_EQ(blocks->type->name, "q8_0");
  EXPECT_EQ(blocks->shape, (std::vector<std::uint64_t>{64, 3, 1, 2}));
  std::vector<std::byte> bytes(blocks->bytes);
  file.read(*blocks, 0, bytes);
  EXPECT_EQ(bytes, counting_bytes(2 * 6 * 34, 1));
  const GgufTensor* streamed = file.find_tensor("streamed");
  ASSERT_NE(streamed, nullptr);
  bytes.resize(1000);
  file.read(*streamed, big.size() - 1000, bytes);
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), big.end() - 1000));
  file.read(*streamed, (1 << 20) - 500, bytes);
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), big.begin() + (1 << 20) - 500));

  std::vector<std::byte> all(file.size_bytes());
  file.read_raw(0, 0, all);
  EXPECT_EQ(all, writer.write_to_memory());
  EXPECT_LT(file.metadata_end(0), blocks->offset);
  EXPECT_EQ(file.find_tensor("two"), nullptr);
  EXPECT_EQ(file.find("two"), nullptr);
  EXPECT_NO_THROW(file.check_unchanged());
}

INSTANTIATE_TEST_SUITE_P(Variants, RoundTrip,
                         testing::Values(Variant{3, 32}, Variant{2, 32}, Variant{3, 1}, Variant{3, 64},
                                         Variant{2, 4096}, Variant{3, 1 << 20}),
                         [](const auto& variant) {
                           return "version" + std::to_string(variant.param.version) + "alignment" +
                                  std::to_string(variant.param.alignment);
                         });

TEST(GgufWriter, WritesTheBytesOfTheFormat) {
  const test::RawGguf expected;
  GgufWriter writer;
  writer.add("general.architecture", "llama")
      .add("llama.block_count", std::uint32_t{3})
      .add("tokenizer.ggml.tokens", std::vector<std::string>{"a", "bc"})
      .add("tokenizer.ggml.scores", std::vector<float>{1.5f, -2.f})
      .add("tokenizer.ggml.add_bos_token", true);
  writer.add_tensor("norm.weight", 0, {4, 2}, std::vector<std::byte>(32, std::byte{'d'}))
      .add_tensor("output.weight", 8, {32, 2}, std::vector<std::byte>(68, std::byte{'d'}));
  const auto bytes = writer.write_to_memory();
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::string wanted = expected.bytes();
  std::fill(wanted.end() - (96 - 68), wanted.end(), '\0');  // padding of the last tensor
  EXPECT_EQ(text, wanted);
}

TEST(GgufWriter, RefusesWhatCouldNotBeRead) {
  const auto refuses = [](auto&& action, std::string_view part) {
    try {
      action();
      ADD_FAILURE() << "accepted: " << part;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kArgument);
      EXPECT_NE(std::string_view(error.what()).find(part), std::string_view::npos) << error.what();
    }
  };
  GgufWriter writer;
  writer.add("twice", true).add_tensor("twice", {1}, std::vector<float>(1));
  const std::vector<std::byte> none;
  refuses([&] { writer.add("twice", false); }, "twice");
  refuses([&] { writer.add("", false); }, "empty");
  refuses([&] { writer.add("line\nbreak", false); }, "0x0a");
  refuses([&] { writer.add(std::string("nul\0", 4), false); }, "0x00");
  refuses([&] { writer.add(std::string(65536, 'k'), false); }, "65535");
  refuses([&] { writer.add("general.alignment", std::uint32_t{64}); }, "GgufWriterOptions");
  refuses([&] { writer.add_tensor("twice", {1}, std::vector<float>(1)); }, "twice");
  refuses([&] { writer.add_tensor("", {1}, std::vector<float>(1)); }, "empty");
  refuses([&] { writer.add_tensor("t", {}, std::vector<float>(1)); }, "found 0");
  refuses([&] { writer.add_tensor("t", {1, 1, 1, 1, 1}, std::vector<float>(1)); }, "found 5");
  refuses([&] { writer.add_tensor("t", {2, 0}, std::vector<float>()); }, "[2, 0]");
  refuses([&] { writer.add_tensor("t", {2}, std::vector<float>(3)); }, "found 12");
  refuses([&] { writer.add_tensor("t", 8, {33}, none); }, "multiple of 32");
  refuses([&] { writer.add_tensor("t", 4, {32}, none); }, "removed");
  refuses([&] { writer.add_tensor("t", 0, {1ull << 32, 1ull << 32}, none); }, "64 bits");
  refuses([&] { GgufWriter({.version = 1}); }, "version");
  refuses([&] { GgufWriter({.alignment = 48}); }, "48");
  refuses([&] { GgufWriter({.alignment = 0}); }, "found 0");
  refuses([&] { GgufWriter({.alignment = 1 << 21}); }, "2097152");
}

TEST(GgufWriter, LeavesTheOldFileWhenASourceThrows) {
  const TempDir dir;
  const std::string path = dir.file("model.gguf");
  GgufWriter().add("kept", true).write(path);
  GgufWriter broken;
  broken.add_tensor("t", 0, {8}, [](std::uint64_t, std::span<std::byte>) { throw std::runtime_error("no"); });
  EXPECT_THROW(broken.write(path), std::runtime_error);
  EXPECT_TRUE(GgufFile::open(path).get_bool("kept"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1);
}

}  // namespace
}  // namespace garam
