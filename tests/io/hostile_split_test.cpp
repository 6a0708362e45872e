// Split models: the parts found beside the first one make one file; parts that are missing, of another
// model, misnumbered or misnamed are refused with a message that names the part and the field.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "io/raw_gguf.h"
#include "support/refusal.h"
#include "support/temp_dir.h"

namespace garam::test {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMax = ~std::uint64_t{0};

std::string part_name(int part, int of = 3) {
  return "model-0000" + std::to_string(part) + "-of-0000" + std::to_string(of) + ".gguf";
}
std::string split_u16(std::string_view key, unsigned value) {
  return raw_key(key, 2, raw(static_cast<std::uint16_t>(value)));
}

/// A model of three parts with a tensor of 32 bytes each, to be spoilt; the first part bears the keys.
struct Split {
  std::vector<RawGguf> parts{3};
  std::vector<std::string> names{part_name(1), part_name(2), part_name(3)};

  Split() {
    for (unsigned i = 0; i < 3; ++i) {
      RawGguf& part = parts[i];
      if (i > 0) part.keys.clear();
      part.keys.push_back(split_u16("split.no", i));
      part.keys.push_back(split_u16("split.count", 3));
      part.keys.push_back(raw_key("split.tensors.count", 5, raw(std::int32_t{3})));
      part.tensors = {raw_tensor("blk." + std::to_string(i), {8}, 0, 0)};
      part.data = std::string(32, static_cast<char>('a' + i));
    }
  }
  /// Replaces one of the three keys.
  void set(std::size_t part, std::size_t key, const std::string& bytes) {
    parts[part].keys[parts[part].keys.size() - 3 + key] = bytes;
  }
  void write(const TempDir& dir) const {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (!names[i].empty()) write_file(dir.file(names[i]), parts[i].bytes());
    }
  }
};

struct Variant {
  const char* name;
  std::function<void(Split&)> change;
  std::string file;
  std::string_view field;
  std::string_view found;
};

const Variant kVariants[] = {
    {"split.no of the second is 0", [](Split& s) { s.set(1, 0, split_u16("split.no", 0)); }, part_name(2),
     "split.no", "expected 1, found 0"},
    {"split.no of the third is 1", [](Split& s) { s.set(2, 0, split_u16("split.no", 1)); }, part_name(3),
     "split.no", "expected 2, found 1"},
    {"split.no of the third is 65535", [](Split& s) { s.set(2, 0, split_u16("split.no", 65535)); },
     part_name(3), "split.no", "found 65535"},
    {"the second has no split.no", [](Split& s) { s.set(1, 0, raw_key("other", 0, "x")); }, part_name(2),
     "split.no", "no such key"},
    {"split.no is negative", [](Split& s) { s.set(1, 0, raw_key("split.no", 5, raw(-1))); }, part_name(2),
     "split.no", "i32 -1"},
    {"split.no is a string", [](Split& s) { s.set(0, 0, raw_key("split.no", 8, raw_string("0"))); },
     part_name(1), "split.no", "string"},
    {"split.no is a float", [](Split& s) { s.set(0, 0, raw_key("split.no", 6, raw(0.f))); }, part_name(1),
     "split.no", "f32 0"},
    {"the first is not the first", [](Split& s) { s.set(0, 0, split_u16("split.no", 1)); }, part_name(1),
     "split.no", "found 1"},
    {"parts in another order", [](Split& s) { std::swap(s.parts[1], s.parts[2]); }, part_name(2), "split.no",
     "expected 1, found 2"},
    {"the first in another place", [](Split& s) { std::swap(s.parts[0], s.parts[1]); }, part_name(1),
     "split.no", "found 1"},
    {"split.count of the first is 2", [](Split& s) { s.set(0, 1, split_u16("split.count", 2)); },
     part_name(1), "file name", "another"},
    {"split.count of the first is 4", [](Split& s) { s.set(0, 1, split_u16("split.count", 4)); },
     part_name(1), "file name", "another"},
    {"split.count of the first is 1,025", [](Split& s) { s.set(0, 1, split_u16("split.count", 1025)); },
     part_name(1), "split.count", "found 1025"},
    {"split.count is 2^64-1", [](Split& s) { s.set(0, 1, raw_key("split.count", 10, raw_u64(kMax))); },
     part_name(1), "split.count", "18446744073709551615"},
    {"split.count is 2^63-1", [](Split& s) { s.set(0, 1, raw_key("split.count", 10, raw_u64(kMax / 2))); },
     part_name(1), "split.count", "9223372036854775807"},
    {"split.count is negative", [](Split& s) { s.set(0, 1, raw_key("split.count", 5, raw(-3))); },
     part_name(1), "split.count", "i32 -3"},
    {"split.count is an array",
     [](Split& s) { s.set(0, 1, raw_key("split.count", 9, raw_array(2, 1, raw(std::uint16_t{3})))); },
     part_name(1), "split.count", "array"},
    {"split.count is a bool", [](Split& s) { s.set(0, 1, raw_key("split.count", 7, "\1")); }, part_name(1),
     "split.count", "bool"},
    {"split.count of the second is 2", [](Split& s) { s.set(1, 1, split_u16("split.count", 2)); },
     part_name(2), "split.count", "expected 3, found 2"},
    {"the third has no split.count", [](Split& s) { s.set(2, 1, raw_key("other", 0, "x")); }, part_name(3),
     "split.count", "no such key"},
    {"a tensor too few",
     [](Split& s) {
       for (std::size_t i = 0; i < 3; ++i) {
         s.set(i, 2, raw_key("split.tensors.count", 5, raw(std::int32_t{4})));
       }
     },
     part_name(1), "split.tensors.count", "expected 3, found 4"},
    {"a tensor too many",
     [](Split& s) {
       for (std::size_t i = 0; i < 3; ++i) {
         s.set(i, 2, raw_key("split.tensors.count", 5, raw(std::int32_t{2})));
       }
     },
     part_name(1), "split.tensors.count", "expected 3, found 2"},
    {"no number of tensors", [](Split& s) { s.parts[0].keys.pop_back(); }, part_name(2),
     "split.tensors.count", "i32 3"},
    {"parts disagree on the tensors",
     [](Split& s) { s.set(1, 2, raw_key("split.tensors.count", 5, raw(std::int32_t{1}))); }, part_name(2),
     "split.tensors.count", "i32 1"},
    {"a tensor in two parts", [](Split& s) { s.parts[2].tensors[0] = raw_tensor("blk.0", {8}, 0, 0); },
     part_name(3), "tensor blk.0", "model-00001-of-00003.gguf"},
    {"the second says something new",
     [](Split& s) { s.parts[1].keys.push_back(raw_key("llama.block_count", 4, raw_u32(99))); }, part_name(2),
     "llama.block_count", "u32 99"},
    {"the third has another architecture",
     [](Split& s) { s.parts[2].keys.push_back(raw_key("general.architecture", 8, raw_string("gpt2"))); },
     part_name(3), "general.architecture", "gpt2"},
    {"the second is no GGUF file", [](Split& s) { s.parts[1].magic = "<htm"; }, part_name(2), "magic",
     "<htm"},
    {"the second is of version 1", [](Split& s) { s.parts[1].version = 1; }, part_name(2), "version",
     "found 1"},
    {"the third is cut short", [](Split& s) { s.parts[2].data.pop_back(); }, part_name(3), "tensor blk.2",
     "cut short"},
    {"the third has another alignment",
     [](Split& s) { s.parts[2].keys.push_back(raw_key("general.alignment", 4, raw_u32(0))); }, part_name(3),
     "general.alignment", "found 0"},
    {"a key twice in the second", [](Split& s) { s.parts[1].keys.push_back(split_u16("split.no", 1)); },
     part_name(2), "key split.no", "at 0 and at 3"},
};

