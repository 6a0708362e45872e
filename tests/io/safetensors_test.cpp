// safetensors: good files open, and every way in which a header can lie is refused with a message that helps.
#include "io/safetensors.h"

#include <gtest/gtest.h>

#include "garam/error.h"
#include "support/hf_files.h"
#include "support/random.h"
#include "support/refusal.h"
#include "support/temp_dir.h"

namespace garam::test {
namespace {

std::string refusal(const std::string& bytes, ErrorCode expected = ErrorCode::kFormat) {
  const TempDir dir;
  write_text(dir.file("m.safetensors"), bytes);
  try {
    read_safetensors_header(ReadFile::open(dir.file("m.safetensors")));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), expected) << error.what();
    return error.what();
  }
  return "";
}

std::string length_only(std::uint64_t length, std::size_t behind) {
  std::string bytes(8 + behind, '{');
  for (int i = 0; i < 8; ++i) bytes[static_cast<std::size_t>(i)] = static_cast<char>(length >> 8 * i);
  return bytes;
}

TEST(Safetensors, ReadsWhatIsThere) {
  const TempDir dir;
  write_text(
      dir.file("m.safetensors"),
      safetensors_raw(
          R"({"__metadata__":{"format":"pt"},"b":{"dtype":"BF16","shape":[2,3],"data_offsets":[4,16]},)"
          R"("a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
          R"("none":{"dtype":"F16","shape":[0,5],"data_offsets":[16,16]}}    )",
          16));
  const SafetensorsHeader header = read_safetensors_header(ReadFile::open(dir.file("m.safetensors")));
  ASSERT_EQ(header.tensors.size(), 3u);
  EXPECT_EQ(header.tensors[0].name, "a");
  EXPECT_EQ(header.tensors[1].name, "b");
  EXPECT_EQ(header.tensors[1].type->name, "BF16");
  EXPECT_EQ(header.tensors[1].shape, (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(header.tensors[1].bytes, 12u);
  EXPECT_EQ(header.tensors[1].offset, header.tensors[0].offset + 4);
}

TEST(Safetensors, LyingLengthsAreRefused) {
  const std::string cases[] = {"",
                               "1234567",
                               length_only(0, 100),
                               length_only(1, 100),
                               length_only(101, 100),
                               length_only(UINT64_MAX, 100),
                               length_only(UINT64_MAX - 7, 100),
                               length_only(std::uint64_t{1} << 63, 100),
                               length_only(100000001, 100)};
  const MemoryCeiling ceiling(std::size_t{32} << 20);
  for (const std::string& bytes : cases) EXPECT_TRUE(helps(refusal(bytes), "m.safetensors")) << bytes.size();
}

TEST(Safetensors, LyingHeadersAreRefused) {
  struct Case {
    const char* what;
    const char* header;
    std::size_t data;
    std::initializer_list<std::string_view> parts;
  };
  const Case cases[] = {
      {"no object", R"([1])", 0, {"header"}},
      {"no JSON", R"({"a")", 0, {"JSON"}},
      {"tensor is no object", R"({"a":1})", 0, {"a"}},
      {"no dtype", R"({"a":{"shape":[1],"data_offsets":[0,4]}})", 4, {"dtype"}},
      {"no shape", R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", 4, {"shape"}},
      {"no offsets", R"({"a":{"dtype":"F32","shape":[1]}})", 4, {"data_offsets"}},
      {"one offset", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4, {"data_offsets"}},
      {"dtype no string", R"({"a":{"dtype":1,"shape":[1],"data_offsets":[0,4]}})", 4, {"dtype"}},
      {"negative size", R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4, {"shape[0]", "-1"}},
      {"fraction", R"({"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})", 4, {"1.5"}},
      {"size beyond 64 bits",
       R"({"a":{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4]}})",
       4,
       {}},
      {"product wraps",
       R"({"a":{"dtype":"F32","shape":[4294967296,4294967297],"data_offsets":[0,4]}})",
       4,
       {"tensor a", "64 bits"}},
      {"bytes wrap",
       R"({"a":{"dtype":"F64","shape":[4611686018427387905],"data_offsets":[0,8]}})",
       8,
       {"64 bits"}},
      {"end before begin",
       R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})",
       4,
       {"data_offsets[1]"}},
      {"end beyond the file",
       R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
       4,
       {"data_offsets[1]", "8"}},
      {"begin beyond the file", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[99,103]}})", 4, {"99"}},
      {"too few bytes",
       R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})",
       4,
       {"tensor a", "8 bytes", "4"}},
      {"too many bytes", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}})", 8, {"4 bytes", "8"}},
      {"overlap",
       R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
       12,
       {"tensor b", "8", "4"}},
      {"the same bytes twice",
       R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
       4,
       {"tensor b"}},
      {"a gap",
       R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})",
       12,
       {"tensor b", "4", "8"}},
      {"a gap at the front",
       R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
       8,
       {"tensor a", "0", "4"}},
      {"bytes left over", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 8, {"4 bytes", "8"}},
      {"a name twice",
       R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
       8,
       {"a", "once"}},
      {"an empty name", R"({"":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4, {"name"}},
      {"nine dimensions",
       R"({"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}})",
       4,
       {"dimensions"}},
      {"half a byte", R"({"a":{"dtype":"F4","shape":[1],"data_offsets":[0,1]}})", 1, {"tensor a"}},
      {"metadata no texts", R"({"__metadata__":{"a":1}})", 0, {"__metadata__"}},
  };
  for (const Case& c : cases) {
    EXPECT_TRUE(helps(refusal(safetensors_raw(c.header, c.data)), "m.safetensors", c.parts)) << c.what;
  }
  const std::string unknown = safetensors_raw(R"({"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}})", 4);
  EXPECT_TRUE(helps(refusal(unknown, ErrorCode::kUnsupported), "m.safetensors", {"tensor a", "F31"}));
  const std::string deep = safetensors_raw("{\"a\":" + std::string(100000, '['), 0);
  EXPECT_TRUE(helps(refusal(deep), "m.safetensors", {"deep"}));
  const std::string bytes = safetensors_raw("{\"\xff\xfe\":{}}", 0);
  EXPECT_TRUE(helps(refusal(bytes), "m.safetensors", {"JSON"}));
}

TEST(Safetensors, AnyByteChangedIsRefusedOrHarmless) {
  const std::string good = safetensors_raw(
      R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"F16","shape":[4],"data_offsets":[24,32]}})",
      32);
  Random random(test_seed());
  for (std::size_t at = 0; at < good.size() - 32; ++at) {
    for (int variant = 0; variant < 4; ++variant) {
      std::string bytes = good;
      bytes[at] = static_cast<char>(random.below(256));
      const TempDir dir;
      write_text(dir.file("m.safetensors"), bytes);
      const ReadFile file = ReadFile::open(dir.file("m.safetensors"));
      try {
        for (const SafetensorsTensor& tensor : read_safetensors_header(file).tensors) {
          ASSERT_LE(tensor.offset + tensor.bytes, file.size());
        }
      } catch (const Error& error) {
        ASSERT_TRUE(helps(error.what(), "m.safetensors")) << at;
      }
    }
  }
}

}  // namespace
}  // namespace garam::test
