// Portable one-row kernels against values worked out by hand and against the same formula in double. Bounds
// are in units of 2^-24, one rounding; the reason stands beside each.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "support/kernel_tables.h"
#include "support/random.h"

namespace garam::test {
namespace {

constexpr double kRounding = 0x1p-24;
const kernels::Table& table = portable_table();
constexpr auto kF16 = static_cast<std::size_t>(kernels::KvFormat::kF16);
constexpr auto kF32 = static_cast<std::size_t>(kernels::KvFormat::kF32);
constexpr auto kQ8_0 = static_cast<std::size_t>(kernels::KvFormat::kQ8_0);

std::vector<float> random_row(Random& random, std::size_t n, float scale) {
  std::vector<float> row(n);
  for (float& x : row) x = scale * random.uniform();
  return row;
}

TEST(VectorAnswers, RmsNorm) {
  const float x[] = {3, -4, 0, 0};
  const float w[] = {1, 2, 3, 4};
  float y[4];
  table.rms_norm(x, w, 4, 0.0f, y);  // mean square 25 / 4, root 2.5
  EXPECT_FLOAT_EQ(y[0], 1.2f);
  EXPECT_FLOAT_EQ(y[1], -3.2f);
  EXPECT_EQ(y[2], 0.0f);

  Random random(test_seed());
  for (const std::size_t n : {1, 15, 16, 17, 100, 2048}) {
    const auto in = random_row(random, n, 3);
    const auto weight = random_row(random, n, 2);
    std::vector<float> out(n);
    table.rms_norm(in.data(), weight.data(), n, 1e-5f, out.data());
    double squares = 0;
    for (const float v : in) squares += static_cast<double>(v) * v;
    const double r = 1 / std::sqrt(squares / static_cast<double>(n) + 1e-5f);
    // A stripe of n / 16 terms rounds that often, half of it after the root; 8 roundings for the rest.
    const double bound = (static_cast<double>(n) / 32 + 8) * kRounding;
    for (std::size_t i = 0; i < n; ++i) {
      const double exact = in[i] * r * weight[i];
      ASSERT_NEAR(out[i], exact, std::abs(exact) * bound + 1e-44) << n << " " << i;
    }
  }
}

TEST(VectorAnswers, LayerNorm) {
  const float x[] = {1, 2, 3, 6};
  const float w[] = {1, 1, 2, 1};
  const float b[] = {0, 1, 0, 0};
  float y[4];
  table.layer_norm(x, w, b, 4, 0.0f, y);  // mean 3, variance (4 + 1 + 0 + 9) / 4 = 3.5
  EXPECT_FLOAT_EQ(y[0], static_cast<float>(-2 / std::sqrt(3.5)));
  EXPECT_FLOAT_EQ(y[1], static_cast<float>(1 - 1 / std::sqrt(3.5)));
  EXPECT_EQ(y[2], 0.0f);
  table.layer_norm(x, w, nullptr, 4, 0.0f, y);
  EXPECT_FLOAT_EQ(y[1], static_cast<float>(-1 / std::sqrt(3.5)));

  Random random(test_seed());
  for (const std::size_t n : {2, 15, 16, 17, 100, 2048}) {
    const auto in = random_row(random, n, 3);
    const auto weight = random_row(random, n, 2);
    const auto bias = random_row(random, n, 1);
    std::vector<float> out(n);
    table.layer_norm(in.data(), weight.data(), bias.data(), n, 1e-5f, out.data());
    double mean = 0;
    for (const float v : in) mean += v;
    mean /= static_cast<double>(n);
    double squares = 0;
    for (const float v : in) squares += (v - mean) * (v - mean);
    const double r = 1 / std::sqrt(squares / static_cast<double>(n) + 1e-5f);
    // The mean is off by up to (n / 16 + 6) roundings of 3, the largest |x|, and moves every element.
    const double bound = (static_cast<double>(n) / 16 + 16) * kRounding;
    for (std::size_t i = 0; i < n; ++i) {
      const double scaled = (in[i] - mean) * r * weight[i];
      ASSERT_NEAR(out[i], scaled + bias[i], bound * (std::abs(scaled) + std::abs(bias[i]) + 6 * r)) << n;
    }
  }
}

TEST(VectorAnswers, Activations) {
  std::vector<float> x;
  for (float v = -100; v <= 100; v += 0.37f) x.push_back(v);
  x.push_back(0.0f);
  const std::vector<float> up(x.size(), 1.5f);
  std::vector<float> silu(x.size());
  std::vector<float> gelu(x.size());
  table.silu_mul(x.data(), up.data(), x.size(), silu.data());
  table.gelu_tanh(x.data(), x.size(), gelu.data());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = x[i];
    const double s = v / (1 + std::exp(-v)) * 1.5;
    // exp 1.8 roundings of up to itself, sum, quotient and product one each; below exp's cut the result is 0.
    ASSERT_NEAR(silu[i], s, std::abs(s) * 6 * kRounding + 1e-36) << v;
    const double u = 2 * std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v);
    const double g = v / (1 + std::exp(-u));
    // exp magnifies the three roundings of its argument and of the constants by |u|.
    ASSERT_NEAR(gelu[i], g, std::abs(g) * (6 + 6 * std::abs(u)) * kRounding + 1e-34) << v;
  }
  EXPECT_EQ(silu.back(), 0.0f);
  EXPECT_EQ(gelu.back(), 0.0f);
}

