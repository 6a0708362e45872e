// Random values of new models: one stream of Philox for each tensor, so that tensors do not depend on each
// other.
#include <cmath>
#include <numbers>

#include "base/det_math.h"
#include "base/hash.h"
#include "sample/philox.h"
#include "train/model_io.h"

namespace garam::training {
namespace {

constexpr std::uint32_t kStream = 0x7261696e;  // of its own, apart from those of samplers

/// Standard normal by Box and Muller (1958), from the 64 random bits of element `index`.
double normal(std::uint64_t seed, std::uint32_t tensor, std::uint64_t index) {
  const std::uint64_t bits = random_bits(seed, index, kStream, tensor);
  const double u = (static_cast<double>(bits >> 32) + 0.5) * 0x1p-32;
  const double v = static_cast<double>(bits & 0xffffffff) * 0x1p-32;
  return std::sqrt(-2 * det_log(u)) * det_sincos(2 * std::numbers::pi * v).cos;
}

void fill(const Rows& to, double deviation, std::uint64_t seed, std::uint32_t tensor) {
  for (std::size_t r = 0; r < to.rows; ++r) {
    for (std::size_t i = 0; i < to.width; ++i) {
      to.row(r)[i] = static_cast<float>(deviation * normal(seed, tensor, r * to.width + i));
    }
  }
}

}  // namespace

void initialise(Network& network, double deviation, std::uint64_t seed) {
  const double residual = deviation / std::sqrt(2 * static_cast<double>(network.shape().layers));
  for (Parameter& p : network.parameters().all()) {
    const auto tensor = static_cast<std::uint32_t>(hash_bytes(p.name.data(), p.name.size()));
    const bool ends_branch = p.name.ends_with("attn_output.weight") || p.name.ends_with("ffn_down.weight");
    if (p.name.ends_with("norm.weight")) {
      std::fill(p.value.data, p.value.data + p.value.width, 1.0f);
    } else if (p.name.ends_with(".lora_a")) {
      fill(p.value, 1 / std::sqrt(static_cast<double>(p.value.width)), seed, tensor);
    } else if (!p.name.ends_with(".bias") && !p.name.ends_with(".lora_b")) {
      fill(p.value, ends_branch ? residual : deviation, seed, tensor);
    }
  }
}

}  // namespace garam::training
