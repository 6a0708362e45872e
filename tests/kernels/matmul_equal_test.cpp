// Every matmul of every table against portable, bit for bit: awkward row counts, panel counts, odd k and
// strides, guard pages behind every buffer, unkind numbers.
#include <algorithm>
#include <sstream>

#include "support/compare.h"
#include "support/each_variant.h"
#include "support/guarded.h"
#include "support/pack.h"

namespace garam::test {
namespace {

using kernels::ActivationForm;
using kernels::Format;
using kernels::Matmul;

struct Shape {
  Format format;
  std::size_t weight_rows;
  std::size_t k;
  std::size_t rows;
  std::size_t extra;  // elements or blocks between the end of a row of x or out and the next
  Values values;
};

/// The loader refuses weights that are not finite.
Values finite(Values values) {
  return values == Values::kSpecial ? Values::kPattern : values;
}

std::string describe(const Shape& s, std::uint64_t seed) {
  std::ostringstream text;
  text << "matmul " << to_string(s.format) << " weights " << s.weight_rows << " x " << s.k << ", rows "
       << s.rows << ", extra " << s.extra << ", values " << to_string(s.values) << ", seed " << seed;
  return text.str();
}

/// Elements of `rows` rows `stride` apart, the last one only `width` long: the guard page follows directly.
std::size_t extent(std::size_t rows, std::size_t stride, std::size_t width) {
  return (rows - 1) * stride + width;
}

/// The operands of one product, every buffer ending at a guard page.
class Product {
 public:
  Product(const Shape& s, std::uint64_t seed)
      : random_(seed),
        weights_(random_weights(random_, s.format, s.weight_rows, s.k, finite(s.values))),
        panels_(panel_count(weights_) * kernels::panel_bytes(s.format, s.k), kernels::kAlignment),
        blocks_((s.k + 31) / 32),
        width_(kernels::activation_form(s.format) == ActivationForm::kBf16 ? (s.k + 1) / 2 * 2 : s.k),
        x_f32_(extent(s.rows, width_ + s.extra, width_)),
        x_bf16_(x_f32_.size()),
        x_q8_(extent(s.rows, blocks_ + s.extra, blocks_)) {
    pack_panels(weights_, panels_.data());
    fill_random(random_, s.values, x_f32_);
    portable_table().round_bf16(x_f32_.data(), x_f32_.size() / 2 * 2, x_bf16_.data());
    for (std::size_t b = 0; b < x_q8_.size(); ++b) x_q8_[b] = block(s, b);
    if (width_ != s.k) {
      for (std::size_t t = 0; t < s.rows; ++t) x_bf16_[t * (width_ + s.extra) + s.k] = 0;
    }
    m_ = {panels_.data(),
          panel_count(weights_),
          s.k,
          nullptr,
          width_ + s.extra,
          s.rows,
          nullptr,
          32 * panel_count(weights_) + s.extra};
    switch (kernels::activation_form(s.format)) {
      case ActivationForm::kF32:
        m_.x = x_f32_.data();
        break;
      case ActivationForm::kBf16:
        m_.x = x_bf16_.data();
        break;
      case ActivationForm::kQ8:
        m_.x = x_q8_.data();
        m_.x_stride = blocks_ + s.extra;
    }
    // Every other product goes on from what the output holds, where the format can.
    m_.accumulate = kernels::unit_of(s.format).values == 0 && random_.below(2) == 0;
    panels_.freeze();
    x_f32_.freeze();
    x_bf16_.freeze();
    x_q8_.freeze();
  }

  /// The whole output buffer, gaps between rows included.
  Guarded<float> run(kernels::MatmulFn kernel) const {
    Matmul m = m_;
    Guarded<float> out(extent(m.rows, m.out_stride, 32 * m.panel_count));
    std::fill(out.begin(), out.end(), 1234.5f);
    m.out = out.data();
    kernel(m);
    return out;
  }

 private:
  /// Random codes, now and then all of the extreme ones, with their sums.
  kernels::ActivationBlock block(const Shape& s, std::size_t index) {
    kernels::ActivationBlock b{};
    b.scale = std::abs(random_value(random_, s.values == Values::kPattern ? Values::kTiny : s.values));
    const bool extreme = index % 5 == 0;
    for (std::size_t i = 0; i < 32; ++i) {
      b.q[i] = extreme ? static_cast<std::int8_t>(index % 2 == 0 ? 127 : -127)
                       : static_cast<std::int8_t>(static_cast<int>(random_.below(255)) - 127);
      b.half_sum[i / 16] = static_cast<std::int16_t>(b.half_sum[i / 16] + b.q[i]);
      std::int16_t& lane = b.minus_lanes[i / 16][i / 2 % 2];
      lane = static_cast<std::int16_t>(lane - b.q[i]);
    }
    for (std::size_t lane = 0; lane < 2; ++lane) {
      b.minus_all_lanes[lane] = static_cast<std::int16_t>(b.minus_lanes[0][lane] + b.minus_lanes[1][lane]);
    }
    b.scaled_sum = b.scale * static_cast<float>(b.sum());
    b.minus_8_sums = -8 * b.sum();
    b.minus_128_sums = -128 * b.sum();
    return b;
  }

