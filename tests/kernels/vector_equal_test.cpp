// Every one-row kernel of every table against portable, bit for bit: all lengths up to 70 and some larger,
// guard pages behind every buffer, bit patterns of every kind, in place where the contract allows it.
#include <sstream>

#include "support/compare.h"
#include "support/each_variant.h"
#include "support/guarded.h"
#include "support/kv.h"
#include "support/random.h"

namespace garam::test {
namespace {

using kernels::Table;

std::vector<std::size_t> lengths() {
  std::vector<std::size_t> all;
  for (std::size_t n = 1; n <= 70; ++n) all.push_back(n);
  for (const std::size_t n : {97, 127, 128, 129, 255, 257, 600, 1009, 2048}) all.push_back(n);
  return all;
}

Guarded<float> row(Random& random, Values values, std::size_t n) {
  Guarded<float> x(n);
  fill_random(random, values, x);
  return x;
}

Guarded<float> copy(const Guarded<float>& from) {
  Guarded<float> to(from.size());
  std::copy(from.begin(), from.end(), to.begin());
  return to;
}

class VectorEqual : public EachVariant {
 protected:
  /// body(random, values, n) for every length and kind of values.
  template <typename Body>
  void each_case(const Body& body) {
    std::uint64_t seed = test_seed();
    for (std::size_t repeat = 0; repeat < test_scale(); ++repeat) {
      for (const Values values : kAllValues) {
        for (const std::size_t n : lengths()) {
          Random random(++seed);
          body(random, values, n);
          if (HasFatalFailure()) {
            ADD_FAILURE() << "n " << n << ", values " << to_string(values) << ", seed " << seed << ", table "
                          << GetParam()->name;
            return;
          }
        }
      }
    }
  }

