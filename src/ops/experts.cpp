// Choosing costs nothing beside the products; it is the same scalar code for all tables but exp.
#include "ops/experts.h"

#include <algorithm>

#include "ops/striped_sum.h"

namespace garam::ops {
namespace {

constexpr std::size_t kGrain = 4;

/// The best of the logits that is not among the first `taken` of `chosen`. One that is NaN is found too, so
/// that every answer is an expert.
std::int32_t next_best(const float* logits, std::size_t experts, const std::int32_t* chosen,
                       std::size_t taken) {
  std::int32_t best = -1;
  for (std::size_t e = 0; e < experts; ++e) {
    const auto candidate = static_cast<std::int32_t>(e);
    if (std::find(chosen, chosen + taken, candidate) != chosen + taken) continue;
    if (best < 0 || logits[e] > logits[best]) best = candidate;
  }
  return best;
}

void choose(const kernels::Table& table, float* logits, bool renormalise, const ExpertChoice& c,
            std::size_t row) {
  std::int32_t* expert = c.expert + row * c.used;
  float* weight = c.weight + row * c.used;
  for (std::size_t i = 0; i < c.used; ++i) expert[i] = next_best(logits, c.experts, expert, i);
  const float largest = logits[expert[0]];
  for (std::size_t e = 0; e < c.experts; ++e) logits[e] -= largest;
  table.exp(logits, c.experts, logits);
  const float sum = striped_sum(logits, c.experts);
  float chosen = 0;
  for (std::size_t i = 0; i < c.used; ++i) {
    weight[i] = logits[expert[i]] / sum;
    chosen += weight[i];
  }
  for (std::size_t i = 0; renormalise && i < c.used; ++i) weight[i] /= chosen;
}

}  // namespace

void choose_experts(const Context& context, const Rows& logits, bool renormalise, const ExpertChoice& c) {
  context.split(c.rows, kGrain, [&](std::size_t begin, std::size_t end, unsigned) {
    for (std::size_t t = begin; t < end; ++t) choose(context.table(), logits.row(t), renormalise, c, t);
  });
  // Counting sort, stable, so that the rows of an expert ascend.
  std::fill_n(c.begin, c.experts + 1, 0u);
  for (std::size_t i = 0; i < c.rows * c.used; ++i) ++c.begin[c.expert[i] + 1];
  for (std::size_t e = 0; e < c.experts; ++e) c.begin[e + 1] += c.begin[e];
  for (std::size_t i = 0; i < c.rows * c.used; ++i) {
    const std::uint32_t place = c.begin[c.expert[i]]++;
    c.place[i] = place;
    c.source[place] = static_cast<std::uint32_t>(i / c.used);
  }
  for (std::size_t e = c.experts; e > 0; --e) c.begin[e] = c.begin[e - 1];
  c.begin[0] = 0;
}

void gather_rows(const Context& context, const Rows& x, const ExpertChoice& c, const Rows& sorted) {
  context.split(c.rows * c.used, kGrain, [&](std::size_t begin, std::size_t end, unsigned) {
    for (std::size_t i = begin; i < end; ++i) std::copy_n(x.row(c.source[i]), x.width, sorted.row(i));
  });
}

void combine_experts(const Context& context, const Rows& sorted, const ExpertChoice& c, const Rows& out) {
  context.split(c.rows, kGrain, [&](std::size_t begin, std::size_t end, unsigned) {
    for (std::size_t t = begin; t < end; ++t) {
      std::fill_n(out.row(t), out.width, 0.0f);
      for (std::size_t i = t * c.used; i < (t + 1) * c.used; ++i) {
        context.table().add_scaled(out.row(t), sorted.row(c.place[i]), out.width, c.weight[i]);
      }
    }
  });
}

void add_shared(const Context& context, const Rows& out, const Rows& shared, const Rows& share) {
  context.split(out.rows, kGrain, [&](std::size_t begin, std::size_t end, unsigned) {
    for (std::size_t t = begin; t < end; ++t) {
      float* s = share.row(t);
      *s = -*s;
      context.table().exp(s, 1, s);
      context.table().add_scaled(out.row(t), shared.row(t), out.width, 1.0f / (1.0f + *s));
    }
  });
}

}  // namespace garam::ops
