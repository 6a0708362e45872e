// Weight formats: packing loses nothing, refuses what is not finite, and pads with zero rows.
#include "tensor/weight_format.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "support/pack.h"
#include "tensor/half.h"

namespace garam {
namespace {

constexpr std::size_t kRows = kernels::kPanelRows;

std::vector<float> random_values(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> values(count);
  for (float& v : values) v = (static_cast<float>(random() >> 8) * 0x1p-23f - 1.0f) * 3.0f;
  return values;
}

std::vector<std::byte> encode_rows(const WeightFormat& format, const std::vector<float>& values,
                                   std::size_t rows, std::size_t k) {
  std::vector<std::byte> bytes(rows * format.row_bytes(k));
  for (std::size_t r = 0; r < rows; ++r) {
    format.encode(values.data() + r * k, k, bytes.data() + r * format.row_bytes(k));
  }
  return bytes;
}

std::vector<float> unpack_panel(const WeightFormat& format, const std::vector<std::byte>& panel,
                                std::size_t k) {
  std::vector<float> out(kRows * k);
  for (std::size_t r = 0; r < kRows; ++r) format.unpack(panel.data(), r, k, out.data() + r * k);
  return out;
}

/// The largest error encode() may make on one value: half a step of the format at this block.
float largest_error(const WeightFormat& format, const float* block_values, std::size_t count, float value) {
  float amax = 0;
  for (std::size_t i = 0; i < count; ++i) amax = std::fmax(amax, std::fabs(block_values[i]));
  if (format.name == "f32") return 0;
  if (format.name == "f16") return std::fabs(value) * 0x1p-11f + 0x1p-25f;
  if (format.name == "bf16") return std::fabs(value) * 0x1p-8f;
  // Half a step, and the f16 scale may be off by 2^-11 over the range; q4_0's positive end is one step short.
  if (format.name == "q8_0") return amax / 127 * 0.5f + amax * 0x1p-10f;
  return amax / 8 * 1.02f;
}

/// Formats that garam also writes.
std::vector<const WeightFormat*> written_formats() {
  std::vector<const WeightFormat*> written;
  for (const WeightFormat* format : weight_formats()) {
    if (format->encode != nullptr) written.push_back(format);
  }
  return written;
}

class EveryFormat : public testing::TestWithParam<const WeightFormat*> {};

TEST_P(EveryFormat, EncodePackUnpackKeepsValues) {
  const WeightFormat& format = *GetParam();
  for (const std::size_t k : {32u, 64u, 96u, 320u}) {
    for (const std::size_t rows : {1u, 31u, 32u}) {
      const auto values = random_values(rows * k, static_cast<unsigned>(k + rows));
      const auto bytes = encode_rows(format, values, rows, k);
      std::vector<std::byte> panel(panel_bytes(format.format, k), std::byte{0x5a});
      ASSERT_TRUE(format.pack(bytes.data(), rows, k, panel.data()));
      const auto out = unpack_panel(format, panel, k);
      for (std::size_t i = 0; i < rows * k; ++i) {
        const std::size_t block = i / 32 * 32;
        ASSERT_NEAR(out[i], values[i], largest_error(format, values.data() + block, 32, values[i])) << i;
      }
      for (std::size_t i = rows * k; i < kRows * k; ++i) ASSERT_EQ(out[i], 0.0f) << i;
    }
  }
}

TEST_P(EveryFormat, RefusesWhatIsNotFinite) {
  const WeightFormat& format = *GetParam();
  const std::size_t k = 64, rows = 3;
  for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    auto bytes = encode_rows(format, random_values(rows * k, 7), rows, k);
    std::byte* place =
        bytes.data() + 2 * format.row_bytes(k);  // first number of the last row: weight or scale
    if (format.name == "f32") {
      std::memcpy(place, &bad, 4);
    } else {
      const std::uint16_t bits = format.name == "bf16" ? float_to_bf16(bad) : float_to_half(bad);
      std::memcpy(place, &bits, 2);
    }
    std::vector<std::byte> panel(panel_bytes(format.format, k));
    EXPECT_FALSE(format.pack(bytes.data(), rows, k, panel.data()));
  }
}

/// Every format, also those that are only read.
class ReadFormat : public testing::TestWithParam<const WeightFormat*> {};

TEST_P(ReadFormat, PacksAsDrawnAndUnpacksWhatTheFileMeans) {
  const WeightFormat& format = *GetParam();
  test::Random random(test::test_seed());
  const std::size_t step = format.block == 256 ? 256 : 32;
  for (const std::size_t blocks : {1u, 2u, 3u}) {
    const std::size_t k = blocks * step;
    for (const std::size_t rows : {1u, 31u, 32u}) {
      const auto weights = test::random_weights(random, format.format, rows, k, test::Values::kPlain);
      ASSERT_EQ(weights.row_bytes, format.row_bytes(k));
      std::vector<std::byte> panel(panel_bytes(format.format, k), std::byte{0x5a}), drawn(panel.size());
      ASSERT_TRUE(format.pack(weights.bytes.data(), rows, k, panel.data()));
      test::pack_panels(weights, drawn.data());
      // Rows that are not there may hold any integers: their scales are zero.
      if (rows == kRows) {
        ASSERT_EQ(panel, drawn);
      }
      const auto out = unpack_panel(format, panel, k);
      for (std::size_t i = 0; i < rows * k; ++i) {
        const test::WeightParts parts = test::weight_parts(weights, i / k, i % k);
        ASSERT_EQ(out[i], static_cast<float>(parts.product + parts.minimum)) << i;
      }
      for (std::size_t i = rows * k; i < kRows * k; ++i) ASSERT_EQ(out[i], 0.0f) << i;
    }
  }
}

TEST_P(ReadFormat, RefusesScalesThatAreNotFinite) {
  const WeightFormat& format = *GetParam();
  test::Random random(test::test_seed());
  const std::size_t k = 512, rows = 3;
  const auto good = test::random_weights(random, format.format, rows, k, test::Values::kPlain);
  std::vector<std::byte> panel(panel_bytes(format.format, k));
  ASSERT_TRUE(format.pack(good.bytes.data(), rows, k, panel.data()));
  const std::size_t last_block = good.bytes.size() - format.block_bytes;
  const auto refused = [&](std::size_t at, std::uint16_t bits, std::size_t size) {
    auto bytes = good.bytes;
    std::memcpy(bytes.data() + last_block + at, &bits, size);
    return !format.pack(bytes.data(), rows, k, panel.data());
  };
  if (format.name == "mxfp4") {
    EXPECT_TRUE(refused(0, 255, 1));
    return;
  }
  if (format.block == 1) return;  // weights themselves: EveryFormat
  const test::HalfPlaces halves = test::half_places(format.format);
  for (std::size_t n = 0; n < halves.count; ++n) {
    EXPECT_TRUE(refused(halves.at[n], 0x7c00, 2));
    EXPECT_TRUE(refused(halves.at[n], 0xfe01, 2));
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, ReadFormat,
                         testing::ValuesIn(weight_formats().begin(), weight_formats().end()),
                         [](const auto& info) { return std::string(info.param->name); });

INSTANTIATE_TEST_SUITE_P(Formats, EveryFormat, testing::ValuesIn(written_formats()),
                         [](const auto& info) { return std::string(info.param->name); });

TEST(WeightFormats, ExtremeIntegersSurvive) {
  // -128 is legal in q8_0 files although no encoder writes it; 15 and 0 are the ends of q4_0.
  std::vector<std::byte> row(34, std::byte{0x80});
  const std::uint16_t one = float_to_half(1.0f);
  std::memcpy(row.data(), &one, 2);
  std::vector<std::byte> panel(panel_bytes(kernels::Format::kQ8_0, 32));
  std::vector<float> out(32);
  ASSERT_TRUE(kFormatQ8_0.pack(row.data(), 1, 32, panel.data()));
  kFormatQ8_0.unpack(panel.data(), 0, 32, out.data());
  for (const float v : out) EXPECT_EQ(v, -128.0f);

  row.assign(18, std::byte{0xf0});
  std::memcpy(row.data(), &one, 2);
  panel.resize(panel_bytes(kernels::Format::kQ4_0, 32));
  ASSERT_TRUE(kFormatQ4_0.pack(row.data(), 1, 32, panel.data()));
  kFormatQ4_0.unpack(panel.data(), 0, 32, out.data());
  for (std::size_t i = 0; i < 32; ++i) EXPECT_EQ(out[i], i < 16 ? -8.0f : 7.0f);
}

TEST(WeightFormats, TinyBf16WeightsAreZero) {
  for (const float v : {0x1p-51f, -0x1p-51f, 0x1.fep-51f}) {
    EXPECT_EQ(bf16_to_float(flush_bf16(float_to_bf16(v))), 0.0f);
  }
  EXPECT_EQ(bf16_to_float(flush_bf16(float_to_bf16(-0x1p-50f))), -0x1p-50f);
}

TEST(Half, ConvertsBackExactly) {
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    const float value = half_to_float(static_cast<std::uint16_t>(bits));
    if (std::isnan(value)) continue;
    ASSERT_EQ(float_to_half(value), bits);
  }
}

TEST(Half, RoundsToNearestEven) {
  EXPECT_EQ(float_to_half(1.0f + 0x1p-11f), float_to_half(1.0f));              // tie to even
  EXPECT_EQ(float_to_half(1.0f + 0x1.8p-10f), float_to_half(1.0f + 0x1p-9f));  // tie to even, upwards
  EXPECT_EQ(float_to_half(65519.0f), 0x7bff);
  EXPECT_EQ(float_to_half(65520.0f), 0x7c00);
  EXPECT_EQ(float_to_half(0x1p-25f), 0);  // half of the smallest subnormal: tie to zero
  EXPECT_EQ(float_to_half(0x1.8p-25f), 1);
  EXPECT_EQ(float_to_half(-0x1.8p-24f), 0x8002);  // tie to even
}

}  // namespace
}  // namespace garam