TEST(VectorAnswers, SwigluClamped) {
  std::vector<float> gate, up;
  for (float v = -100; v <= 100; v += 0.37f) {
    for (const float u : {-9.0f, -7.0f, -1.0f, 0.25f, 6.5f, 30.0f}) {
      gate.push_back(v);
      up.push_back(u);
    }
  }
  std::vector<float> out(gate.size());
  table.swiglu_clamped(gate.data(), up.data(), gate.size(), 1.702f, 7.0f, out.data());
  for (std::size_t i = 0; i < out.size(); ++i) {
    const double alpha = 1.702f;
    const double g = std::min<double>(gate[i], 7), u = std::clamp<double>(up[i], -7, 7);
    const double exact = g / (1 + std::exp(-alpha * g)) * (u + 1);
    // As of SiLU above, and exp magnifies the rounding of its argument by that; below exp's cut the result is
    // 0.
    ASSERT_NEAR(out[i], exact, std::abs(exact) * (7 + std::abs(alpha * g)) * kRounding + 1e-34) << gate[i];
  }
}

TEST(VectorAnswers, SoftCap) {
  for (const float cap : {1.0f, 30.0f}) {
    std::vector<float> x = {0.0f, -0.0f, 1e-30f, 0.62499994f * cap, 0.625f * cap, INFINITY, -INFINITY};
    for (float v = -20; v <= 20; v += 0.0371f) x.push_back(v * cap);
    std::vector<float> y = x;
    table.soft_cap(y.data(), y.size(), cap);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double exact = std::tanh(static_cast<double>(x[i]) / cap) * cap;
      // Quotient, product, four fma and the polynomial's own error; above 0.625 exp, sum, quotient,
      // difference.
      ASSERT_NEAR(y[i], exact, std::abs(exact) * 8 * kRounding) << x[i] << " capped at " << cap;
    }
    EXPECT_EQ(y[5], cap);
    EXPECT_EQ(y[6], -cap);
  }
  float nan = NAN;
  table.soft_cap(&nan, 1, 2.0f);
  EXPECT_TRUE(std::isnan(nan));
}

TEST(VectorAnswers, AddDivideFinite) {
  float x[] = {1, 2, -3};
  const float y[] = {0.5f, -2, 1};
  table.add(x, y, 3);
  EXPECT_EQ(x[0], 1.5f);
  EXPECT_EQ(x[1], 0.0f);
  EXPECT_EQ(x[2], -2.0f);
  float z[] = {2, 3, -4};
  table.multiply(z, y, 3);
  EXPECT_EQ(z[0], 1.0f);
  EXPECT_EQ(z[1], -6.0f);
  table.scale(z, 3, -0.5f);
  EXPECT_EQ(z[1], 3.0f);
  float sum[] = {1, 1, 1};
  table.add_scaled(sum, z, 3, 2.0f);
  EXPECT_EQ(sum[1], 7.0f);
  EXPECT_EQ(z[2], 2.0f);
  table.divide(x, 3, 4.0f);
  EXPECT_EQ(x[0], 0.375f);
  EXPECT_EQ(x[2], -0.5f);
  EXPECT_TRUE(table.all_finite(x, 3));
  for (const float bad : {INFINITY, -INFINITY, NAN}) {
    for (std::size_t i = 0; i < 40; ++i) {
      std::vector<float> row(40, std::numeric_limits<float>::max());
      EXPECT_TRUE(table.all_finite(row.data(), row.size()));
      row[i] = bad;
      EXPECT_FALSE(table.all_finite(row.data(), row.size()));
    }
  }
  EXPECT_TRUE(table.all_finite(x, 0));
}