TEST(HostileSplit, EachIsRefused) {
  const MemoryCeiling ceiling(64 << 20);
  for (const Variant& variant : kVariants) {
    const TempDir dir;
    Split split;
    variant.change(split);
    split.write(dir);
    EXPECT_TRUE(helps(open_error(dir.file(part_name(1))), variant.file, {variant.field, variant.found}))
        << variant.name;
  }
}

TEST(HostileSplit, TheGoodOneIsOneFile) {
  const TempDir dir;
  Split().write(dir);
  const GgufFile file = GgufFile::open(dir.file(part_name(1)));
  EXPECT_EQ(file.part_count(), 3u);
  EXPECT_EQ(file.get_u32("llama.block_count"), 3u);
  ASSERT_EQ(file.tensors().size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(file.tensors()[i].file, i);
    char text[32];
    file.read(file.tensors()[i], 0, std::as_writable_bytes(std::span(text)));
    EXPECT_EQ(std::string(text, 32), std::string(32, static_cast<char>('a' + i)));
  }
  EXPECT_NO_THROW(file.check_unchanged());
  write_file(dir.file(part_name(3)), "changed");
  EXPECT_THROW(file.check_unchanged(), Error);
}

TEST(HostileSplit, MissingParts) {
  for (const int missing : {2, 3}) {
    const TempDir dir;
    Split().write(dir);
    fs::remove(dir.file(part_name(missing)));
    const std::string message = open_error(dir.file(part_name(1)));
    EXPECT_NE(message.find(part_name(missing)), std::string::npos) << message;
    EXPECT_NE(message.find("expected 3 parts"), std::string::npos) << message;
    fs::create_directory(dir.file(part_name(missing)));
    EXPECT_NE(open_error(dir.file(part_name(1))).find("found a folder"), std::string::npos);
  }
}

TEST(HostileSplit, OtherPartsAreNoStart) {
  const TempDir dir;
  Split().write(dir);
  for (const int part : {2, 3}) {
    const std::string path = dir.file(part_name(part));
    EXPECT_TRUE(helps(open_error(path), path, {"split.no", part_name(1)}));
  }
}

TEST(HostileSplit, NamesThatAreNoPart) {
  for (const char* name :
       {"model.gguf", "model-00001-of-00002.gguf", "model-1-of-3.gguf", "model-00001-of-00003.GGUF",
        "model-000001-of-00003.gguf.bin", "00001-of-00003.gguf", "-of-.gguf"}) {
    const TempDir dir;
    Split split;
    split.names[0] = name;
    split.write(dir);
    EXPECT_TRUE(helps(open_error(dir.file(name)), name, {"file name", "-00001-of-00003.gguf"})) << name;
  }
}

/// A single file with the name of a part, and one part of one, are files like any other.
TEST(HostileSplit, OnePartIsEnoughForOnePart) {
  const TempDir dir;
  RawGguf single;
  write_file(dir.file(part_name(1)), single.bytes());
  EXPECT_EQ(open_error(dir.file(part_name(1))), "");
  single.keys.push_back(split_u16("split.no", 0));
  single.keys.push_back(split_u16("split.count", 1));
  write_file(dir.file("any.gguf"), single.bytes());
  EXPECT_EQ(open_error(dir.file("any.gguf")), "");
}

}  // namespace
}  // namespace garam::test
