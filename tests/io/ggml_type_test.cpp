// The table of tensor types against sizes given independently: bits per value as published.
#include "io/ggml_type.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace garam {
namespace {

struct Expected {
  std::uint32_t id;
  const char* name;
  std::uint32_t block;
  double bits_per_value;
};
constexpr Expected kExpected[] = {
    {0, "f32", 1, 32},
    {1, "f16", 1, 16},
    {2, "q4_0", 32, 4.5},
    {3, "q4_1", 32, 5},
    {6, "q5_0", 32, 5.5},
    {7, "q5_1", 32, 6},
    {8, "q8_0", 32, 8.5},
    {9, "q8_1", 32, 9},
    {10, "q2_K", 256, 2.625},
    {11, "q3_K", 256, 3.4375},
    {12, "q4_K", 256, 4.5},
    {13, "q5_K", 256, 5.5},
    {14, "q6_K", 256, 6.5625},
    {15, "q8_K", 256, 9.125},
    {16, "iq2_xxs", 256, 2.0625},
    {17, "iq2_xs", 256, 2.3125},
    {18, "iq3_xxs", 256, 3.0625},
    {19, "iq1_s", 256, 1.5625},
    {20, "iq4_nl", 32, 4.5},
    {21, "iq3_s", 256, 3.4375},
    {22, "iq2_s", 256, 2.5625},
    {23, "iq4_xs", 256, 4.25},
    {24, "i8", 1, 8},
    {25, "i16", 1, 16},
    {26, "i32", 1, 32},
    {27, "i64", 1, 64},
    {28, "f64", 1, 64},
    {29, "iq1_m", 256, 1.75},
    {30, "bf16", 1, 16},
    {34, "tq1_0", 256, 1.6875},
    {35, "tq2_0", 256, 2.0625},
    {39, "mxfp4", 32, 4.25},
    {40, "nvfp4", 64, 4.5},
    {41, "q1_0", 128, 1.125},
    {42, "q2_0", 64, 2.25},
};

TEST(GgmlType, EveryTypeHasThePublishedSize) {
  ASSERT_EQ(ggml_types().size(), std::size(kExpected));
  for (const Expected& expected : kExpected) {
    const GgmlType* type = find_ggml_type(expected.id);
    ASSERT_NE(type, nullptr) << expected.name;
    EXPECT_EQ(type->name, expected.name);
    EXPECT_EQ(type->block, expected.block) << expected.name;
    EXPECT_EQ(type->bytes_per_block * 8.0 / type->block, expected.bits_per_value) << expected.name;
    EXPECT_EQ(find_ggml_type(std::string_view(expected.name)), type);
  }
}

TEST(GgmlType, IdsRise) {
  for (std::size_t i = 1; i < ggml_types().size(); ++i) EXPECT_LT(ggml_types()[i - 1].id, ggml_types()[i].id);
}

TEST(GgmlType, NamesAreFoundInEitherCase) {
  EXPECT_EQ(find_ggml_type("Q4_k"), find_ggml_type(12u));
  EXPECT_EQ(find_ggml_type("BF16"), find_ggml_type(30u));
  EXPECT_EQ(find_ggml_type("q4_"), nullptr);
  EXPECT_EQ(find_ggml_type("q4_00"), nullptr);
}

TEST(GgmlType, RemovedAndUnknownIdsAreNamed) {
  for (const std::uint32_t id : {4u, 5u, 31u, 32u, 33u, 36u, 37u, 38u}) {
    EXPECT_EQ(find_ggml_type(id), nullptr);
    EXPECT_NE(describe_missing_ggml_type(id).find("removed"), std::string::npos) << id;
  }
  EXPECT_EQ(find_ggml_type(43u), nullptr);
  EXPECT_EQ(describe_missing_ggml_type(4294967295u), "4294967295 (unknown)");
}

}  // namespace
}  // namespace garam
