// Typed access: which conversions keep a number, and that all others are refused by name.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "garam/error.h"
#include "io/gguf.h"
#include "io/gguf_writer.h"
#include "support/temp_dir.h"

namespace garam {
namespace {

class GgufGet : public testing::Test {
 protected:
  GgufFile file_with(const GgufValue& value) {
    GgufWriter().add("a.key", value).write(path_);
    return GgufFile::open(path_);
  }
  /// Expects that asking for the value as T is refused with a message that ends in `rest`.
  template <typename T>
  void refuses(const GgufValue& value, const std::string& rest) {
    try {
      file_with(value).get<T>("a.key");
      ADD_FAILURE() << "accepted " << describe(value);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kFormat);
      EXPECT_EQ(error.what(), path_ + ": key a.key: " + rest);
    }
  }

  test::TempDir dir_;
  std::string path_ = dir_.file("model.gguf");
};

TEST_F(GgufGet, IntegersOfAnyWidthKeepTheirValue) {
  EXPECT_EQ(file_with(std::uint8_t{200}).get_u32("a.key"), 200u);
  EXPECT_EQ(file_with(std::int8_t{-3}).get<std::int32_t>("a.key"), -3);
  EXPECT_EQ(file_with(std::uint16_t{60000}).get_u64("a.key"), 60000u);
  EXPECT_EQ(file_with(std::int16_t{7}).get_u32("a.key"), 7u);
  EXPECT_EQ(file_with(std::uint32_t{4000000000u}).get<std::int64_t>("a.key"), 4000000000);
  EXPECT_EQ(file_with(std::int32_t{5}).get_u64("a.key"), 5u);
  EXPECT_EQ(file_with(std::uint64_t{4294967295u}).get_u32("a.key"), 4294967295u);
  EXPECT_EQ(file_with(std::int64_t{-5}).get<std::int32_t>("a.key"), -5);
}

TEST_F(GgufGet, IntegersOutOfRangeAreRefused) {
  refuses<std::uint32_t>(std::int32_t{-1}, "expected u32, found i32 -1");
  refuses<std::uint32_t>(std::uint64_t{4294967296u}, "expected u32, found u64 4294967296");
  refuses<std::int32_t>(std::uint32_t{2147483648u}, "expected i32, found u32 2147483648");
  refuses<std::uint64_t>(std::int8_t{-1}, "expected u64, found i8 -1");
  refuses<std::int64_t>(std::uint64_t{1} << 63, "expected i64, found u64 9223372036854775808");
}

TEST_F(GgufGet, OtherKindsAreRefused) {
  refuses<std::uint32_t>(3.0f, "expected u32, found f32 3");
  refuses<std::uint32_t>(true, "expected u32, found bool true");
  refuses<std::uint32_t>("3", "expected u32, found string \"3\"");
  refuses<std::uint32_t>(std::vector<std::uint32_t>{3}, "expected u32, found array of 1 u32");
  refuses<float>(std::uint32_t{3}, "expected f32, found u32 3");
  refuses<bool>(std::uint8_t{1}, "expected bool, found u8 1");
  refuses<std::string>(std::uint8_t{1}, "expected string, found u8 1");
  refuses<std::string>(std::vector<std::string>{"x"}, "expected string, found array of 1 string");
  refuses<std::vector<float>>(1.0f, "expected an array of f32, found f32 1");
  refuses<std::vector<float>>(std::vector<std::int32_t>{1}, "expected an array of f32, found array of 1 i32");
  refuses<std::vector<std::int32_t>>(std::vector<bool>{true},
                                     "expected an array of i32, found array of 1 bool");
  refuses<std::vector<std::string>>(std::vector<float>{1},
                                    "expected an array of string, found array of 1 f32");
  refuses<std::vector<std::int32_t>>(std::vector<std::int64_t>{1, 1ll << 40},
                                     "expected an array of i32, found 1099511627776 at 1");
}

TEST_F(GgufGet, FloatsOfBothWidths) {
  EXPECT_EQ(file_with(0.1f).get<double>("a.key"), static_cast<double>(0.1f));
  EXPECT_EQ(file_with(0.1).get_f32("a.key"), 0.1f);
  EXPECT_TRUE(std::isinf(file_with(std::numeric_limits<double>::infinity()).get_f32("a.key")));
  EXPECT_TRUE(std::isnan(file_with(std::numeric_limits<double>::quiet_NaN()).get_f32("a.key")));
  refuses<float>(1e300, "expected f32, found f64 1e+300");
}

TEST_F(GgufGet, ArraysConvertElementByElement) {
  EXPECT_EQ(file_with(std::vector<std::int8_t>{1, -1}).get<std::vector<std::int32_t>>("a.key"),
            (std::vector<std::int32_t>{1, -1}));
  EXPECT_EQ(file_with(std::vector<std::uint64_t>{7}).get<std::vector<std::uint32_t>>("a.key"),
            (std::vector<std::uint32_t>{7}));
  EXPECT_EQ(file_with(std::vector<double>{0.5}).get<std::vector<float>>("a.key"), (std::vector<float>{0.5f}));
  EXPECT_EQ(file_with(std::vector<bool>{true, false}).get<std::vector<bool>>("a.key"),
            (std::vector<bool>{true, false}));
}

TEST_F(GgufGet, ArraysInPlaceHaveExactlyTheType) {
  const GgufFile file = file_with(std::vector<std::string>{"x", "yz"});
  const auto* strings = file.find_array<std::string>("a.key");
  ASSERT_NE(strings, nullptr);
  EXPECT_EQ((*strings)[1], "yz");
  EXPECT_EQ(file.find_array<float>("another.key"), nullptr);
  EXPECT_THROW(file.find_array<float>("a.key"), Error);
}

TEST_F(GgufGet, MissingKeys) {
  const GgufFile file = file_with(std::uint32_t{1});
  EXPECT_EQ(file.get_if<std::uint32_t>("b.key"), std::nullopt);
  EXPECT_EQ(file.get_or<std::uint32_t>("b.key", 9), 9u);
  EXPECT_EQ(file.get_or<std::uint32_t>("a.key", 9), 1u);
  EXPECT_THROW(file.get_or<std::string>("a.key", "x"), Error) << "a wrong type is not a missing key";
  try {
    file.get_u32("b.key");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.what(), path_ + ": key b.key: expected u32, found no such key");
  }
}

TEST_F(GgufGet, LongAndHostileTextIsShownSafely) {
  refuses<bool>("\x1b[2J\n\xff", "expected bool, found string \"\\x1b[2J\\x0a\\xff\"");
  refuses<bool>(std::string(1000, 'x'),
                "expected bool, found string \"" + std::string(80, 'x') + "... (1000 bytes)\"");
}

}  // namespace
}  // namespace garam
