// Portable matmul against sums in double over the weights as a model file holds them: unpacked rows, so that
// neither a packing bug nor a misread layout can hide.
#include <gtest/gtest.h>

#include <cmath>

#include "support/kernel_tables.h"
#include "support/pack.h"

namespace garam::test {
namespace {

using kernels::Format;

constexpr double kRounding = 0x1p-24;

/// Activations in the form of a format, and the exact values that they stand for.
struct Activations {
  std::vector<float> f32;
  std::vector<std::uint16_t> bf16;
  std::vector<kernels::ActivationBlock> q8;
  std::vector<double> exact;
};

Activations activations(Random& random, Format format, std::size_t rows, std::size_t k) {
  const kernels::Table& table = portable_table();
  const std::size_t even = (k + 1) / 2 * 2;
  const std::size_t blocks = k / 32;
  Activations a;
  a.f32.resize(rows * k);
  a.bf16.resize(rows * even);
  a.q8.resize(rows * blocks);
  for (float& x : a.f32) x = 3 * random.uniform();
  for (std::size_t t = 0; t < rows; ++t) {
    const float* x = &a.f32[t * k];
    table.round_bf16(x, k, &a.bf16[t * even]);
    if (k % 32 == 0) table.quantize_q8(x, k, &a.q8[t * blocks]);
    for (std::size_t i = 0; i < k; ++i) {
      switch (kernels::activation_form(format)) {
        case kernels::ActivationForm::kF32:
          a.exact.push_back(x[i]);
          break;
        case kernels::ActivationForm::kBf16:
          a.exact.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(a.bf16[t * even + i]) << 16));
          break;
        case kernels::ActivationForm::kQ8:
          const kernels::ActivationBlock& block = a.q8[t * blocks + i / 32];
          a.exact.push_back(static_cast<double>(block.scale) * block.q[i % 32]);
      }
    }
  }
  return a;
}

class MatmulAnswers : public testing::TestWithParam<Format> {};

TEST_P(MatmulAnswers, AgreeWithDouble) {
  const Format format = GetParam();
  const bool q8 = kernels::activation_form(format) == kernels::ActivationForm::kQ8;
  Random random(test_seed());
  std::vector<std::size_t> ks{1, 31, 96, 333};
  if (q8)
    ks = file_block(format).values == 256 ? std::vector<std::size_t>{256, 768}
                                          : std::vector<std::size_t>{32, 96, 512};
  for (const std::size_t k : ks) {
    constexpr std::size_t kRows = 3;
    const FileWeights weights = random_weights(random, format, 45, k, Values::kPlain);
    const std::size_t panels = panel_count(weights);
    std::vector<std::byte> packed(panels * kernels::panel_bytes(format, k));
    pack_panels(weights, packed.data());
    const Activations a = activations(random, format, kRows, k);
    const bool bf16 = format == Format::kBf16;
    std::vector<float> out(kRows * panels * 32, 7.0f);
    kernels::Matmul m{packed.data(), panels,     k, nullptr, q8 ? k / 32 : bf16 ? (k + 1) / 2 * 2 : k, kRows,
                      out.data(),    panels * 32};
    m.x = q8     ? static_cast<const void*>(a.q8.data())
          : bf16 ? static_cast<const void*>(a.bf16.data())
                 : static_cast<const void*>(a.f32.data());
    portable_table().matmul[static_cast<std::size_t>(format)](m);
    for (std::size_t t = 0; t < kRows; ++t) {
      for (std::size_t row = 0; row < panels * 32; ++row) {
        const float found = out[t * panels * 32 + row];
        if (row >= weights.rows) {
          ASSERT_EQ(found, 0.0f) << "padding row " << row;
          continue;
        }
        double exact = 0;
        double magnitude = 0;
        for (std::size_t i = 0; i < k; ++i) {
          const WeightParts weight = weight_parts(weights, row, i);
          const double x = a.exact[t * k + i];
          exact += (weight.product + weight.minimum) * x;
          magnitude += std::abs(weight.product * x) + std::abs(weight.minimum * x);
        }
        // Every fma rounds a partial sum, which is at most `magnitude`, one or two a block; what it adds is a
        // product of one more rounding, two for iq4_xs and the minimums of K formats.
        const double steps = q8 ? 2 * static_cast<double>(k / 32) + 2 : static_cast<double>(k);
        ASSERT_NEAR(found, exact, steps * magnitude * kRounding * 1.001)
            << to_string(format) << " k " << k << " row " << row;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, MatmulAnswers, testing::ValuesIn(all_formats()),
                         [](const auto& info) { return to_string(info.param); });

// The order that the contract writes down, in numbers where another order gives another result.
TEST(MatmulOrder, F32AscendsFusedAndBf16TakesTheOddElementFirst) {
  std::vector<float> panel(3 * 32, 0.0f);
  const float w[] = {0x1p+24f, 1.0f, -0x1p+24f};
  for (std::size_t k = 0; k < 3; ++k) panel[k * 32 + 5] = w[k];
  const float x[] = {1, 1, 1};
  float out[32];
  kernels::Matmul m{reinterpret_cast<const std::byte*>(panel.data()), 1, 3, x, 3, 1, out, 32};
  portable_table().matmul[static_cast<std::size_t>(Format::kF32)](m);
  EXPECT_EQ(out[5], 0.0f);  // 2^24 + 1 rounds to 2^24
  EXPECT_EQ(out[4], 0.0f);

  // bf16: pair 0 leaves 2^24 in the accumulator; in pair 1 one element takes it away, the other adds 1.
  const auto bf16 = [](float v) { return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(v) >> 16); };
  const auto two_pairs = [&](float even, float odd) {
    std::vector<std::uint16_t> pairs(2 * 64, 0);
    pairs[9 * 2] = bf16(0x1p+24f);
    pairs[64 + 9 * 2] = bf16(even);
    pairs[64 + 9 * 2 + 1] = bf16(odd);
    const std::uint16_t ones[] = {bf16(1), bf16(1), bf16(1), bf16(1)};
    m = {reinterpret_cast<const std::byte*>(pairs.data()), 1, 4, ones, 4, 1, out, 32};
    portable_table().matmul[static_cast<std::size_t>(Format::kBf16)](m);
    return out[9];
  };
  EXPECT_EQ(two_pairs(1.0f, -0x1p+24f), 1.0f);
  EXPECT_EQ(two_pairs(-0x1p+24f, 1.0f), 0.0f);  // 2^24 + 1 rounds to 2^24
}

// fl(d * scale) is rounded before the fma: a contraction would keep more bits.
TEST(MatmulOrder, Q8RoundsTheScaleProduct) {
  std::vector<std::byte> panel(1088, std::byte{128});
  const std::uint16_t d = 0x3c01;  // 1 + 2^-10
  std::memcpy(panel.data(), &d, 2);
  panel[64] = std::byte{129};  // weight 1 at row 0, k 0
  kernels::ActivationBlock block{};
  block.q[0] = 3;
  block.scale = 1 + 0x1p-23f;
  block.half_sum[0] = 3;
  block.minus_8_sums = -24;
  block.minus_128_sums = -384;
  block.minus_lanes[0][0] = block.minus_all_lanes[0] = -3;
  float out[32];
  const kernels::Matmul m{panel.data(), 1, 32, &block, 1, 1, out, 32};
  portable_table().matmul[static_cast<std::size_t>(Format::kQ8_0)](m);
  const float product = (1 + 0x1p-10f) * block.scale;
  EXPECT_EQ(out[0], product * 3.0f);
}

}  // namespace
}  // namespace garam::test
