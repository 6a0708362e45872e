// Products of f32, f16 and bf16 weights. One step is one k, or one pair of k for bf16; the accumulators of a
// tile stay in registers over the whole of k. Arm's arithmetic on f16 and its bf16 dot products round
// otherwise than numerics rules 4 and 5 say, so both are widened to f32.
#include "kernels/neon/matmul_parts.h"
#include "kernels/neon/parts.h"

namespace garam::kernels::neon {
namespace {

/// 1 to 3 activation rows take whole panels, so that decoding reads one ascending stream.
constexpr std::size_t wide_for(std::size_t tokens) {
  return tokens <= 3 ? kPanelRegisters : kPanelRegisters / 2;
}

/// acc[t][r] = fma(weights(r), activation(t), acc[t][r]).
template <std::size_t kTokens, std::size_t kWide, typename Weights, typename Activation>
[[gnu::always_inline]] inline void add(const Weights& weights, const Activation& activation,
                                       float32x4_t (&acc)[kTokens][kWide]) {
  if constexpr (kTokens < kWide) {
    float32x4_t x[kTokens];
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) x[t] = activation(t);
#pragma GCC unroll 8
    for (std::size_t r = 0; r < kWide; ++r) {
      const float32x4_t w = weights(r);
      no_loads_ahead();
#pragma GCC unroll 6
      for (std::size_t t = 0; t < kTokens; ++t) acc[t][r] = vfmaq_f32(acc[t][r], w, x[t]);
    }
  } else {
    float32x4_t w[kWide];
#pragma GCC unroll 8
    for (std::size_t r = 0; r < kWide; ++r) w[r] = weights(r);
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) {
      const float32x4_t x = activation(t);
      no_loads_ahead();
#pragma GCC unroll 8
      for (std::size_t r = 0; r < kWide; ++r) acc[t][r] = vfmaq_f32(acc[t][r], w[r], x);
    }
  }
}

struct F32 {
  using X = float;
  static constexpr std::size_t kElements = 1;        // of x per step
  static constexpr std::size_t kRegisterBytes = 16;  // packed weights of 4 rows and one step

  template <std::size_t kTokens, std::size_t kWide>
  [[gnu::always_inline]] static void step(const std::byte* w, const X* x, std::size_t stride,
                                          float32x4_t (&acc)[kTokens][kWide]) {
    add<kTokens, kWide>(
        [&](std::size_t r) { return vreinterpretq_f32_u8(load_weights(w + r * kRegisterBytes)); },
        [&](std::size_t t) { return vdupq_n_f32(x[t * stride]); }, acc);
  }
};

struct F16 {
  using X = float;
  static constexpr std::size_t kElements = 1;
  static constexpr std::size_t kRegisterBytes = 8;

  template <std::size_t kTokens, std::size_t kWide>
  [[gnu::always_inline]] static void step(const std::byte* w, const X* x, std::size_t stride,
                                          float32x4_t (&acc)[kTokens][kWide]) {
    add<kTokens, kWide>([&](std::size_t r) { return load_f16(w + r * kRegisterBytes); },
                        [&](std::size_t t) { return vdupq_n_f32(x[t * stride]); }, acc);
  }
};

/// Each bf16 is the upper half of its f32: odd elements by mask, then even ones by shift.
struct Bf16 {
  using X = std::uint16_t;
  static constexpr std::size_t kElements = 2;
  static constexpr std::size_t kRegisterBytes = 16;

  static float32x4_t odd(uint32x4_t pairs) {
    return vreinterpretq_f32_u32(vandq_u32(pairs, vdupq_n_u32(0xffff0000u)));
  }
  static float32x4_t even(uint32x4_t pairs) { return vreinterpretq_f32_u32(vshlq_n_u32(pairs, 16)); }

  template <std::size_t kTokens, std::size_t kWide>
  [[gnu::always_inline]] static void step(const std::byte* w, const X* x, std::size_t stride,
                                          float32x4_t (&acc)[kTokens][kWide]) {
    const auto weights = [&](std::size_t r) {
      return vreinterpretq_u32_u8(load_weights(w + r * kRegisterBytes));
    };
    add<kTokens, kWide>([&](std::size_t r) { return odd(weights(r)); },
                        [&](std::size_t t) { return odd(broadcast_4_bytes(x + t * stride)); }, acc);
    add<kTokens, kWide>([&](std::size_t r) { return even(weights(r)); },
                        [&](std::size_t t) { return even(broadcast_4_bytes(x + t * stride)); }, acc);
  }
};

template <typename Kernel, std::size_t kTokens>
void steps_tile(const Matmul& m, const simd::Tile& tile) {
  constexpr std::size_t kWide = wide_for(kTokens);
  const std::size_t steps = (m.k + Kernel::kElements - 1) / Kernel::kElements;
  const std::size_t stride = m.x_stride;
  for (std::size_t first = 0; first < kPanelRegisters; first += kWide) {
    const std::byte* w = tile.panel + first * Kernel::kRegisterBytes;
    const auto* x = static_cast<const typename Kernel::X*>(m.x) + tile.first * stride;
    float32x4_t acc[kTokens][kWide];
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) {
#pragma GCC unroll 8
      for (std::size_t r = 0; r < kWide; ++r) {
        acc[t][r] =
            m.accumulate ? vld1q_f32(tile.out + t * m.out_stride + kLanes4 * (first + r)) : vdupq_n_f32(0.0f);
      }
    }
    for (std::size_t step = 0; step < steps; ++step) {
      Kernel::template step<kTokens, kWide>(w, x, stride, acc);
      w += kPanelRegisters * Kernel::kRegisterBytes;
      x += Kernel::kElements;
    }
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) {
#pragma GCC unroll 8
      for (std::size_t r = 0; r < kWide; ++r) {
        vst1q_f32(tile.out + t * m.out_stride + kLanes4 * (first + r), acc[t][r]);
      }
    }
  }
}

template <typename Kernel>
void steps_matmul(const Matmul& m) {
  static constexpr simd::TileFn kTiles[kMostTokens] = {steps_tile<Kernel, 1>, steps_tile<Kernel, 2>,
                                                       steps_tile<Kernel, 3>, steps_tile<Kernel, 4>,
                                                       steps_tile<Kernel, 5>, steps_tile<Kernel, 6>};
  const std::size_t steps = (m.k + Kernel::kElements - 1) / Kernel::kElements;
  simd::each_tile(m, steps * kPanelRegisters * Kernel::kRegisterBytes, kTiles, kMostTokens, simd::kNoAhead);
}

}  // namespace

void fill_float_matmul(Table& table) {
  const auto set = [&](Format format, MatmulFn kernel) {
    table.matmul[static_cast<std::size_t>(format)] = kernel;
    table.matmul_name[static_cast<std::size_t>(format)] = "neon";
  };
  set(Format::kF32, steps_matmul<F32>);
  set(Format::kF16, steps_matmul<F16>);
  set(Format::kBf16, steps_matmul<Bf16>);
}

}  // namespace garam::kernels::neon