TEST(VectorAnswers, Rope) {
  // A quarter turn of the first pair, none of the second; the last two of the six dimensions stay.
  const float cos[] = {0, 1};
  const float sin[] = {1, 0};
  float adjacent[] = {1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60};
  table.rope_adjacent(adjacent, 2, 6, cos, sin, 2);
  const float want_adjacent[] = {-2, 1, 3, 4, 5, 6, -20, 10, 30, 40, 50, 60};
  float halves[] = {1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60};
  table.rope_halves(halves, 2, 6, cos, sin, 2);
  const float want_halves[] = {-3, 2, 1, 4, 5, 6, -30, 20, 10, 40, 50, 60};
  for (std::size_t i = 0; i < 12; ++i) {
    EXPECT_EQ(adjacent[i], want_adjacent[i]) << i;
    EXPECT_EQ(halves[i], want_halves[i]) << i;
  }
}

TEST(VectorAnswers, QuantizeQ8) {
  std::vector<float> x(96, 0.0f);
  x[3] = -127;
  x[4] = 63.5f;  // a tie: to even
  x[5] = 0.5f;   // a tie: to 0
  x[6] = 1.5f;   // a tie: to 2
  x[7] = -2.4f;
  x[40] = 0x1.fffffep-101f;  // below the smallest block maximum
  x[64] = 1;
  x[65] = INFINITY;
  kernels::ActivationBlock blocks[3];
  std::memset(static_cast<void*>(blocks), 99, sizeof blocks);
  table.quantize_q8(x.data(), 96, blocks);
  EXPECT_EQ(blocks[0].scale, 1.0f);
  EXPECT_EQ(blocks[0].q[3], -127);
  EXPECT_EQ(blocks[0].q[4], 64);
  EXPECT_EQ(blocks[0].q[5], 0);
  EXPECT_EQ(blocks[0].q[6], 2);
  EXPECT_EQ(blocks[0].q[7], -2);
  EXPECT_EQ(blocks[0].sum(), -127 + 64 + 2 - 2);
  EXPECT_EQ(blocks[1].scale, 0.0f);
  EXPECT_EQ(blocks[1].q[8], 0);
  EXPECT_EQ(blocks[1].sum(), 0);
  EXPECT_TRUE(std::isnan(blocks[2].scale));
  EXPECT_TRUE(std::isnan(blocks[2].scaled_sum));
  EXPECT_EQ(blocks[2].q[0], 0);
  EXPECT_EQ(blocks[2].sum(), 0);

  Random random(test_seed());
  for (int round = 0; round < 1000; ++round) {
    float amax = 0;
    for (std::size_t i = 0; i < 32; ++i) {
      x[i] = random.scaled(-99, 120);
      if (round % 2 == 0) x[i] = 7 * random.uniform();
      amax = std::max(amax, std::abs(x[i]));
    }
    kernels::ActivationBlock& b = blocks[0];
    table.quantize_q8(x.data(), 32, &b);
    int half[2] = {}, lane[2][2] = {};
    for (std::size_t i = 0; i < 32; ++i) {
      half[i / 16] += b.q[i];
      lane[i / 16][i / 2 % 2] += b.q[i];
      // Half a step, and three roundings of values up to amax.
      ASSERT_NEAR(static_cast<double>(b.q[i]) * b.scale, x[i], b.scale * 0.5 + amax * 3 * kRounding);
    }
    const int sum = half[0] + half[1];
    ASSERT_EQ(b.scaled_sum, b.scale * static_cast<float>(sum));
    ASSERT_EQ(b.minus_8_sums, -8 * sum);
    ASSERT_EQ(b.minus_128_sums, -128 * sum);
    for (std::size_t h = 0; h < 2; ++h) {
      ASSERT_EQ(b.half_sum[h], half[h]);
      ASSERT_EQ(b.minus_lanes[h][0], -lane[h][0]);
      ASSERT_EQ(b.minus_lanes[h][1], -lane[h][1]);
      ASSERT_EQ(b.minus_all_lanes[h], -lane[0][h] - lane[1][h]);
    }
  }
}

