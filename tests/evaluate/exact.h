// What perplexity() computes, written a second time: the double-precision forward of
// tests/support/reference.h and textbook formulas over whole lists, in place of slices, stripes and
// recurrences.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <vector>

#include "garam/garam.h"
#include "support/reference.h"

namespace garam::test {

/// Rows of log-probabilities of all scored tokens, and those tokens.
struct ExactRows {
  std::vector<std::vector<double>> logs;
  std::vector<std::int32_t> next;

  double nll(std::size_t i) const { return -logs[i][static_cast<std::size_t>(next[i])]; }
};

struct ExactCut {
  std::size_t chunk = 0, stride = 0, chunks = 0;
  std::optional<std::int32_t> bos{};
  bool f16_kv = false;
};

inline std::vector<double> log_softmax(std::span<const double> logits) {
  const double max = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const double x : logits) sum += std::exp(x - max);
  std::vector<double> logs;
  for (const double x : logits) logs.push_back(x - max - std::log(sum));
  return logs;
}

inline ExactRows exact_rows(const ReferenceFile& file, std::span<const std::int32_t> tokens,
                            const ExactCut& cut) {
  ExactRows rows;
  const std::size_t window = cut.chunk + cut.stride / 2;
  const std::size_t step = cut.stride > 0 ? cut.stride : cut.chunk;
  const std::size_t scored = cut.stride > 0 ? cut.stride : cut.chunk - cut.chunk / 2 - 1;
  for (std::size_t i = 0; i < cut.chunks; ++i) {
    const auto text = tokens.subspan(i * step, window);
    std::vector<std::int32_t> read(text.begin(), text.end());
    if (cut.bos) read[0] = *cut.bos;
    const std::vector<double> logits =
        reference_logits(file, read, {.f16_kv = cut.f16_kv, .context = window});
    const std::size_t vocab = logits.size() / window;
    for (std::size_t t = window - scored; t < window; ++t) {
      rows.logs.push_back(log_softmax(std::span(logits).subspan((t - 1) * vocab, vocab)));
      rows.next.push_back(text[t]);
    }
  }
  return rows;
}

inline Estimate exact_mean(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return {mean, std::sqrt(squares / (n - 1)) / std::sqrt(n)};
}

inline Estimate exact_nll(const ExactRows& rows) {
  std::vector<double> values;
  for (std::size_t i = 0; i < rows.next.size(); ++i) values.push_back(rows.nll(i));
  return exact_mean(values);
}

inline Estimate exact_exp(const Estimate& e) {
  return {std::exp(e.value), std::exp(e.value) * e.error};
}

/// By rank in the sorted values: between two of them, by how near it is to each.
inline double exact_percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const double rank = share * static_cast<double>(values.size() - 1);
  const double low = values[static_cast<std::size_t>(std::floor(rank))];
  const double high = values[static_cast<std::size_t>(std::ceil(rank))];
  return low * (1 - (rank - std::floor(rank))) + high * (rank - std::floor(rank));
}

inline KlDivergence exact_kl(const ExactRows& base, const ExactRows& rows) {
  std::vector<double> kl, same, change, squares, difference;
  for (std::size_t i = 0; i < rows.next.size(); ++i) {
    const std::vector<double>&p = base.logs[i], &q = rows.logs[i];
    double sum = 0;
    for (std::size_t v = 0; v < p.size(); ++v) sum += std::exp(p[v]) * (p[v] - q[v]);
    kl.push_back(sum);
    const auto top = [](const std::vector<double>& x) {
      return std::max_element(x.begin(), x.end()) - x.begin();
    };
    same.push_back(top(p) == top(q) ? 1 : 0);
    change.push_back(std::exp(-rows.nll(i)) - std::exp(-base.nll(i)));
    squares.push_back(change.back() * change.back());
    difference.push_back(rows.nll(i) - base.nll(i));
  }
  const double rms = std::sqrt(exact_mean(squares).value);
  KlDivergence result;
  result.mean = exact_mean(kl);
  result.maximum = *std::max_element(kl.begin(), kl.end());
  result.median = exact_percentile(kl, 0.5);
  result.percentile_90 = exact_percentile(kl, 0.9);
  result.percentile_95 = exact_percentile(kl, 0.95);
  result.percentile_99 = exact_percentile(kl, 0.99);
  result.percentile_99_9 = exact_percentile(kl, 0.999);
  result.same_top = exact_mean(same);
  result.probability_change = exact_mean(change);
  result.probability_change_rms = {rms, exact_mean(squares).error / (2 * rms)};
  result.base_perplexity = exact_exp(exact_nll(base));
  result.perplexity_ratio = exact_exp(exact_mean(difference));
  return result;
}

/// |found - expected| / expected.
inline double relative(double found, double expected) {
  return std::abs(found - expected) / std::abs(expected);
}

}  // namespace garam::test
