// Portable kernels over one row: norms, activations, RoPE, conversions, KV stores. The specification: plain
// loops in the order that kernels.h writes down.
#include <cmath>

#include "kernels/portable/exp.h"
#include "kernels/portable/float_ops.h"
#include "kernels/portable/parts.h"

namespace garam::kernels::portable {
namespace {

constexpr std::uint32_t kMagnitude = 0x7fffffffu;
constexpr std::uint32_t kInfinity = 0x7f800000u;

std::uint32_t magnitude(float x) {
  return std::bit_cast<std::uint32_t>(x) & kMagnitude;
}

bool finite(float x) {
  return magnitude(x) < kInfinity;
}

/// The sums of a block whose q and scale are set.
void fill_sums(ActivationBlock& block) {
  std::int32_t half[2] = {}, lane[2][2] = {};
  for (std::size_t i = 0; i < kBlock; ++i) {
    half[i / 16] += block.q[i];
    lane[i / 16][i % 4 / 2] += block.q[i];
  }
  const std::int32_t sum = half[0] + half[1];
  block.scaled_sum = block.scale * static_cast<float>(sum);
  block.minus_8_sums = -8 * sum;
  block.minus_128_sums = -128 * sum;
  for (std::size_t h = 0; h < 2; ++h) {
    block.half_sum[h] = static_cast<std::int16_t>(half[h]);
    for (std::size_t l = 0; l < 2; ++l) block.minus_lanes[h][l] = static_cast<std::int16_t>(-lane[h][l]);
    block.minus_all_lanes[h] = static_cast<std::int16_t>(-lane[0][h] - lane[1][h]);
  }
}

void quantize_q8(const float* x, std::size_t k, ActivationBlock* blocks) {
  for (std::size_t b = 0; b < k / kBlock; ++b) {
    ActivationBlock& block = blocks[b];
    std::uint32_t amax_bits = 0;
    for (std::size_t i = 0; i < kBlock; ++i) {
      const std::uint32_t bits = magnitude(x[b * kBlock + i]);
      amax_bits = bits > amax_bits ? bits : amax_bits;
    }
    const auto amax = std::bit_cast<float>(amax_bits);
    const bool poison = amax_bits >= kInfinity;
    const bool zero = amax_bits < std::bit_cast<std::uint32_t>(0x1p-100f);
    block.scale = poison ? std::numeric_limits<float>::quiet_NaN() : zero ? 0.0f : amax / 127.0f;
    const float inverse = poison || zero ? 0.0f : 127.0f / amax;
    for (std::size_t i = 0; i < kBlock; ++i) {
      const float value = poison || zero ? 0.0f : x[b * kBlock + i] * inverse;
      // |value| <= 128, so adding 1.5 * 2^23 rounds it to an integer, nearest even.
      auto code = static_cast<std::int32_t>((value + 0x1.8p+23f) - 0x1.8p+23f);
      if (code > 127) code = 127;
      if (code < -127) code = -127;
      block.q[i] = static_cast<std::int8_t>(code);
    }
    fill_sums(block);
  }
}

void round_bf16(const float* x, std::size_t k, std::uint16_t* y) {
  constexpr std::uint16_t kSmallest = (127 - 50) << 7;  // 2^-50
  for (std::size_t i = 0; i < k; ++i) {
    const std::uint16_t rounded = to_bf16(x[i]);
    y[i] = (rounded & 0x7fff) < kSmallest ? 0 : rounded;
  }
  if (k % 2 != 0) y[k] = 0;
}

void rms_norm(const float* x, const float* w, std::size_t n, float eps, float* y) {
  float s[kLanes] = {};
  for (std::size_t i = 0; i < n; ++i) s[i % kLanes] = fma(x[i], x[i], s[i % kLanes]);
  const float mean = sum_of_stripes(s) / static_cast<float>(n);
  const float r = 1.0f / std::sqrt(mean + eps);
  for (std::size_t i = 0; i < n; ++i) y[i] = (x[i] * r) * w[i];
}

void layer_norm(const float* x, const float* w, const float* b, std::size_t n, float eps, float* y) {
  float s[kLanes] = {};
  for (std::size_t i = 0; i < n; ++i) s[i % kLanes] += x[i];
  const float mean = sum_of_stripes(s) / static_cast<float>(n);
  float ss[kLanes] = {};
  for (std::size_t i = 0; i < n; ++i) {
    const float d = x[i] - mean;
    ss[i % kLanes] = fma(d, d, ss[i % kLanes]);
  }
  const float variance = sum_of_stripes(ss) / static_cast<float>(n);
  const float r = 1.0f / std::sqrt(variance + eps);
  for (std::size_t i = 0; i < n; ++i) {
    const float scaled = (x[i] - mean) * r;
    y[i] = b != nullptr ? fma(scaled, w[i], b[i]) : scaled * w[i];
  }
}

void add(float* x, const float* y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) x[i] = x[i] + y[i];
}

void silu_mul(const float* gate, const float* up, std::size_t n, float* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = (gate[i] / (1.0f + exp(-gate[i]))) * up[i];
}

void swiglu_clamped(const float* gate, const float* up, std::size_t n, float alpha, float limit, float* out) {
  for (std::size_t i = 0; i < n; ++i) {
    const float g = limit < gate[i] ? limit : gate[i];
    const float below = limit < up[i] ? limit : up[i];
    const float u = below < -limit ? -limit : below;
    out[i] = (g / (1.0f + exp(-(alpha * g)))) * (u + 1.0f);
  }
}

void gelu_tanh(const float* x, std::size_t n, float* y) {
  for (std::size_t i = 0; i < n; ++i) {
    const float t = x[i] * x[i];
    const float p = fma(t, 0x1.2444f2p-4f, 0x1.988454p+0f);
    y[i] = x[i] / (1.0f + exp(-(x[i] * p)));
  }
}

void exp_each(const float* x, std::size_t n, float* y) {
  for (std::size_t i = 0; i < n; ++i) y[i] = exp(x[i]);
}

void rotate(float& a, float& b, float cos, float sin) {
  const float turned_a = fma(a, cos, -(b * sin));
  const float turned_b = fma(a, sin, b * cos);
  a = turned_a;
  b = turned_b;
}

void rope_adjacent(float* x, std::size_t heads, std::size_t head_dim, const float* cos, const float* sin,
                   std::size_t pairs) {
  for (std::size_t h = 0; h < heads; ++h, x += head_dim) {
    for (std::size_t i = 0; i < pairs; ++i) rotate(x[2 * i], x[2 * i + 1], cos[i], sin[i]);
  }
}

void rope_halves(float* x, std::size_t heads, std::size_t head_dim, const float* cos, const float* sin,
                 std::size_t pairs) {
  for (std::size_t h = 0; h < heads; ++h, x += head_dim) {
    for (std::size_t i = 0; i < pairs; ++i) rotate(x[i], x[i + pairs], cos[i], sin[i]);
  }
}

void divide(float* x, std::size_t n, float divisor) {
  for (std::size_t i = 0; i < n; ++i) x[i] = x[i] / divisor;
}

void multiply(float* x, const float* y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) x[i] = x[i] * y[i];
}