TEST(VectorAnswers, RoundBf16) {
  const float x[] = {1.0f,     0x1.01p+0f,   0x1.03p+0f, -0x1.fep-51f, 0x1.ffp-51f,
                     0x1p-50f, 0x1.ffp+127f, INFINITY,   NAN};
  std::uint16_t y[10];
  y[9] = 77;
  table.round_bf16(x, 9, y);
  EXPECT_EQ(y[0], 0x3f80);
  EXPECT_EQ(y[1], 0x3f80);           // a tie: to even
  EXPECT_EQ(y[2], 0x3f82);           // a tie: to even
  EXPECT_EQ(y[3], 0);                // below 2^-50, and not -0
  EXPECT_EQ(y[4], (127 - 50) << 7);  // rounds up to 2^-50, which stays
  EXPECT_EQ(y[5], (127 - 50) << 7);
  EXPECT_EQ(y[6], 0x7f80);  // rounds to infinity
  EXPECT_EQ(y[7], 0x7f80);
  EXPECT_GT(y[8] & 0x7fff, 0x7f80);
  EXPECT_EQ(y[9], 0);  // padding of an odd k
}

TEST(VectorAnswers, StoreKv) {
  constexpr std::size_t kDim = 20;
  std::vector<float> x(kDim);
  for (std::size_t d = 0; d < kDim; ++d) x[d] = static_cast<float>(d);
  x[1] = 1e9f;
  x[2] = -65520.0f;
  x[3] = 0x1p-25f;  // a tie below the smallest f16: to 0
  std::vector<std::uint16_t> k(64 * kDim, 0xabcd);
  std::vector<std::uint16_t> v(64 * 32, 0xabcd);
  EXPECT_TRUE(table.store_k[kF16](x.data(), kDim, k.data(), 37));
  EXPECT_TRUE(table.store_v[kF16](x.data(), kDim, v.data(), 37));
  const auto k_at = [&](std::size_t d) { return k[(2 * kDim + d) * 16 + 5]; };
  const auto v_at = [&](std::size_t d) { return v[37 * 32 + d]; };
  const std::uint16_t want[] = {0, 0x7bff, 0xfbff, 0, 0x4400, 0x4500};
  for (std::size_t d = 0; d < 6; ++d) {
    EXPECT_EQ(k_at(d), want[d]);
    EXPECT_EQ(v_at(d), want[d]);
  }
  EXPECT_EQ(v_at(kDim), 0xabcd);  // padding stays
  x[0] = NAN;
  x[19] = -INFINITY;
  EXPECT_FALSE(table.store_k[kF16](x.data(), kDim, k.data(), 37));
  EXPECT_FALSE(table.store_v[kF16](x.data(), kDim, v.data(), 37));
  EXPECT_EQ(k_at(0), 0);
  EXPECT_EQ(v_at(19), 0);
  std::vector<float> page(64 * 32, -1.0f);
  EXPECT_FALSE(table.store_v[kF32](x.data(), kDim, page.data(), 1));
  EXPECT_EQ(page[32], 0.0f);
  EXPECT_EQ(page[33], 1e9f);
  EXPECT_FALSE(table.store_k[kF32](x.data(), kDim, page.data(), 1));
  EXPECT_EQ(page[1 * 16 + 1], 1e9f);
  // Every slot and dimension has a place of its own.
  std::fill(k.begin(), k.end(), 0);
  const std::vector<float> ones(kDim, 1.0f);
  for (std::size_t slot = 0; slot < 64; ++slot)
    EXPECT_TRUE(table.store_k[kF16](ones.data(), kDim, k.data(), slot));
  for (const std::uint16_t element : k) ASSERT_EQ(element, 0x3c00);
}