  Random random_;
  FileWeights weights_;
  Guarded<std::byte> panels_;
  std::size_t blocks_;
  std::size_t width_;
  Guarded<float> x_f32_;
  Guarded<std::uint16_t> x_bf16_;
  Guarded<kernels::ActivationBlock> x_q8_;
  Matmul m_{};
};

class MatmulEqual : public EachVariant {
 protected:
  void check(const Shape& shape, std::uint64_t seed) {
    const auto format = static_cast<std::size_t>(shape.format);
    const kernels::MatmulFn kernel = table().matmul[format];
    if (kernel == nullptr) GTEST_SKIP() << table().name << " has no kernel for " << to_string(shape.format);
    const Product product(shape, seed);
    const Guarded<float> expected = product.run(portable_table().matmul[format]);
    const Guarded<float> found = product.run(kernel);
    ASSERT_TRUE(same_bits(expected, found))
        << describe(shape, seed) << ", kernel " << table().matmul_name[format];
  }

  void check_format(Format format) {
    const bool blocks = kernels::activation_form(format) == ActivationForm::kQ8;
    const std::size_t unit = kernels::unit_of(format).values == 256 ? 256 : 32;
    std::vector<std::size_t> ks{1, 2, 15, 16, 17, 31, 33, 64, 65, 127};
    if (blocks)
      ks = unit == 256 ? std::vector<std::size_t>{256, 768} : std::vector<std::size_t>{32, 64, 96, 160, 416};
    Random random(test_seed() + static_cast<std::uint64_t>(format));
    for (std::size_t repeat = 0; repeat < test_scale(); ++repeat) {
      for (const Values values : kAllValues) {
        for (const std::size_t k : ks) {
          for (const std::size_t rows : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}) {
            const std::size_t weight_rows = 1 + random.below(rows < 4 ? 160 : 64);
            const Shape shape{format, weight_rows, k, rows, random.below(3) * 5, values};
            check(shape, random.next());
            if (HasFatalFailure() || IsSkipped()) return;
          }
        }
      }
      // Rows left over beside full register tiles, whatever the kernel's tile: up to two of 12 and a rest.
      for (std::size_t rows = 14; rows <= 26; ++rows) {
        check({format, 33 + random.below(64), blocks ? 3 * unit : 35u, rows, random.below(3) * 5,
               Values::kPlain},
              random.next());
        if (HasFatalFailure() || IsSkipped()) return;
      }
      check({format, 64, blocks ? 2048u : 1031u, 7, 3, Values::kPlain}, random.next());
      check({format, 64, blocks ? 2048u : 1031u, 37, 3, Values::kPlain}, random.next());
      // Rows a multiple of 4096 bytes apart, of which a kernel may take 8 at most: 41 as one tile of 6 rows
      // and five of 7.
      for (const std::size_t rows : {21, 41}) {
        check({format, 40, 2048, rows, 0, Values::kPlain}, random.next());
      }
      // More than one stretch of 64 blocks that are unpacked at once.
      check({format, 40, 2304, 9, 2, Values::kPlain}, random.next());
      check({format, 32, 4352, 14, 0, Values::kPattern}, random.next());
      // The same where many rows have a kernel of their own, where very many have longer stretches, and
      // whatever values may be.
      check({format, 40, 2304, 50, 1, Values::kPlain}, random.next());
      check({format, 40, 2304, 70, 1, Values::kPlain}, random.next());
      for (const Values values : kAllValues) {
        check({format, 40, blocks ? 3 * unit : 35u, 24, 1, values}, random.next());
      }
      check({format, 33, blocks ? unit : 160, 64, 1, Values::kPlain}, random.next());
      check({format, 32, blocks ? 2 * unit : 64, 64, 0, Values::kPattern}, random.next());
    }
  }
};

TEST_P(MatmulEqual, F32) {
  check_format(Format::kF32);
}
TEST_P(MatmulEqual, F16) {
  check_format(Format::kF16);
}
TEST_P(MatmulEqual, Bf16) {
  check_format(Format::kBf16);
}
TEST_P(MatmulEqual, Q8_0) {
  check_format(Format::kQ8_0);
}
TEST_P(MatmulEqual, Q4_0) {
  check_format(Format::kQ4_0);
}
TEST_P(MatmulEqual, Q4_1) {
  check_format(Format::kQ4_1);
}
TEST_P(MatmulEqual, Q5_0) {
  check_format(Format::kQ5_0);
}
TEST_P(MatmulEqual, Q5_1) {
  check_format(Format::kQ5_1);
}
TEST_P(MatmulEqual, Q2_K) {
  check_format(Format::kQ2_K);
}
TEST_P(MatmulEqual, Q3_K) {
  check_format(Format::kQ3_K);
}
TEST_P(MatmulEqual, Q4_K) {
  check_format(Format::kQ4_K);
}
TEST_P(MatmulEqual, Q5_K) {
  check_format(Format::kQ5_K);
}
TEST_P(MatmulEqual, Q6_K) {
  check_format(Format::kQ6_K);
}
TEST_P(MatmulEqual, Iq4Nl) {
  check_format(Format::kIq4Nl);
}
TEST_P(MatmulEqual, Iq4Xs) {
  check_format(Format::kIq4Xs);
}
TEST_P(MatmulEqual, Mxfp4) {
  check_format(Format::kMxfp4);
}

INSTANTIATE_TEST_SUITE_P(Tables, MatmulEqual, all_variants(), variant_name);

}  // namespace
}  // namespace garam::test
