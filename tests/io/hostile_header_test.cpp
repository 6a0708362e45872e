// Headers that lie about themselves (hostile-input classes L2 to L5, L9, L11, L12): magic, version, counts,
// keys and values. Each variant of a good file is refused with a message that names the file and the field.
#include <gtest/gtest.h>

#include <functional>

#include "io/raw_gguf.h"
#include "support/refusal.h"
#include "support/temp_dir.h"

namespace garam::test {
namespace {

constexpr std::uint64_t kMax = ~std::uint64_t{0};
constexpr std::uint64_t kTop = std::uint64_t{1} << 63;

struct Variant {
  const char* name;
  std::function<void(RawGguf&)> change;
  std::string_view field;
  std::string_view found;
};

using Change = std::function<void(RawGguf&)>;

Change version(std::uint32_t number) {
  return [=](RawGguf& file) { file.version = number; };
}
Change magic(std::string_view text) {
  return [=](RawGguf& file) { file.magic = text; };
}
Change tensor_count(std::uint64_t count) {
  return [=](RawGguf& file) { file.more_tensors = static_cast<std::int64_t>(count - file.tensors.size()); };
}
Change key_count(std::uint64_t count) {
  return [=](RawGguf& file) { file.more_keys = static_cast<std::int64_t>(count - file.keys.size()); };
}
/// One more key.
Change key(std::string_view name, std::uint32_t type, const std::string& value) {
  return [bytes = raw_key(name, type, value)](RawGguf& file) { file.keys.push_back(bytes); };
}
Change array(std::uint32_t type, std::uint64_t count, const std::string& elements = std::string(64, 'e')) {
  return key("an.array", 9, raw_array(type, count, elements));
}
Change string_of(std::uint64_t length) {
  return key("a.string", 8, raw_u64(length) + "text");
}
/// A key whose name claims a length.
Change name_of(std::uint64_t length) {
  return [=](RawGguf& file) { file.keys.insert(file.keys.begin(), raw_u64(length) + "name" + raw_u64(0)); };
}
Change alignment(std::uint32_t type, const std::string& value) {
  return key("general.alignment", type, value);
}

const Variant kCounts[] = {
    {"no magic", magic(std::string_view("\0\0\0\0", 4)), "magic", "\\x00"},
    {"lower case", magic("gguf"), "magic", "gguf"},
    {"big-endian magic", magic("FUGG"), "magic", "big-endian"},
    {"older format", magic("ggjt"), "magic", "ggjt"},
    {"Git LFS pointer", magic("vers"), "magic", "git lfs pull"},
    {"bytes that are no text", magic("\x1b[2J"), "magic", "\\x1b[2J"},
    {"version 0", version(0), "version", "found 0"},
    {"version 1", version(1), "version", "found 1"},
    {"version 4", version(4), "version", "found 4"},
    {"version 2^32-1", version(0xffffffff), "version", "4294967295"},
    {"big-endian version 3", version(0x03000000), "version", "big-endian"},
    {"big-endian version 2", version(0x02000000), "version", "big-endian"},
    {"a tensor too many", tensor_count(3), "tensor 2", "found"},
    {"tensors beyond the file", tensor_count(100), "number of tensors", "found 100"},
    {"2^31 tensors", tensor_count(1ull << 31), "number of tensors", "2147483648"},
    {"2^32 tensors", tensor_count(1ull << 32), "number of tensors", "4294967296"},
    {"2^63-1 tensors", tensor_count(kTop - 1), "number of tensors", "9223372036854775807"},
    {"2^63 tensors", tensor_count(kTop), "number of tensors", "9223372036854775808"},
    {"2^64-1 tensors", tensor_count(kMax), "number of tensors", "18446744073709551615"},
    {"tensors whose bytes wrap", tensor_count(kMax / 33 + 1), "number of tensors", "found"},
    {"tensors whose records wrap", tensor_count(kMax / 88 + 1), "number of tensors", "found"},
    {"a key too many", key_count(6), "", "found"},
    {"a key too few", key_count(4), "tensor", "found 7"},
    {"keys beyond the file", key_count(100), "number of keys", "found 100"},
    {"2^32 keys", key_count(1ull << 32), "number of keys", "4294967296"},
    {"2^63 keys", key_count(kTop), "number of keys", "9223372036854775808"},
    {"2^64-1 keys", key_count(kMax), "number of keys", "18446744073709551615"},
    {"keys whose bytes wrap", key_count(kMax / 14 + 1), "number of keys", "found"},
    {"keys whose records wrap", key_count(kMax / 64 + 1), "number of keys", "found"},
};

const Variant kKeys[] = {
    {"empty name", key("", 4, raw_u32(1)), "key 5: name", "empty"},
    {"NUL inside", key(std::string_view("llama\0x", 7), 4, raw_u32(1)), "key 5: name", "0x00"},
    {"only NUL", key(std::string_view("\0", 1), 4, raw_u32(1)), "key 5: name", "0x00"},
    {"line break", key("a\nb", 4, raw_u32(1)), "key 5: name", "0x0a"},
    {"escape sequence", key("\x1b[2J", 4, raw_u32(1)), "key 5: name", "0x1b"},
    {"not ASCII", key("caf\xc3\xa9", 4, raw_u32(1)), "key 5: name", "0xc3"},
    {"65,536 bytes", key(std::string(65536, 'k'), 4, raw_u32(1)), "key 5: name", "65536"},
    {"name of 2^64-1 bytes", name_of(kMax), "key 0: name", "18446744073709551615"},
    {"name of 2^64-8 bytes", name_of(kMax - 7), "key 0: name", "18446744073709551608"},
    {"name of 2^63 bytes", name_of(kTop), "key 0: name", "9223372036854775808"},
    {"name of 2^32 bytes", name_of(1ull << 32), "key 0: name", "4294967296"},
    {"name longer than the file", name_of(50000), "key 0: name", "cut short"},
    {"name of no bytes", name_of(0), "key 0: name", "empty"},
    {"twice", key("llama.block_count", 4, raw_u32(3)), "key llama.block_count", "at 1 and at 5"},
    {"twice, another type", key("llama.block_count", 8, raw_string("x")), "key llama.block_count", "at 5"},
    {"type 13", key("a.key", 13, raw_u64(0)), "key a.key", "found 13"},
    {"type 255", key("a.key", 255, raw_u64(0)), "key a.key", "found 255"},
    {"type 2^31", key("a.key", 1u << 31, raw_u64(0)), "key a.key", "2147483648"},
    {"type -1", key("a.key", 0xffffffff, raw_u64(0)), "key a.key", "4294967295"},
    {"bool 2", key("a.key", 7, "\x02"), "key a.key", "found 2"},
    {"bool 255", key("a.key", 7, "\xff"), "key a.key", "found 255"},
    {"string of 2^64-1", string_of(kMax), "key a.string", "18446744073709551615"},
    {"string of 2^64-4", string_of(kMax - 3), "key a.string", "18446744073709551612"},
    {"string of 2^63", string_of(kTop), "key a.string", "9223372036854775808"},
    {"string of 2^63-1", string_of(kTop - 1), "key a.string", "9223372036854775807"},
    {"string of 2^32", string_of(1ull << 32), "key a.string", "4294967296"},
    {"string of 2^30", string_of(1ull << 30), "key a.string", "1073741824"},
    {"string longer than the file", string_of(2000), "key a.string", "2000 bytes"},
    {"string of 3 of 4 bytes", string_of(3), "tensor 0", "found"},
};

const Variant kArrays[] = {
    {"of arrays", array(9, 1, raw_array(4, 1, raw_u32(1))), "key an.array", "array of arrays"},
    {"of arrays, none", array(9, 0, ""), "key an.array", "array of arrays"},
    {"of arrays, 2^64-1", array(9, kMax), "key an.array", "array of arrays"},
    {"of an unknown type", array(13, 1), "key an.array", "found 13"},
    {"of an unknown type, none", array(200, 0, ""), "key an.array", "found 200"},
    {"of type -1", array(0xffffffff, 1), "key an.array", "4294967295"},
    {"2^64-1 u8", array(0, kMax), "key an.array", "18446744073709551615"},
    {"2^64-1 i8", array(1, kMax), "key an.array", "18446744073709551615"},
    {"2^63 u16", array(2, kTop), "key an.array", "9223372036854775808"},
    {"2^63+1 i16", array(3, kTop + 1), "key an.array", "9223372036854775809"},
    {"2^62 u32", array(4, kTop / 2), "key an.array", "4611686018427387904"},
    {"2^62+1 i32", array(5, kTop / 2 + 1), "key an.array", "4611686018427387905"},
    {"2^62+4 f32", array(6, kTop / 2 + 4), "key an.array", "4611686018427387908"},
    {"2^64-1 bools", array(7, kMax), "key an.array", "18446744073709551615"},
    {"2^64-1 strings", array(8, kMax), "key an.array", "18446744073709551615"},
    {"2^61 strings", array(8, kTop / 4), "key an.array", "2305843009213693952"},
    {"2^60 strings", array(8, kTop / 8), "key an.array", "1152921504606846976"},
    {"2^61 u64", array(10, kTop / 4), "key an.array", "2305843009213693952"},
    {"2^61+1 i64", array(11, kTop / 4 + 1), "key an.array", "2305843009213693953"},
    {"2^61+8 f64", array(12, kTop / 4 + 8), "key an.array", "2305843009213693960"},
    {"2^32 u32", array(4, 1ull << 32), "key an.array", "4294967296"},
    {"2^30 u8", array(0, 1ull << 30), "key an.array", "1073741824"},
    {"u32 a few too many", array(4, 1000), "key an.array", "found 1000"},
    {"strings a few too many", array(8, 200), "key an.array", "found 200"},
    {"bool 2 inside", array(7, 3, std::string("\0\x02\x01", 3)), "key an.array", "found 2"},
    {"string of 2^64-1 inside", array(8, 2, raw_string("a") + raw_u64(kMax) + "b"), "key an.array",
     "18446744073709551615"},
    {"string of 2^63 inside", array(8, 1, raw_u64(kTop)), "key an.array", "9223372036854775808"},
    {"string beyond the file inside", array(8, 2, raw_string("a") + raw_u64(5000) + "b"), "key an.array",
     "5000"},
    {"f32 read as u8", array(0, 2, raw(1.5f) + raw(-2.f)), "tensor 0", "found"},
    {"u8 read as f32", array(6, 8, std::string(8, '\1')), "", "found"},
};

const Variant kAlignments[] = {
    {"0", alignment(4, raw_u32(0)), "general.alignment", "found 0"},
    {"3", alignment(4, raw_u32(3)), "general.alignment", "found 3"},
    {"24", alignment(4, raw_u32(24)), "general.alignment", "found 24"},
    {"2^21", alignment(4, raw_u32(1u << 21)), "general.alignment", "2097152"},
    {"2^31", alignment(4, raw_u32(1u << 31)), "general.alignment", "2147483648"},
    {"2^32-1", alignment(4, raw_u32(0xffffffff)), "general.alignment", "4294967295"},
    {"64 over offsets of 32", alignment(4, raw_u32(64)), "tensor output.weight", "multiple of 64"},
    {"u64", alignment(10, raw_u64(32)), "general.alignment", "u64 32"},
    {"i32", alignment(5, raw_u32(32)), "general.alignment", "i32 32"},
    {"u8", alignment(0, " "), "general.alignment", "u8 32"},
    {"f32", alignment(6, raw(32.f)), "general.alignment", "f32 32"},
    {"bool", alignment(7, "\1"), "general.alignment", "bool true"},
    {"string", alignment(8, raw_string("32")), "general.alignment", "string \"32\""},
    {"array", alignment(9, raw_array(4, 1, raw_u32(32))), "general.alignment", "array of 1 u32"},
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

TEST(HostileHeader, MagicVersionCounts) {
  expect_refused(kCounts);
}
TEST(HostileHeader, Keys) {
  expect_refused(kKeys);
}
TEST(HostileHeader, Arrays) {
  expect_refused(kArrays);
}
TEST(HostileHeader, Alignment) {
  expect_refused(kAlignments);
}

/// The good file is good, so that what is refused is refused for its change.
TEST(HostileHeader, TheGoodFileOpens) {
  const TempDir dir;
  const std::string path = dir.file("good.gguf");
  for (const Change& change : std::initializer_list<Change>{
           [](RawGguf&) {}, version(2), [](RawGguf& file) { file.data += "behind"; },
           key("tokenizer.chat_template", 8, raw_string(std::string(1 << 20, '{'))),
           key("a.b-c_d/e f", 8, raw_string(std::string_view("nul \0 \xff", 7))),
           key(std::string(65535, 'k'), 12, raw(0.5)), array(8, 0, ""), array(7, 0, ""),
           array(8, 2, raw_string("") + raw_string("")), alignment(4, raw_u32(32)), alignment(4, raw_u32(8)),
           alignment(4, raw_u32(1))}) {
    RawGguf file;
    change(file);
    write_file(path, file.bytes());
    EXPECT_EQ(open_error(path), "");
  }
}

/// Arrays in arrays cannot be nested so deep that a reader that calls itself would run out of stack.
TEST(HostileHeader, DeeplyNestedArrays) {
  const TempDir dir;
  const std::string path = dir.file("deep.gguf");
  std::string value;
  for (int depth = 0; depth < 1000000; ++depth) value += raw_u32(9) + raw_u64(1);
  RawGguf file;
  file.keys.push_back(raw_key("deep", 9, value + raw_u32(0) + raw_u64(0)));
  write_file(path, file.bytes());
  EXPECT_TRUE(helps(open_error(path), path, {"key deep", "array of arrays"}));
}

/// Looking for doubles takes n log n, whatever the names.
TEST(HostileHeader, ManyKeysAreNoTrouble) {
  const TempDir dir;
  const std::string path = dir.file("many.gguf");
  for (const bool twice : {false, true}) {
    RawGguf file;
    for (int i = 0; i < 200000; ++i) file.keys.push_back(raw_key("key." + std::to_string(i), 0, "x"));
    if (twice) file.keys.push_back(raw_key("key.100000", 0, "x"));
    write_file(path, file.bytes());
    if (twice) {
      EXPECT_TRUE(helps(open_error(path), path, {"key key.100000"}));
    } else {
      EXPECT_EQ(open_error(path), "");
    }
  }
}

}  // namespace
}  // namespace garam::test