/// Scales lie in front, one for 32 dimensions of a position; bytes as elements of the other types.
TEST(VectorAnswers, StoreKvQ8_0) {
  constexpr std::size_t kDim = 72, kStride = 80, kBlocks = 3, kSlot = 37;
  std::vector<float> x(kDim);
  for (std::size_t d = 0; d < 32; ++d) x[d] = 0.5f * static_cast<float>(d) - 4;
  x[5] = 127;   // scale 1
  x[6] = 0.5f;  // ties to even
  x[7] = -1.5f;
  for (std::size_t d = 32; d < 64; ++d) x[d] = 1e9f;  // beyond 127 * 65504
  x[40] = -3e38f;
  x[41] = 65504;
  x[64] = 0x1.7cp-18f;  // 127 * 1.5 * 2^-25, which rounds to a scale of 2^-24
  x[65] = -0x1p-23f;
  std::vector<std::int8_t> k(kBlocks * 128 + 64 * kDim, 99);
  std::vector<std::int8_t> v(kBlocks * 128 + 64 * kStride, 99);
  const auto check = [&](std::size_t d, std::uint16_t scale, int byte) {
    SCOPED_TRACE(d);
    const std::size_t at = (d / 32 * 64 + kSlot) * 2;
    std::uint16_t k_scale, v_scale;
    std::memcpy(&k_scale, &k[at], sizeof k_scale);
    std::memcpy(&v_scale, &v[at], sizeof v_scale);
    EXPECT_EQ(k_scale, scale);
    EXPECT_EQ(v_scale, scale);
    EXPECT_EQ(k[kBlocks * 128 + (2 * kDim + d) * 16 + 5], byte);
    EXPECT_EQ(v[kBlocks * 128 + kSlot * kStride + d], byte);
  };
  EXPECT_TRUE(table.store_k[kQ8_0](x.data(), kDim, k.data(), kSlot));
  EXPECT_TRUE(table.store_v[kQ8_0](x.data(), kDim, v.data(), kSlot));
  check(0, 0x3c00, -4);
  check(3, 0x3c00, -2);  // -2.5
  check(5, 0x3c00, 127);
  check(6, 0x3c00, 0);
  check(7, 0x3c00, -2);
  check(9, 0x3c00, 0);    // 0.5
  check(31, 0x3c00, 12);  // 11.5
  check(32, 0x7bff, 127);
  check(40, 0x7bff, -127);
  check(41, 0x7bff, 1);
  check(64, 1, 95);  // 95.25
  check(65, 1, -2);
  check(66, 1, 0);
  for (std::size_t d = kDim; d < kStride; ++d) EXPECT_EQ(v[kBlocks * 128 + kSlot * kStride + d], 99);
  // Neither infinity nor NaN counts, not even for the scale.
  x[1] = INFINITY;
  x[2] = -INFINITY;
  x[64] = NAN;
  x[65] = 0x1.fp-19f;  // 127 * 2^-26, about: a scale of 0
  EXPECT_FALSE(table.store_k[kQ8_0](x.data(), kDim, k.data(), kSlot));
  EXPECT_FALSE(table.store_v[kQ8_0](x.data(), kDim, v.data(), kSlot));
  check(1, 0x3c00, 0);
  check(2, 0x3c00, 0);
  check(3, 0x3c00, -2);
  check(64, 0, 0);
  check(65, 0, 0);
}

TEST(VectorAnswers, EveryTableIsComplete) {
  for (const KernelVariant& variant : kernel_variants()) {
    if (variant.missing != nullptr) continue;
    const kernels::Table& t = variant.table;
    EXPECT_NE(t.name, nullptr);
    for (std::size_t f = 0; f < kernels::kFormatCount; ++f) {
      EXPECT_NE(t.matmul[f], nullptr) << t.name << " " << f;
      EXPECT_NE(t.matmul_name[f], nullptr) << t.name << " " << f;
    }
    for (std::size_t f = 0; f < kernels::kKvFormatCount; ++f) {
      EXPECT_TRUE(t.attention[f] && t.store_k[f] && t.store_v[f]) << t.name << " " << f;
    }
    EXPECT_TRUE(t.quantize_q8 && t.round_bf16 && t.rms_norm && t.layer_norm && t.add && t.silu_mul &&
                t.swiglu_clamped && t.gelu_tanh && t.exp && t.rope_adjacent && t.rope_halves && t.divide &&
                t.multiply && t.add_scaled && t.scale && t.soft_cap && t.all_finite)
        << t.name;
  }
}

}  // namespace
}  // namespace garam::test
