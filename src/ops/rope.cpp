// Frequencies and angles in double: at position 131,072 an angle held in f32 would be off by 0.01 radians.
#include "ops/rope.h"

#include <algorithm>
#include <cmath>

#include "base/det_math.h"

namespace garam::ops {
namespace {

constexpr std::size_t kGrain = 8;
constexpr double kTwoPi = 0x1.921fb54442d18p+2;

/// The share of each frequency that YaRN keeps as it is: 1 up to the pair that turns beta_fast times within
/// the original context, 0 from the one that turns beta_slow times, linear between.
std::vector<double> kept_share(const RopeOptions& options) {
  const std::size_t pairs = options.dims / 2;
  const auto dims = static_cast<double>(options.dims);
  const auto pair_of = [&](double turns) {
    return dims * det_log(options.yarn->original_context / (turns * kTwoPi)) / (2 * det_log(options.base));
  };
  const double low = std::max(0.0, std::floor(pair_of(options.yarn->beta_fast)));
  const double high = std::min(dims - 1, std::ceil(pair_of(options.yarn->beta_slow)));
  std::vector<double> share(pairs);
  for (std::size_t i = 0; i < pairs; ++i) {
    const double ramp = (static_cast<double>(i) - low) / std::max(0.001, high - low);
    share[i] = 1 - std::clamp(ramp, 0.0, 1.0);
  }
  return share;
}

}  // namespace

Rope Rope::make(const RopeOptions& options, RopePairs pairs) {
  Rope rope{.frequency = {}, .magnitude = options.magnitude, .pairs = pairs};
  const std::size_t count = options.dims / 2;
  std::vector<double> keep;
  if (options.yarn) {
    keep = kept_share(options);
    // The attention temperature of YaRN: queries and keys both grow by 1 + 0.1 ln(factor).
    rope.magnitude *= 1 + 0.1 * det_log(1 / options.scale);
  }
  for (std::size_t i = 0; i < count; ++i) {
    const double exponent = -2.0 * static_cast<double>(i) / static_cast<double>(options.dims);
    double frequency = det_pow(options.base, exponent);
    if (!options.factors.empty()) frequency /= static_cast<double>(options.factors[i]);
    if (options.yarn) {
      frequency = frequency * options.scale * (1 - keep[i]) + frequency * keep[i];
    } else {
      frequency *= options.scale;
    }
    rope.frequency.push_back(frequency);
  }
  return rope;
}

void rope_angles(const Context& context, const Rope& rope, std::span<const std::int32_t> positions,
                 const Angles& angles) {
  const std::size_t pairs = rope.frequency.size();
  context.split(positions.size(), kGrain, [&](std::size_t begin, std::size_t end, unsigned) {
    for (std::size_t t = begin; t < end; ++t) {
      for (std::size_t i = 0; i < pairs; ++i) {
        const SinCos value = det_sincos(positions[t] * rope.frequency[i]);
        angles.cos[t * pairs + i] = static_cast<float>(value.cos * rope.magnitude);
        angles.sin[t * pairs + i] = static_cast<float>(value.sin * rope.magnitude);
      }
    }
  });
}

void rotate(const Context& context, const Rope& rope, const Angles& angles, const Rows& x,
            std::size_t head_dim) {
  const std::size_t pairs = rope.frequency.size();
  const auto kernel =
      rope.pairs == RopePairs::kAdjacent ? context.table().rope_adjacent : context.table().rope_halves;
  context.split(x.rows, kGrain, [&](std::size_t begin, std::size_t end, unsigned) {
    for (std::size_t t = begin; t < end; ++t) {
      kernel(x.row(t), x.width / head_dim, head_dim, angles.cos + t * pairs, angles.sin + t * pairs, pairs);
    }
  });
}

}  // namespace garam::ops
