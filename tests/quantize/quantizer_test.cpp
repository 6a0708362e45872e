// The search for scales, for every format that has them: what it writes means what it decided, it beats
// rounding with the obvious scale, importance moves the error, and no kernel table changes a byte.
#include "quantize/quantizer.h"

#include <cmath>
#include <numeric>

#include "support/each_variant.h"
#include "support/file_block.h"
#include "support/random.h"

namespace garam::test {
namespace {

constexpr std::size_t kColumns = 512, kRows = 5;

std::vector<const WeightFormat*> searched_formats() {
  std::vector<const WeightFormat*> formats;
  for (const WeightFormat* format : weight_formats()) {
    if (format->write != nullptr) formats.push_back(format);
  }
  return formats;
}

/// About normal, as weights are.
std::vector<float> weights(Random& random, std::size_t count) {
  std::vector<float> values(count);
  for (float& v : values)
    v = 0.02f * (random.uniform() + random.uniform() + random.uniform() + random.uniform());
  return values;
}

std::vector<std::byte> quantized(const kernels::Table& table, const WeightFormat& format,
                                 const std::vector<float>& values, const float* importance = nullptr,
                                 std::size_t k = kColumns) {
  std::vector<std::byte> bytes(values.size() / k * format.row_bytes(k));
  EXPECT_TRUE(
      quant::quantize_rows(table, format, values.data(), values.size() / k, k, importance, bytes.data()));
  return bytes;
}

std::vector<double> read_back(const WeightFormat& format, const std::vector<std::byte>& bytes) {
  std::vector<double> values;
  for (std::size_t at = 0; at < bytes.size(); at += format.block_bytes) {
    for (std::size_t i = 0; i < format.block; ++i) {
      values.push_back(file_value(format.format, bytes.data() + at, i).value());
    }
  }
  return values;
}

double weighted_error(const std::vector<float>& x, const std::vector<double>& y, const float* w = nullptr) {
  double error = 0, square = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double weight = w != nullptr ? w[i % kColumns] : 1.0;
    error += weight * (x[i] - y[i]) * (x[i] - y[i]);
    square += weight * x[i] * x[i];
  }
  return std::sqrt(error / square);
}

/// Relative rms error on these weights, measured with llama.cpp's quantiser on weights of the same
/// distribution: the bar that a search has to pass (docs/quantize.md).
double bar(const WeightFormat& format) {
  constexpr std::pair<std::string_view, double> kBars[] = {
      {"q8_0", 0.00536},  {"q4_0", 0.0860},   {"q4_1", 0.0783}, {"q5_0", 0.0427}, {"q5_1", 0.0379},
      {"q2_K", 0.297},    {"q3_K", 0.151},    {"q4_K", 0.0714}, {"q5_K", 0.0362}, {"q6_K", 0.0178},
      {"iq4_nl", 0.0762}, {"iq4_xs", 0.0768}, {"mxfp4", 0.115}};
  for (const auto& [name, error] : kBars) {
    if (name == format.name) return error;
  }
  ADD_FAILURE() << "no bar for " << format.name;
  return 0;
}

class Quantizer : public testing::TestWithParam<const WeightFormat*> {};
/// Formats with f16 scales: mxfp4's powers of two reach as far as f32 and leave importance nothing to move.
class HalfScales : public Quantizer {};

TEST_P(Quantizer, ErrorIsBelowTheBar) {
  Random random(test_seed());
  const std::vector<float> x = weights(random, 64 * kColumns);
  const auto y = read_back(*GetParam(), quantized(portable_table(), *GetParam(), x));
  EXPECT_LT(weighted_error(x, y), bar(*GetParam()));
}

TEST_P(Quantizer, EveryTableWritesTheSameBytes) {
  Random random(test_seed());
  const std::vector<float> x = weights(random, kRows * kColumns);
  std::vector<float> importance(kColumns);
  for (float& w : importance) w = std::fabs(random.uniform());
  for (const float* w : {static_cast<const float*>(nullptr), static_cast<const float*>(importance.data())}) {
    const auto expected = quantized(portable_table(), *GetParam(), x, w);
    for (const KernelVariant& variant : kernel_variants()) {
      if (variant.missing == nullptr) {
        EXPECT_EQ(quantized(variant.table, *GetParam(), x, w), expected) << variant.name;
      }
    }
  }
}

TEST_P(Quantizer, RowsDoNotDependOnTheirNeighbours) {
  Random random(test_seed());
  const std::vector<float> x = weights(random, kRows * kColumns);
  const auto all = quantized(portable_table(), *GetParam(), x);
  const std::size_t row_bytes = GetParam()->row_bytes(kColumns);
  for (std::size_t r = 0; r < kRows; ++r) {
    const std::vector<float> row(x.begin() + static_cast<std::ptrdiff_t>(r * kColumns),
                                 x.begin() + static_cast<std::ptrdiff_t>((r + 1) * kColumns));
    const auto one = quantized(portable_table(), *GetParam(), row);
    EXPECT_TRUE(std::equal(one.begin(), one.end(), all.begin() + static_cast<std::ptrdiff_t>(r * row_bytes)))
        << r;
  }
}

TEST_P(HalfScales, ImportanceMovesTheError) {
  Random random(test_seed());
  const std::vector<float> x = weights(random, 64 * kColumns);
  // Every fourth column matters a hundred times as much.
  std::vector<float> w(kColumns);
  for (std::size_t i = 0; i < kColumns; ++i) w[i] = i % 4 == 0 ? 1.0f : 0.01f;
  const auto plain = read_back(*GetParam(), quantized(portable_table(), *GetParam(), x));
  const auto weighted = read_back(*GetParam(), quantized(portable_table(), *GetParam(), x, w.data()));
  EXPECT_LT(weighted_error(x, weighted, w.data()), 0.97 * weighted_error(x, plain, w.data()));
  EXPECT_GT(weighted_error(x, weighted), weighted_error(x, plain));
}

TEST_P(Quantizer, ZerosAndExactValuesStay) {
  std::vector<float> x(kColumns, 0.0f);
  for (const double y : read_back(*GetParam(), quantized(portable_table(), *GetParam(), x)))
    ASSERT_EQ(y, 0.0);
  // One value of a block, at a power of two: every format holds it within half a step of its own scale.
  x[3] = -0.5f;
  const auto y = read_back(*GetParam(), quantized(portable_table(), *GetParam(), x));
  EXPECT_NEAR(y[3], -0.5, 0.5 / 16);
  for (std::size_t i = 256; i < kColumns; ++i) ASSERT_EQ(y[i], 0.0);
}

TEST_P(Quantizer, UnkindValues) {
  Random random(test_seed());
  for (const float size : {1e-38f, 1e-12f, 6e-8f, 1e-4f, 60000.0f}) {
    std::vector<float> x(kColumns);
    for (float& v : x) v = size * random.uniform();
    x[17] = size;
    const auto y = read_back(*GetParam(), quantized(portable_table(), *GetParam(), x));
    // Never farther off than nothing at all would be.
    double error = 0, square = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      ASSERT_TRUE(std::isfinite(y[i]));
      error += (x[i] - y[i]) * (x[i] - y[i]);
      square += static_cast<double>(x[i]) * x[i];
    }
    EXPECT_LE(error, 1.001 * square) << size;
  }
  // All the same, of either sign.
  for (const float v : {0.25f, -0.25f}) {
    const auto y =
        read_back(*GetParam(), quantized(portable_table(), *GetParam(), std::vector<float>(kColumns, v)));
    for (const double found : y) ASSERT_NEAR(found, v, 0.25 / 8);
  }
}

TEST_P(HalfScales, SaysWhatIsTooLarge) {
  std::vector<float> x(kColumns, 1e30f);
  std::vector<std::byte> bytes(GetParam()->row_bytes(kColumns));
  EXPECT_FALSE(
      quant::quantize_rows(portable_table(), *GetParam(), x.data(), 1, kColumns, nullptr, bytes.data()));
}

std::string format_name(const testing::TestParamInfo<const WeightFormat*>& info) {
  return std::string(info.param->name);
}
std::vector<const WeightFormat*> half_scales() {
  auto formats = searched_formats();
  std::erase(formats, &kFormatMxfp4);
  return formats;
}

INSTANTIATE_TEST_SUITE_P(Formats, Quantizer, testing::ValuesIn(searched_formats()), format_name);
INSTANTIATE_TEST_SUITE_P(Formats, HalfScales, testing::ValuesIn(half_scales()), format_name);

}  // namespace
}  // namespace garam::test
