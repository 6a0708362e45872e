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
  std::size_t extra;  // elements between the end of a row of x, scale, sum or out and the next
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
        x_q8_(x_f32_.size()),
        scale_(extent(s.rows, blocks_ + s.extra, blocks_)),
        sum_(scale_.size()) {
    pack_panels(weights_, panels_.data());
    fill_random(random_, s.values, x_f32_);
    portable_table().round_bf16(x_f32_.data(), x_f32_.size() / 2 * 2, x_bf16_.data());
    const Values scales = s.values == Values::kPattern ? Values::kTiny : s.values;
    for (float& scale : scale_) scale = std::abs(random_value(random_, scales));
    for (auto& q : x_q8_) q = static_cast<std::int8_t>(static_cast<int>(random_.below(255)) - 127);
    for (std::size_t t = 0; t < s.rows; ++t) fill_row(s, t);
    m_ = {panels_.data(),
          panel_count(weights_),
          s.k,
          nullptr,
          width_ + s.extra,
          nullptr,
          nullptr,
          0,
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
        m_.scale = scale_.data();
        m_.sum = sum_.data();
        m_.scale_stride = blocks_ + s.extra;
    }
    panels_.freeze();
    x_f32_.freeze();
    x_bf16_.freeze();
    x_q8_.freeze();
    scale_.freeze();
    sum_.freeze();
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
  /// The padding of an odd bf16 row, extreme codes in one block of q8, and the sums.
  void fill_row(const Shape& s, std::size_t t) {
    if (width_ != s.k) x_bf16_[t * (width_ + s.extra) + s.k] = 0;
    if (s.k % 32 != 0) return;
    std::int8_t* q = &x_q8_[t * (width_ + s.extra)];
    const std::int8_t extreme = t % 2 == 0 ? 127 : -127;
    std::fill_n(q + t % blocks_ * 32, 32, extreme);
    for (std::size_t b = 0; b < blocks_; ++b) {
      std::int32_t total = 0;
      for (std::size_t i = 0; i < 32; ++i) total += q[b * 32 + i];
      sum_[t * (blocks_ + s.extra) + b] = total;
    }
  }

  Random random_;
  FileWeights weights_;
  Guarded<std::byte> panels_;
  std::size_t blocks_;
  std::size_t width_;
  Guarded<float> x_f32_;
  Guarded<std::uint16_t> x_bf16_;
  Guarded<std::int8_t> x_q8_;
  Guarded<float> scale_;
  Guarded<std::int32_t> sum_;
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
    const std::vector<std::size_t> ks = blocks
                                            ? std::vector<std::size_t>{32, 64, 96, 160, 416}
                                            : std::vector<std::size_t>{1, 2, 15, 16, 17, 31, 33, 64, 65, 127};
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
        check({format, 33 + random.below(64), blocks ? 96u : 35u, rows, random.below(3) * 5, Values::kPlain},
              random.next());
        if (HasFatalFailure() || IsSkipped()) return;
      }
      check({format, 64, blocks ? 2048u : 1031u, 7, 3, Values::kPlain}, random.next());
      // Rows a multiple of 4096 bytes apart, which a kernel may cut into smaller tiles.
      check({format, 40, 2048, 21, 0, Values::kPlain}, random.next());
      check({format, 33, 160, 64, 1, Values::kPlain}, random.next());
      check({format, 32, 64, 64, 0, Values::kPattern}, random.next());
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

INSTANTIATE_TEST_SUITE_P(Tables, MatmulEqual, all_variants(), variant_name);

}  // namespace
}  // namespace garam::test
