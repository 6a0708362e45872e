// The sums of a quantiser's search, a block at a time.
#include "kernels/portable/parts.h"

namespace garam::kernels::portable {
namespace {

constexpr std::size_t kLanes = 16;
// 1.5 * 2^23: adding it leaves no place for a fraction.
constexpr float kRound = 12582912.0f;

struct Value {
  float q;
  int code;
};

Value nearest_integer(const Fit& f, float v) {
  float limited = f.low < v ? v : f.low;
  limited = limited < f.high ? limited : f.high;
  const float q = (limited + kRound) - kRound;
  return {q, static_cast<int>(q)};
}

Value nearest_level(const Fit& f, float v) {
  int code = 0;
  for (std::size_t j = 1; j < f.level_count; ++j) code += 0.5f * (f.levels[j - 1] + f.levels[j]) < v;
  return {f.levels[code], code};
}

template <Value (*kNearest)(const Fit&, float)>
void fit(const Fit& f) {
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    float sums[3] = {0, 0, 0};
    for (std::size_t at = lane; at < f.n * kLanes; at += kLanes) {
      const float x = f.x[at];
      const Value value = kNearest(f, x * f.inverse[lane] + f.offset[lane]);
      const float t = f.w[at] * value.q;
      sums[0] += t;
      sums[1] += t * value.q;
      sums[2] += t * x;
      if (f.codes != nullptr) f.codes[at] = static_cast<std::int8_t>(value.code);
    }
    for (std::size_t s = 0; s < 3; ++s) f.sums[s * kLanes + lane] = sums[s];
  }
}

}  // namespace

void fill_fit(Table& table) {
  table.fit_integers = fit<nearest_integer>;
  table.fit_levels = fit<nearest_level>;
}

}  // namespace garam::kernels::portable