void add_scaled(float* x, const float* y, std::size_t n, float factor) {
  for (std::size_t i = 0; i < n; ++i) x[i] = fma(factor, y[i], x[i]);
}

void scale(float* x, std::size_t n, float factor) {
  for (std::size_t i = 0; i < n; ++i) x[i] = x[i] * factor;
}

void soft_cap(float* x, std::size_t n, float cap) {
  for (std::size_t i = 0; i < n; ++i) x[i] = tanh(x[i] / cap) * cap;
}

bool all_finite(const float* x, std::size_t n) {
  bool all = true;
  for (std::size_t i = 0; i < n; ++i) all &= finite(x[i]);
  return all;
}

float stored(float x, float) {
  return finite(x) ? x : 0.0f;
}

std::uint16_t stored(float x, std::uint16_t) {
  if (!finite(x)) return 0;
  const std::uint16_t half = to_f16(x);
  return (half & 0x7fff) == 0x7c00 ? static_cast<std::uint16_t>((half & 0x8000) | 0x7bff) : half;
}

template <typename Element>
bool store_k(const float* x, std::size_t n, void* page, std::size_t slot) {
  auto* keys = static_cast<Element*>(page) + slot / kLanes * n * kLanes + slot % kLanes;
  for (std::size_t d = 0; d < n; ++d) keys[d * kLanes] = stored(x[d], Element{});
  return all_finite(x, n);
}