  /// A kernel x, y -> out: op(table, x, y, n, out), apart and with out in the place of x and of y.
  template <typename Op>
  void check_binary(const Op& op, bool in_place) {
    each_case([&](Random& random, Values values, std::size_t n) {
      Guarded<float> x = row(random, values, n);
      Guarded<float> y = row(random, values, n);
      Guarded<float> expected(n);
      Guarded<float> found(n);
      op(portable_table(), x.data(), y.data(), n, expected.data());
      x.freeze();
      y.freeze();
      op(table(), x.data(), y.data(), n, found.data());
      ASSERT_TRUE(same_bits(expected, found));
      if (!in_place) return;
      Guarded<float> over_x = copy(x);
      op(table(), over_x.data(), y.data(), n, over_x.data());
      ASSERT_TRUE(same_bits(expected, over_x)) << "in place of the first";
    });
  }
};

TEST_P(VectorEqual, Exp) {
  check_binary(
      [](const Table& t, const float* x, const float*, std::size_t n, float* out) { t.exp(x, n, out); },
      true);
}

TEST_P(VectorEqual, ExpOverItsRange) {
  Random random(test_seed());
  constexpr std::size_t kCount = 4096;
  Guarded<float> x(kCount);
  Guarded<float> expected(kCount);
  Guarded<float> found(kCount);
  for (std::size_t i = 0; i < 100 * test_scale(); ++i) {
    for (float& v : x) v = i % 4 == 0 ? random.scaled(-30, 8) : 90 * random.uniform();
    portable_table().exp(x.data(), kCount, expected.data());
    table().exp(x.data(), kCount, found.data());
    ASSERT_TRUE(same_bits(expected, found)) << "round " << i << ", seed " << test_seed();
  }
}

TEST_P(VectorEqual, ExpAroundItsCuts) {
  for (const float center : {-87.0f, 88.72f, 0x1p-126f, -0x1p-126f, 0x1.62e430p-2f, -0x1.62e430p-2f}) {
    Guarded<float> x(129);
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = std::bit_cast<float>(std::bit_cast<std::uint32_t>(center) - 64 + static_cast<std::uint32_t>(i));
    }
    Guarded<float> expected(x.size());
    Guarded<float> found(x.size());
    portable_table().exp(x.data(), x.size(), expected.data());
    table().exp(x.data(), x.size(), found.data());
    ASSERT_TRUE(same_bits(expected, found)) << "the middle one at " << center;
  }
}

TEST_P(VectorEqual, GeluTanh) {
  check_binary(
      [](const Table& t, const float* x, const float*, std::size_t n, float* out) { t.gelu_tanh(x, n, out); },
      true);
}

TEST_P(VectorEqual, SiluMul) {
  const auto op = [](const Table& t, const float* x, const float* y, std::size_t n, float* out) {
    t.silu_mul(x, y, n, out);
  };
  check_binary(op, true);
  const auto swapped = [](const Table& t, const float* x, const float* y, std::size_t n, float* out) {
    t.silu_mul(y, x, n, out);
  };
  check_binary(swapped, true);
}

TEST_P(VectorEqual, SwigluClamped) {
  for (const float limit : {7.0f, 0.5f}) {
    check_binary([limit](const Table& t, const float* x, const float* y, std::size_t n,
                         float* out) { t.swiglu_clamped(x, y, n, 1.702f, limit, out); },
                 true);
    check_binary([limit](const Table& t, const float* x, const float* y, std::size_t n,
                         float* out) { t.swiglu_clamped(y, x, n, 1.702f, limit, out); },
                 true);
  }
}

TEST_P(VectorEqual, RmsNorm) {
  for (const float eps : {0.0f, 1e-5f}) {
    check_binary([eps](const Table& t, const float* x, const float* w, std::size_t n,
                       float* out) { t.rms_norm(x, w, n, eps, out); },
                 true);
  }
}

TEST_P(VectorEqual, LayerNorm) {
  check_binary([](const Table& t, const float* x, const float* w, std::size_t n,
                  float* out) { t.layer_norm(x, w, nullptr, n, 1e-5f, out); },
               true);
  each_case([&](Random& random, Values values, std::size_t n) {
    Guarded<float> x = row(random, values, n);
    Guarded<float> w = row(random, Values::kPlain, n);
    Guarded<float> b = row(random, Values::kPlain, n);
    Guarded<float> expected(n);
    portable_table().layer_norm(x.data(), w.data(), b.data(), n, 1e-6f, expected.data());
    w.freeze();
    b.freeze();
    table().layer_norm(x.data(), w.data(), b.data(), n, 1e-6f, x.data());
    ASSERT_TRUE(same_bits(expected, x));
  });
}

TEST_P(VectorEqual, Add) {
  check_binary(
      [](const Table& t, const float* x, const float* y, std::size_t n, float* out) {
        std::copy(x, x + n, out);
        t.add(out, y, n);
      },
      false);
}

TEST_P(VectorEqual, Divide) {
  check_binary(
      [](const Table& t, const float* x, const float* y, std::size_t n, float* out) {
        std::copy(x, x + n, out);
        t.divide(out, n, y[0]);
      },
      false);
}

TEST_P(VectorEqual, Multiply) {
  check_binary(
      [](const Table& t, const float* x, const float* y, std::size_t n, float* out) {
        std::copy(x, x + n, out);
        t.multiply(out, y, n);
      },
      false);
}

TEST_P(VectorEqual, AddScaled) {
  check_binary(
      [](const Table& t, const float* x, const float* y, std::size_t n, float* out) {
        std::copy(x, x + n, out);
        t.add_scaled(out, y, n, 0.37f);
      },
      false);
}

TEST_P(VectorEqual, Scale) {
  check_binary(
      [](const Table& t, const float* x, const float* y, std::size_t n, float* out) {
        std::copy(x, x + n, out);
        t.scale(out, n, y[0]);
      },
      false);
}

TEST_P(VectorEqual, SoftCap) {
  for (const float cap : {0.01f, 1.0f, 30.0f}) {
    check_binary(
        [cap](const Table& t, const float* x, const float*, std::size_t n, float* out) {
          std::copy(x, x + n, out);
          t.soft_cap(out, n, cap);
        },
        false);
  }
}

TEST_P(VectorEqual, AllFinite) {
  each_case([&](Random& random, Values values, std::size_t n) {
    Guarded<float> x = row(random, values, n);
    ASSERT_EQ(portable_table().all_finite(x.data(), n), table().all_finite(x.data(), n));
    if (values == Values::kSpecial) return;
    ASSERT_TRUE(table().all_finite(x.data(), n));
    const float bad[] = {INFINITY, -INFINITY, NAN, std::bit_cast<float>(0xff800001u)};
    x[random.below(n)] = bad[random.below(4)];
    ASSERT_FALSE(table().all_finite(x.data(), n));
  });
  ASSERT_TRUE(table().all_finite(nullptr, 0));
}

TEST_P(VectorEqual, QuantizeQ8) {
  each_case([&](Random& random, Values values, std::size_t n) {
    const std::size_t blocks = (n + 15) / 16;
    Guarded<float> x = row(random, values, 32 * blocks);
    // Blocks around the smallest maximum that counts, and ties of the rounding.
    for (std::size_t b = 0; b < blocks; ++b) {
      const std::size_t kind = random.below(8);
      if (kind > 1) continue;
      for (std::size_t i = 0; i < 32; ++i) {
        x[b * 32 + i] =
            kind == 0 ? random.scaled(-102, -100) : static_cast<float>(random.below(255)) / 2 - 63.5f;
      }
      x[b * 32] = kind == 0
                      ? std::bit_cast<float>(std::bit_cast<std::uint32_t>(0x1p-100f) - random.bits() % 2)
                      : 127.0f;
    }
    x.freeze();
    Guarded<kernels::ActivationBlock> expected(blocks);
    Guarded<kernels::ActivationBlock> found(blocks);
    portable_table().quantize_q8(x.data(), x.size(), expected.data());
    table().quantize_q8(x.data(), x.size(), found.data());
    for (std::size_t b = 0; b < blocks; ++b) {
      const auto& e = expected[b];
      const auto& f = found[b];
      ASSERT_EQ(std::memcmp(e.q, f.q, sizeof e.q), 0);
      // A NaN is a NaN; whole numbers compare as they are.
      const float floats_expected[] = {e.scale, e.scaled_sum}, floats_found[] = {f.scale, f.scaled_sum};
      ASSERT_TRUE(same_bits(std::span(floats_expected), std::span(floats_found)));
      const auto sums = [](const kernels::ActivationBlock& x) {
        return std::array<int, 10>{x.minus_8_sums,      x.minus_128_sums,    x.half_sum[0],
                                   x.half_sum[1],       x.minus_lanes[0][0], x.minus_lanes[0][1],
                                   x.minus_lanes[1][0], x.minus_lanes[1][1], x.minus_all_lanes[0],
                                   x.minus_all_lanes[1]};
      };
      ASSERT_EQ(sums(e), sums(f));
    }
  });
}

TEST_P(VectorEqual, RoundBf16) {
  each_case([&](Random& random, Values values, std::size_t n) {
    Guarded<float> x = row(random, values, n);
    for (float& v : x) {
      if (random.below(10) == 0) v = random.scaled(-52, -49);
      if (random.below(10) == 0)
        v = std::bit_cast<float>((std::bit_cast<std::uint32_t>(v) & 0xffff0000u) | 0x8000u);
    }
    x.freeze();
    Guarded<std::uint16_t> expected((n + 1) / 2 * 2);
    Guarded<std::uint16_t> found((n + 1) / 2 * 2);
    portable_table().round_bf16(x.data(), n, expected.data());
    table().round_bf16(x.data(), n, found.data());
    const auto as_floats = [](const Guarded<std::uint16_t>& from) {
      std::vector<float> to;
      for (const std::uint16_t v : from)
        to.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(v) << 16));
      return to;
    };
    ASSERT_TRUE(same_bits(as_floats(expected), as_floats(found)));
  });
}

