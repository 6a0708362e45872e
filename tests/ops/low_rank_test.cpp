// What adapters add to a projection, against the order of operations that numerics rule 15 writes down, by
// bits.
#include "ops/low_rank.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <optional>
#include <vector>

#include "base/float_env.h"
#include "base/memory.h"
#include "support/compare.h"
#include "support/kernel_tables.h"
#include "support/random.h"

namespace garam::test {
namespace {

/// An f32 matrix, packed and as it was.
struct Packed {
  Packed(Random& random, std::size_t rows, std::size_t k) : values(rows * k) {
    fill_random(random, Values::kPlain, values);
    matrix = {&kFormatF32, nullptr, rows, k};
    memory = Memory(matrix.bytes(), "a matrix");
    matrix.panels = memory.data();
    for (std::size_t row = 0; row < rows; row += 32) {
      kFormatF32.pack(reinterpret_cast<const std::byte*>(values.data() + row * k),
                      std::min<std::size_t>(32, rows - row), k, matrix.panel(row / 32));
    }
  }
  std::vector<float> values;
  Memory memory;
  Matrix matrix;
};

/// A weight with updates of some ranks.
struct Adapted {
  Adapted(Random& random, std::size_t rows, std::size_t k, const std::vector<std::size_t>& ranks)
      : base(random, rows, k) {
    std::size_t sum = 0;
    for (const std::size_t rank : ranks) sum += rank;
    a.emplace(random, std::max<std::size_t>(sum, 1), k);
    low_rank.a = a->matrix;
    sum = 0;
    for (const std::size_t rank : ranks) {
      b.emplace_back(random, rows, rank);
      low_rank.updates.push_back({b.back().matrix, sum, 4 * random.uniform()});
      sum += rank;
    }
    if (!ranks.empty()) base.matrix.low_rank = &low_rank;
  }

  /// Output `o` for one row of x.
  float output(const float* x, std::size_t o) const {
    const auto sum = [](const float* w, const float* v, std::size_t k) {
      float acc = 0;
      for (std::size_t i = 0; i < k; ++i) acc = std::fma(w[i], v[i], acc);
      return acc;
    };
    const std::size_t k = base.matrix.k;
    float y = sum(base.values.data() + o * k, x, k);
    for (std::size_t i = 0; i < low_rank.updates.size(); ++i) {
      const LowRank::Update& update = low_rank.updates[i];
      std::vector<float> u(update.b.k);
      for (std::size_t r = 0; r < u.size(); ++r) u[r] = sum(a->values.data() + (update.first + r) * k, x, k);
      y = std::fma(update.factor, sum(b[i].values.data() + o * u.size(), u.data(), u.size()), y);
    }
    return y;
  }

  Packed base;
  std::optional<Packed> a;
  std::deque<Packed> b;
  LowRank low_rank;
};

TEST(LowRank, EveryOutputIsTheWrittenSum) {
  const FloatEnvironment environment;
  Random random(test_seed());
  constexpr std::size_t kWidth = 37;
  std::deque<Adapted> weights;
  weights.emplace_back(random, 70, kWidth, std::vector<std::size_t>{5});
  weights.emplace_back(random, 31, kWidth, std::vector<std::size_t>{});
  weights.emplace_back(random, 1, kWidth, std::vector<std::size_t>{1, 40, 3});
  weights.emplace_back(random, 200, kWidth, std::vector<std::size_t>{33});
  weights.emplace_back(random, 64, kWidth, std::vector<std::size_t>{7, 64});
  std::size_t widest = 0;
  for (const Adapted& weight : weights) widest = std::max(widest, weight.low_rank.width());

  for (const std::size_t rows : {1, 2, 5, 31, 32, 33, 64, 150}) {
    std::vector<float> input(rows * kWidth);
    fill_random(random, Values::kPlain, input);
    const Rows x{input.data(), rows, kWidth, kWidth};
    std::vector<std::vector<float>> expected;
    for (const Adapted& weight : weights) {
      auto& values = expected.emplace_back();
      for (std::size_t t = 0; t < rows; ++t) {
        for (std::size_t o = 0; o < weight.base.matrix.rows; ++o)
          values.push_back(weight.output(x.row(t), o));
      }
    }
    for (const KernelVariant& variant : kernel_variants()) {
      if (variant.missing != nullptr) continue;
      for (const unsigned workers : {1u, 3u}) {
        ThreadPool pool(workers);
        ASSERT_TRUE(pool.try_acquire());
        const Context context(variant.table, &pool, workers);
        std::vector<float> room(rows * ops::low_rank_room(widest), NAN);
        ops::ActivationForms forms;
        forms.low_rank = room.data();
        std::vector<std::vector<float>> outs;
        std::vector<Rows> out;
        for (const Adapted& weight : weights) {
          const std::size_t stride = kernels::round_up(weight.base.matrix.rows, 32);
          outs.emplace_back(rows * stride, NAN);
          out.push_back({outs.back().data(), rows, weight.base.matrix.rows, stride});
        }
        ops::linear(context, x, forms,
                    {{&weights[0].base.matrix, nullptr, out[0]},
                     {&weights[1].base.matrix, nullptr, out[1]},
                     {&weights[2].base.matrix, nullptr, out[2]},
                     {&weights[3].base.matrix, nullptr, out[3]},
                     {&weights[4].base.matrix, nullptr, out[4]}});
        for (std::size_t w = 0; w < weights.size(); ++w) {
          for (std::size_t t = 0; t < rows; ++t) {
            ASSERT_TRUE(same_bits(expected[w].data() + t * out[w].width, out[w].row(t), out[w].width))
                << variant.name << ", " << workers << " workers, weight " << w << ", row " << t;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace garam::test