template <typename Element>
bool store_v(const float* x, std::size_t n, void* page, std::size_t slot) {
  auto* value = static_cast<Element*>(page) + slot * value_stride(n);
  for (std::size_t d = 0; d < n; ++d) value[d] = stored(x[d], Element{});
  return all_finite(x, n);
}

/// Scales and bytes of a vector whose dimension d has its byte at bytes[d * step].
bool store_q8_0(const float* x, std::size_t n, std::uint16_t* scales, std::int8_t* bytes, std::size_t step) {
  for (std::size_t first = 0; first < n; first += kBlock) {
    const std::size_t end = n < first + kBlock ? n : first + kBlock;
    float amax = 0;
    for (std::size_t d = first; d < end; ++d) {
      const auto size = std::bit_cast<float>(magnitude(stored(x[d], float{})));
      amax = size > amax ? size : amax;
    }
    std::uint16_t& scale = scales[first / kBlock * kPagePositions];
    scale = stored(amax / 127.0f, std::uint16_t{});
    const float inverse = scale == 0 ? 0.0f : 1.0f / from_f16(scale);
    for (std::size_t d = first; d < end; ++d) {
      float code = stored(x[d], float{}) * inverse;
      code = code > 127.0f ? 127.0f : code < -127.0f ? -127.0f : code;
      // Adding 1.5 * 2^23 rounds to an integer, nearest even.
      bytes[d * step] = static_cast<std::int8_t>((code + 0x1.8p+23f) - 0x1.8p+23f);
    }
  }
  return all_finite(x, n);
}

bool store_k_q8_0(const float* x, std::size_t n, void* page, std::size_t slot) {
  auto* bytes = static_cast<std::int8_t*>(page) + kv_scale_bytes(KvFormat::kQ8_0, n);
  return store_q8_0(x, n, static_cast<std::uint16_t*>(page) + slot,
                    bytes + slot / kLanes * n * kLanes + slot % kLanes, kLanes);
}

bool store_v_q8_0(const float* x, std::size_t n, void* page, std::size_t slot) {
  auto* bytes = static_cast<std::int8_t*>(page) + kv_scale_bytes(KvFormat::kQ8_0, n);
  return store_q8_0(x, n, static_cast<std::uint16_t*>(page) + slot, bytes + slot * value_stride(n), 1);
}

}  // namespace

void fill_vector(Table& table) {
  constexpr auto kF16 = static_cast<std::size_t>(KvFormat::kF16);
  constexpr auto kF32 = static_cast<std::size_t>(KvFormat::kF32);
  constexpr auto kQ8_0 = static_cast<std::size_t>(KvFormat::kQ8_0);
  table.store_k[kF16] = store_k<std::uint16_t>;
  table.store_k[kF32] = store_k<float>;
  table.store_k[kQ8_0] = store_k_q8_0;
  table.store_v[kF16] = store_v<std::uint16_t>;
  table.store_v[kF32] = store_v<float>;
  table.store_v[kQ8_0] = store_v_q8_0;
  table.quantize_q8 = quantize_q8;
  table.round_bf16 = round_bf16;
  table.rms_norm = rms_norm;
  table.layer_norm = layer_norm;
  table.add = add;
  table.silu_mul = silu_mul;
  table.swiglu_clamped = swiglu_clamped;
  table.gelu_tanh = gelu_tanh;
  table.exp = exp_each;
  table.rope_adjacent = rope_adjacent;
  table.rope_halves = rope_halves;
  table.divide = divide;
  table.multiply = multiply;
  table.add_scaled = add_scaled;
  table.scale = scale;
  table.soft_cap = soft_cap;
  table.all_finite = all_finite;
}

}  // namespace garam::kernels::portable