TEST_P(VectorEqual, Rope) {
  each_case([&](Random& random, Values values, std::size_t pairs) {
    if (pairs > 300) return;
    const std::size_t heads = 1 + random.below(3);
    const std::size_t head_dim = 2 * pairs + random.below(5);
    const Guarded<float> x = row(random, values, heads * head_dim);
    Guarded<float> cos = row(random, Values::kPlain, pairs);
    Guarded<float> sin = row(random, Values::kPlain, pairs);
    cos.freeze();
    sin.freeze();
    for (const auto entry : {&Table::rope_adjacent, &Table::rope_halves}) {
      Guarded<float> expected = copy(x);
      Guarded<float> found = copy(x);
      (portable_table().*entry)(expected.data(), heads, head_dim, cos.data(), sin.data(), pairs);
      (table().*entry)(found.data(), heads, head_dim, cos.data(), sin.data(), pairs);
      ASSERT_TRUE(same_bits(expected, found)) << (entry == &Table::rope_halves ? "halves" : "adjacent");
    }
  });
}

TEST_P(VectorEqual, Store) {
  each_case([&](Random& random, Values values, std::size_t n) {
    if (n > 300) return;
    Guarded<float> x = row(random, values, n);
    for (float& v : x) {
      if (random.below(4) == 0) v = random.scaled(-26, 17);
    }
    x.freeze();
    const std::size_t slot = random.below(kernels::kPagePositions);
    const auto check = [&](kernels::StoreFn portable, kernels::StoreFn kernel, auto element,
                           std::size_t bytes) {
      using Element = decltype(element);
      Guarded<Element> expected(bytes / sizeof(Element), kernels::kAlignment);
      Guarded<Element> found(bytes / sizeof(Element), kernels::kAlignment);
      std::fill(expected.begin(), expected.end(), static_cast<Element>(123));
      std::fill(found.begin(), found.end(), static_cast<Element>(123));
      const bool all = portable(x.data(), n, expected.data(), slot);
      ASSERT_EQ(all, kernel(x.data(), n, found.data(), slot));
      ASSERT_TRUE(same_bits(expected, found));
    };
    const auto check_type = [&](auto element) {
      using kernels::k_page_bytes, kernels::v_page_bytes;
      constexpr kernels::KvFormat kFormat = kFormatOf<decltype(element)>;
      constexpr auto kIndex = static_cast<std::size_t>(kFormat);
      check(portable_table().store_k[kIndex], table().store_k[kIndex], element, k_page_bytes(kFormat, n));
      check(portable_table().store_v[kIndex], table().store_v[kIndex], element, v_page_bytes(kFormat, n));
    };
    check_type(std::uint16_t{});
    check_type(float{});
    check_type(std::int8_t{});
  });
}

INSTANTIATE_TEST_SUITE_P(Tables, VectorEqual, all_variants(), variant_name);

}  // namespace
}  // namespace garam::test
