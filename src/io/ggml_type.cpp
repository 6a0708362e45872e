// One row per type. A block's bytes are its scales and its packed values, given as that sum.
#include "io/ggml_type.h"

#include <algorithm>

#include "base/format.h"

namespace garam {
namespace {

constexpr GgmlType kTypes[] = {
    {0, "f32", 1, 4},
    {1, "f16", 1, 2},
    {2, "q4_0", 32, 2 + 16},
    {3, "q4_1", 32, 4 + 16},
    {6, "q5_0", 32, 2 + 4 + 16},
    {7, "q5_1", 32, 4 + 4 + 16},
    {8, "q8_0", 32, 2 + 32},
    {9, "q8_1", 32, 4 + 32},
    {10, "q2_K", 256, 4 + 16 + 64},
    {11, "q3_K", 256, 2 + 12 + 32 + 64},
    {12, "q4_K", 256, 4 + 12 + 128},
    {13, "q5_K", 256, 4 + 12 + 32 + 128},
    {14, "q6_K", 256, 2 + 16 + 64 + 128},
    {15, "q8_K", 256, 4 + 32 + 256},
    {16, "iq2_xxs", 256, 2 + 64},
    {17, "iq2_xs", 256, 2 + 8 + 64},
    {18, "iq3_xxs", 256, 2 + 96},
    {19, "iq1_s", 256, 2 + 16 + 32},
    {20, "iq4_nl", 32, 2 + 16},
    {21, "iq3_s", 256, 2 + 4 + 104},
    {22, "iq2_s", 256, 2 + 16 + 64},
    {23, "iq4_xs", 256, 2 + 2 + 4 + 128},
    {24, "i8", 1, 1},
    {25, "i16", 1, 2},
    {26, "i32", 1, 4},
    {27, "i64", 1, 8},
    {28, "f64", 1, 8},
    {29, "iq1_m", 256, 8 + 16 + 32},
    {30, "bf16", 1, 2},
    {34, "tq1_0", 256, 2 + 4 + 48},
    {35, "tq2_0", 256, 2 + 64},
    {39, "mxfp4", 32, 1 + 16},
    {40, "nvfp4", 64, 4 + 32},
    {41, "q1_0", 128, 2 + 16},
    {42, "q2_0", 64, 2 + 16},
};

struct Removed {
  std::uint32_t id;
  std::string_view name;
};
constexpr Removed kRemoved[] = {{4, "q4_2"},      {5, "q4_3"},        {31, "q4_0_4_4"},   {32, "q4_0_4_8"},
                                {33, "q4_0_8_8"}, {36, "iq4_nl_4_4"}, {37, "iq4_nl_4_8"}, {38, "iq4_nl_8_8"}};

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

std::span<const GgmlType> ggml_types() {
  return kTypes;
}

const GgmlType* find_ggml_type(std::uint32_t id) {
  const auto* found =
      std::find_if(std::begin(kTypes), std::end(kTypes), [&](const GgmlType& t) { return t.id == id; });
  return found == std::end(kTypes) ? nullptr : found;
}

const GgmlType* find_ggml_type(std::string_view name) {
  const auto* found = std::find_if(std::begin(kTypes), std::end(kTypes), [&](const GgmlType& t) {
    return std::equal(t.name.begin(), t.name.end(), name.begin(), name.end(),
                      [](char a, char b) { return lower(a) == lower(b); });
  });
  return found == std::end(kTypes) ? nullptr : found;
}

std::string describe_missing_ggml_type(std::uint32_t id) {
  for (const Removed& removed : kRemoved) {
    if (removed.id == id) return formatted("{} ({}, removed from the format)", id, removed.name);
  }
  return formatted("{} (unknown)", id);
}

}  // namespace garam
