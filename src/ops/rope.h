// Rotary position embedding (Su et al. 2021) with linear, YaRN (Peng et al. 2023) and per-frequency scaling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "runtime/context.h"
#include "tensor/matrix.h"

namespace garam::ops {

/// Which two dimensions make a pair.
enum class RopePairs { kAdjacent, kHalves };

/// YaRN: frequencies that turn fewer than beta_slow times within the original context are interpolated, those
/// that turn more than beta_fast times are kept, those between are mixed.
struct Yarn {
  double original_context = 0;
  double beta_fast = 32;
  double beta_slow = 1;
};

/// The declared options of a rotation, as a model file gives them.
struct RopeOptions {
  std::size_t dims = 0;  // rotated dimensions, even
  double base = 10000;
  double scale = 1;                // positions are multiplied by this: 1 / rope.scaling.factor
  std::span<const float> factors;  // [dims / 2] divisors of the frequencies, or empty
  std::optional<Yarn> yarn;
  double magnitude = 1;  // of sine and cosine: rope.scaling.attn_factor
};

/// Frequencies of a rotation, made once in double by one scalar routine for all kernel tables.
struct Rope {
  std::vector<double> frequency;  // [pairs], radians per position
  double magnitude = 1;
  RopePairs pairs = RopePairs::kAdjacent;

  static Rope make(const RopeOptions& options, RopePairs pairs);
};

/// Sines and cosines of a batch, [rows][pairs], shared by all layers.
struct Angles {
  float* cos = nullptr;
  float* sin = nullptr;
};

/// angles[t][i] = (cos, sin)(positions[t] * frequency[i]) * magnitude, rounded to f32 once.
void rope_angles(const Context& context, const Rope& rope, std::span<const std::int32_t> positions,
                 const Angles& angles);

/// Rotates the heads of every row of x in place. x.width = heads * head_dim.
void rotate(const Context& context, const Rope& rope, const Angles& angles, const Rows& x,
            std::size_t head_dim);

}  // namespace garam::ops
