// Tensor lists that lie (hostile-input classes L1, L6 to L8, L10, L13): names, shapes, types, offsets. Each
// variant of a good file is refused with a message that names the file and the tensor, or opens where it is
// legal, and then every byte of every tensor can be read.
#include <gtest/gtest.h>

#include <functional>

#include "io/raw_gguf.h"
#include "support/refusal.h"
#include "support/temp_dir.h"

namespace garam::test {
namespace {

constexpr std::uint64_t kMax = ~std::uint64_t{0};
constexpr std::uint64_t kTop = std::uint64_t{1} << 63;
constexpr std::uint64_t k32 = std::uint64_t{1} << 32;

using Change = std::function<void(RawGguf&)>;
using Shape = std::vector<std::uint64_t>;

struct Variant {
  const char* name;
  Change change;
  std::string_view field;
  std::string_view found;
};

/// The second tensor, all of it given.
Change second(std::string_view name, const Shape& shape, std::uint32_t type, std::uint64_t offset) {
  return [bytes = raw_tensor(name, shape, type, offset)](RawGguf& file) { file.tensors[1] = bytes; };
}
Change shape(const Shape& dims, std::uint32_t type = 0) {
  return second("bad", dims, type, 32);
}
Change type(std::uint32_t id) {
  return second("bad", {32, 2}, id, 32);
}
Change offset(std::uint64_t at) {
  return second("bad", {32, 2}, 8, at);
}
Change name(std::string_view text) {
  return second(text, {32, 2}, 8, 32);
}
/// A number of dimensions, with four of them behind it.
Change dims(std::uint32_t count) {
  return [=](RawGguf& file) {
    file.tensors[1] = raw_string("bad") + raw_u32(count);
    for (int i = 0; i < 4; ++i) file.tensors[1] += raw_u64(2);
    file.tensors[1] += raw_u32(0) + raw_u64(32);
  };
}
Change name_length(std::uint64_t length) {
  return [=](RawGguf& file) { file.tensors[1] = raw_u64(length) + "bad" + raw_u32(1); };
}
Change data(std::size_t bytes) {
  return [=](RawGguf& file) { file.data.resize(bytes); };
}

const Variant kNamesAndShapes[] = {
    {"empty name", name(""), "tensor 1: name", "empty"},
    {"NUL in the name", name(std::string_view("norm.weight\0", 12)), "tensor 1: name", "0x00"},
    {"line break in the name", name("a\rb"), "tensor 1: name", "0x0d"},
    {"name not ASCII", name("\xff"), "tensor 1: name", "0xff"},
    {"name of 1,025 bytes", name(std::string(1025, 't')), "tensor 1: name", "1025"},
    {"name of 2^64-1 bytes", name_length(kMax), "tensor 1: name", "18446744073709551615"},
    {"name of 2^63 bytes", name_length(kTop), "tensor 1: name", "9223372036854775808"},
    {"name longer than the file", name_length(1000), "tensor 1: name", "1000 bytes"},
    {"twice", name("norm.weight"), "tensor norm.weight", "at 0 and at 1"},
    {"no dimension", dims(0), "tensor bad", "found 0"},
    {"5 dimensions", dims(5), "tensor bad", "found 5"},
    {"255 dimensions", dims(255), "tensor bad", "found 255"},
    {"2^31 dimensions", dims(1u << 31), "tensor bad", "2147483648"},
    {"-1 dimensions", dims(0xffffffff), "tensor bad", "4294967295"},
    {"3 of 4 dimensions", dims(3), "tensor bad", "found"},
    {"[0]", shape({0}), "tensor bad", "[0]"},
    {"[4, 0]", shape({4, 0}), "tensor bad", "[4, 0]"},
    {"[0, 4]", shape({0, 4}), "tensor bad", "[0, 4]"},
    {"[2^63, 0]", shape({kTop, 0}), "tensor bad", ", 0]"},
    {"[0, 2^32] of q8_0", shape({0, k32}, 8), "tensor bad", "[0, 4294967296]"},
    {"2^64", shape({k32, k32}), "tensor bad", "[4294967296, 4294967296]"},
    {"2^64 by halves", shape({kTop, 2}), "tensor bad", "9223372036854775808, 2"},
    {"2^84", shape({1 << 21, 1 << 21, 1 << 21, 1 << 21}), "tensor bad", "64 bits"},
    {"wraps to 1", shape({kMax, kMax}, 24), "tensor bad", "64 bits"},
    {"wraps to 4", shape({(k32 + 2) / 2 * 2, k32 - 2}, 24), "tensor bad", "found"},
    {"bytes wrap to 0", shape({kTop / 2}), "tensor bad", "64 bits"},
    {"bytes wrap to 4", shape({kTop / 2 + 1}), "tensor bad", "64 bits"},
    {"f32 2^62-1: padding wraps", shape({kTop / 2 - 1}), "tensor bad", "cut short"},
    {"i8 2^64-1: padding wraps", shape({kMax}, 24), "tensor bad", "cut short"},
    {"i8 2^64-64", shape({kMax - 63}, 24), "tensor bad", "cut short"},
    {"i8 2^63", shape({kTop}, 24), "tensor bad", "cut short"},
    {"f64 2^61", shape({kTop / 4}, 28), "tensor bad", "64 bits"},
    {"q8_0 2^64-32: bytes wrap", shape({kMax - 31}, 8), "tensor bad", "64 bits"},
    {"q8_0 2^63", shape({kTop}, 8), "tensor bad", "cut short"},
    {"q4_K 2^64-256", shape({kMax - 255}, 12), "tensor bad", "cut short"},
    {"2^40 values", shape({1 << 20, 1 << 20}), "tensor bad", "cut short"},
    {"negative as i64", shape({static_cast<std::uint64_t>(-4)}), "tensor bad", "64 bits"},
    {"one row too many", shape({32, 3}, 8), "tensor bad", "cut short"},
    {"one value too many", shape({25}), "tensor bad", "cut short"},
    {"q8_0 rows of 33", shape({33}, 8), "tensor bad", "multiple of 32"},
    {"q8_0 rows of 1", shape({1, 32}, 8), "tensor bad", "multiple of 32"},
    {"q4_0 rows of 16", shape({16, 2}, 2), "tensor bad", "multiple of 32"},
    {"q6_K rows of 32", shape({32, 8}, 14), "tensor bad", "multiple of 256"},
    {"iq2_xxs rows of 255", shape({255}, 16), "tensor bad", "multiple of 256"},
};

const Variant kTypes[] = {
    {"q4_2, removed", type(4), "tensor bad", "removed"},
    {"q4_3, removed", type(5), "tensor bad", "removed"},
    {"q4_0_4_4, removed", type(31), "tensor bad", "removed"},
    {"q4_0_4_8, removed", type(32), "tensor bad", "removed"},
    {"q4_0_8_8, removed", type(33), "tensor bad", "removed"},
    {"iq4_nl_4_4, removed", type(36), "tensor bad", "removed"},
    {"iq4_nl_4_8, removed", type(37), "tensor bad", "removed"},
    {"iq4_nl_8_8, removed", type(38), "tensor bad", "removed"},
    {"43", type(43), "tensor bad", "43 (unknown)"},
    {"255", type(255), "tensor bad", "255 (unknown)"},
    {"2^31", type(1u << 31), "tensor bad", "2147483648 (unknown)"},
    {"-1", type(0xffffffff), "tensor bad", "4294967295 (unknown)"},
};

const Variant kOffsets[] = {
    {"1", offset(1), "tensor bad", "found 1"},
    {"16", offset(16), "tensor bad", "found 16"},
    {"33", offset(33), "tensor bad", "found 33"},
    {"2^64-1", offset(kMax), "tensor bad", "18446744073709551615"},
    {"on the other tensor", offset(0), "tensor", "uses up to"},
    {"before the end of the other tensor",
     [](RawGguf& file) {
       file.tensors[0] = raw_tensor("bad", {4, 4}, 0, 0);
     },
     "tensor output.weight", "that tensor bad uses"},
    {"around the other tensor",
     [](RawGguf& file) {
       file.tensors = {raw_tensor("outer", {32}, 0, 0), raw_tensor("inner", {4}, 0, 32)};
     },
     "tensor inner", "that tensor outer uses"},
    {"twice in a row on the outer one",
     [](RawGguf& file) {
       file.tensors = {raw_tensor("outer", {32}, 0, 0), raw_tensor("one", {1}, 0, 32),
                       raw_tensor("two", {1}, 0, 64)};
     },
     "tensor one", "that tensor outer uses"},
    {"behind the file", offset(128), "tensor bad", "cut short"},
    {"half behind the file", offset(64), "tensor bad", "cut short"},
    {"2^32", offset(k32), "tensor bad", "4294967296"},
    {"2^63", offset(kTop), "tensor bad", "9223372036854775808"},
    {"2^64-32: end wraps", offset(kMax - 31), "tensor bad", "18446744073709551584"},
    {"2^64-96: begin wraps", offset(kMax - 95), "tensor bad", "18446744073709551520"},
    {"a byte of data short", data(99), "tensor output.weight", "cut short"},
    {"half of the data", data(40), "tensor output.weight", "cut short"},
    {"no data", data(0), "tensor norm.weight", "cut short"},
};

void expect_refused(std::span<const Variant> variants) {
  const TempDir dir;
  const std::string path = dir.file("bad.gguf");
  const MemoryCeiling ceiling(64 << 20);
  for (const Variant& variant : variants) {
    RawGguf file;
    variant.change(file);
    write_file(path, file.bytes());
    EXPECT_TRUE(helps(open_error(path), path, {variant.field, variant.found})) << variant.name;
  }
}

TEST(HostileTensors, NamesAndShapes) {
  expect_refused(kNamesAndShapes);
}
TEST(HostileTensors, Types) {
  expect_refused(kTypes);
}
TEST(HostileTensors, Offsets) {
  expect_refused(kOffsets);
}

TEST(HostileTensors, WhatIsLegalOpens) {
  const TempDir dir;
  const std::string path = dir.file("good.gguf");
  for (const Change& change : std::initializer_list<Change>{
           data(100),  // exactly to the last byte
           data(5000), offset(64), name(std::string(1024, 't')), name("odd name/with [signs]"), shape({1}),
           shape({1, 1, 1, 1}), shape({2, 3, 1, 4}),
           [](RawGguf& file) { std::swap(file.tensors[0], file.tensors[1]); },
           [](RawGguf& file) { file.tensors.clear(); }, [](RawGguf& file) { file.keys.clear(); },
           [](RawGguf& file) {
             file.keys.clear();
             file.tensors.clear();
             file.data.clear();
           }}) {
    RawGguf raw;
    change(raw);
    if (raw.data.size() == 128) raw.data.resize(256);
    write_file(path, raw.bytes());
    EXPECT_EQ(open_error(path), "");
    const GgufFile file = GgufFile::open(path);
    EXPECT_EQ(file.tensors().size(), raw.tensors.size());
    for (const GgufTensor& tensor : file.tensors()) {
      std::vector<std::byte> bytes(tensor.bytes);
      file.read(tensor, 0, bytes);
    }
  }
}

TEST(HostileTensors, ManyTensorsAreNoTrouble) {
  const TempDir dir;
  const std::string path = dir.file("many.gguf");
  for (const bool twice : {false, true}) {
    RawGguf file;
    file.tensors.clear();
    for (std::uint64_t i = 0; i < 100000; ++i) {
      file.tensors.push_back(raw_tensor("blk." + std::to_string(i), {1}, 0, i * 32));
    }
    if (twice) file.tensors.push_back(raw_tensor("blk.50000", {1}, 0, 100000 * 32));
    file.data.resize(100001 * 32);
    write_file(path, file.bytes());
    if (twice) {
      EXPECT_TRUE(helps(open_error(path), path, {"tensor blk.50000"}));
    } else {
      EXPECT_EQ(open_error(path), "");
    }
  }
}

TEST(HostileTensors, ReadsStayInsideATensor) {
  const TempDir dir;
  const std::string path = dir.file("good.gguf");
  write_file(path, RawGguf().bytes());
  const GgufFile file = GgufFile::open(path);
  const GgufTensor& tensor = file.tensors()[0];
  std::byte bytes[33];
  EXPECT_NO_THROW(file.read(tensor, 0, std::span(bytes).first(32)));
  EXPECT_NO_THROW(file.read(tensor, 32, std::span(bytes).first(0)));
  EXPECT_THROW(file.read(tensor, 0, bytes), Error);
  EXPECT_THROW(file.read(tensor, 32, std::span(bytes).first(1)), Error);
  EXPECT_THROW(file.read(tensor, kMax, std::span(bytes).first(1)), Error);
  EXPECT_THROW(file.read(tensor, kMax - 15, std::span(bytes).first(16)), Error);
}

}  // namespace
}  // namespace garam::test
