// Every kernel of training of every table against portable, bit for bit: lengths around whole vectors, guard
// pages behind every buffer, in place where the contract allows it.
#include <functional>
#include <sstream>

#include "support/compare.h"
#include "support/each_variant.h"
#include "support/guarded.h"
#include "support/random.h"

namespace garam::test {
namespace {

using kernels::Training;
using Rows = std::vector<Guarded<float>>;

class TrainingEqual : public EachVariant {
 protected:
  /// run(kernels, rows) on equal copies of `count` random rows (and two more values), whose every bit is then
  /// compared. Row `positive` holds no negative value: a sum of squares.
  void check(std::size_t count, const std::function<void(const Training&, Rows&, std::size_t n)>& run,
             std::size_t positive = SIZE_MAX) {
    std::uint64_t seed = test_seed();
    for (const Values values : kAllValues) {
      for (const std::size_t n : {1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 129, 600, 1009}) {
        Random random(++seed);
        Rows expected, found;
        for (std::size_t i = 0; i <= count; ++i) {
          expected.emplace_back(i < count ? n : 2);
          fill_random(random, values, expected.back());
          if (i == positive) {
            for (float& x : expected.back()) x = std::abs(x);
          }
          found.emplace_back(expected.back().size());
          std::copy(expected.back().begin(), expected.back().end(), found.back().begin());
        }
        run(portable_table().training, expected, n);
        run(table().training, found, n);
        for (std::size_t i = 0; i <= count; ++i) {
          ASSERT_TRUE(same_bits(expected[i], found[i]))
              << "row " << i << ", n " << n << ", values " << to_string(values) << ", seed " << seed;
        }
      }
    }
  }
};

TEST_P(TrainingEqual, Softmax) {
  check(1, [](const Training& t, Rows& r, std::size_t n) {
    t.softmax(r[0].data(), n, &r[1][0], &r[1][1]);
    // Which value is the largest beside a NaN, and the sign of a largest zero, are not part of the contract.
    if (std::isnan(r[1][1]) || r[1][0] == 0) r[1][0] = 0;
  });
}

TEST_P(TrainingEqual, SoftmaxBackward) {
  check(3, [](const Training& t, Rows& r, std::size_t n) {
    t.softmax_backward(r[0].data(), r[1].data(), n, 0.125f, r[2].data());
    t.softmax_backward(r[0].data(), r[1].data(), n, 0.125f, r[1].data());
  });
}

TEST_P(TrainingEqual, RmsNormBackward) {
  check(4, [](const Training& t, Rows& r, std::size_t n) {
    t.rms_norm_backward(r[0].data(), r[1].data(), r[2].data(), n, 1e-5f, r[3].data(), &r[4][0]);
  });
}

TEST_P(TrainingEqual, LayerNormBackward) {
  check(4, [](const Training& t, Rows& r, std::size_t n) {
    t.layer_norm_backward(r[0].data(), r[1].data(), r[2].data(), n, 1e-5f, r[3].data(), &r[4][0], &r[4][1]);
  });
}

TEST_P(TrainingEqual, NormWeightBackward) {
  check(3, [](const Training& t, Rows& r, std::size_t n) {
    t.norm_weight_backward(r[0].data(), r[1].data(), n, r[3][0], r[3][1], r[2].data());
  });
}

TEST_P(TrainingEqual, SiluMulBackward) {
  check(5, [](const Training& t, Rows& r, std::size_t n) {
    t.silu_mul_backward(r[0].data(), r[1].data(), r[2].data(), n, r[3].data(), r[4].data());
    t.silu_mul_backward(r[0].data(), r[1].data(), r[2].data(), n, r[0].data(), r[1].data());
  });
}

TEST_P(TrainingEqual, GeluTanhBackward) {
  check(3, [](const Training& t, Rows& r, std::size_t n) {
    t.gelu_tanh_backward(r[0].data(), r[1].data(), n, r[2].data());
    t.gelu_tanh_backward(r[0].data(), r[1].data(), n, r[1].data());
  });
}

TEST_P(TrainingEqual, AdamW) {
  check(
      4,
      [](const Training& t, Rows& r, std::size_t n) {
        t.adamw({r[0].data(), r[1].data(), r[2].data(), r[3].data(), n, 0.75f, 0.9f, 0.1f, 0.95f, 0.05f, 1.5f,
                 1e-8f, 1e-3f, 0.999f});
      },
      3);
}

TEST_P(TrainingEqual, Transpose) {
  Random random(test_seed());
  for (const std::size_t rows : {1, 7, 8, 9, 16, 33, 100}) {
    for (const std::size_t columns : {1, 5, 8, 15, 24, 67}) {
      const std::size_t from_stride = columns + random.below(9), to_stride = rows + random.below(9);
      Guarded<float> from((rows - 1) * from_stride + columns), expected((columns - 1) * to_stride + rows),
          found(expected.size());
      fill_random(random, Values::kPattern, from);
      std::fill(expected.begin(), expected.end(), 5.0f);
      std::fill(found.begin(), found.end(), 5.0f);
      portable_table().training.transpose(from.data(), from_stride, rows, columns, expected.data(),
                                          to_stride);
      from.freeze();
      table().training.transpose(from.data(), from_stride, rows, columns, found.data(), to_stride);
      ASSERT_TRUE(same_bits(expected, found)) << rows << " x " << columns;
      for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t c = 0; c < columns; ++c) {
          ASSERT_TRUE(same_value(found[c * to_stride + r], from[r * from_stride + c])) << r << ", " << c;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Tables, TrainingEqual, all_variants(), variant_name);

}  // namespace
}  // namespace garam::test
