// Products of f32, f16 and bf16 weights, up to 6 activation rows. One step is one k, or one pair of k for
// bf16; the accumulators of a tile stay in registers over the whole of k. More rows: matmul_float_many.h.
#include "kernels/avx2/matmul_float_many.h"
#include "kernels/avx2/parts.h"

namespace garam::kernels::avx2 {
namespace {

/// acc[t][r] = fma(w[r], x of row t, acc[t][r]).
template <typename Kernel, std::size_t kTokens, std::size_t kWide, typename Load, typename Broadcast>
[[gnu::always_inline]] inline void add(const std::byte* w, const typename Kernel::X* x, std::size_t stride,
                                       const Load& load, const Broadcast& broadcast,
                                       __m256 (&acc)[kTokens][kWide]) {
  __m256 weights[kWide];
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kWide; ++r) weights[r] = load(w + r * Kernel::kRegisterBytes);
#pragma GCC unroll 6
  for (std::size_t t = 0; t < kTokens; ++t) {
    const __m256 v = broadcast(x + t * stride);
#pragma GCC unroll 4
    for (std::size_t r = 0; r < kWide; ++r) acc[t][r] = _mm256_fmadd_ps(weights[r], v, acc[t][r]);
  }
}

struct F32 {
  using X = float;
  static constexpr std::size_t kElements = 1;        // of x per step
  static constexpr std::size_t kRegisterBytes = 32;  // packed weights of 8 rows and one step

  template <std::size_t kTokens, std::size_t kWide>
  [[gnu::always_inline]] static void step(const std::byte* w, const X* x, std::size_t stride,
                                          __m256 (&acc)[kTokens][kWide]) {
    add<F32, kTokens, kWide>(
        w, x, stride, [](const std::byte* p) { return _mm256_castsi256_ps(load_weights(p)); },
        [](const X* p) { return _mm256_broadcast_ss(p); }, acc);
  }
};

struct F16 {
  using X = float;
  static constexpr std::size_t kElements = 1;
  static constexpr std::size_t kRegisterBytes = 16;

  template <std::size_t kTokens, std::size_t kWide>
  [[gnu::always_inline]] static void step(const std::byte* w, const X* x, std::size_t stride,
                                          __m256 (&acc)[kTokens][kWide]) {
    add<F16, kTokens, kWide>(
        w, x, stride, [](const std::byte* p) { return load_f16(p); },
        [](const X* p) { return _mm256_broadcast_ss(p); }, acc);
  }
};

/// Each bf16 is the upper half of its f32: odd elements by mask, then even ones by shift.
struct Bf16 {
  using X = std::uint16_t;
  static constexpr std::size_t kElements = 2;
  static constexpr std::size_t kRegisterBytes = 32;

  static __m256 odd(__m256i pairs) {
    return _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32(static_cast<int>(0xffff0000u))));
  }
  static __m256 even(__m256i pairs) { return _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16)); }

  template <std::size_t kTokens, std::size_t kWide>
  [[gnu::always_inline]] static void step(const std::byte* w, const X* x, std::size_t stride,
                                          __m256 (&acc)[kTokens][kWide]) {
    add<Bf16, kTokens, kWide>(
        w, x, stride, [](const std::byte* p) { return odd(load_weights(p)); },
        [](const X* p) { return odd(broadcast_4_bytes(p)); }, acc);
    forget(w);
    add<Bf16, kTokens, kWide>(
        w, x, stride, [](const std::byte* p) { return even(load_weights(p)); },
        [](const X* p) { return even(broadcast_4_bytes(p)); }, acc);
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
    __m256 acc[kTokens][kWide];
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) {
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kWide; ++r) {
        acc[t][r] = m.accumulate ? _mm256_loadu_ps(tile.out + t * m.out_stride + 8 * (first + r))
                                 : _mm256_setzero_ps();
      }
    }
    for (std::size_t step = 0; step < steps; ++step) {
      Kernel::template step<kTokens, kWide>(w, x, stride, acc);
      w += kPanelRegisters * Kernel::kRegisterBytes;
      x += Kernel::kElements;
    }
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) {
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kWide; ++r) {
        _mm256_storeu_ps(tile.out + t * m.out_stride + 8 * (first + r), acc[t][r]);
      }
    }
  }
}

template <typename Kernel, typename Many>
void steps_matmul(const Matmul& m) {
  static constexpr simd::TileFn kTiles[kMostTokens] = {steps_tile<Kernel, 1>, steps_tile<Kernel, 2>,
                                                       steps_tile<Kernel, 3>, steps_tile<Kernel, 4>,
                                                       steps_tile<Kernel, 5>, steps_tile<Kernel, 6>};
  if (m.rows > kMostTokens) return float_many_rows<Many>(m);
  const std::size_t steps = (m.k + Kernel::kElements - 1) / Kernel::kElements;
  simd::each_tile(m, steps * kPanelRegisters * Kernel::kRegisterBytes, kTiles, kMostTokens, simd::kNoAhead);
}

}  // namespace

void matmul_f32(const Matmul& m) {
  steps_matmul<F32, ManyF32>(m);
}

void matmul_f16(const Matmul& m) {
  steps_matmul<F16, ManyF16>(m);
}

void matmul_bf16(const Matmul& m) {
  steps_matmul<Bf16, ManyBf16>(m);
}

}  // namespace garam::kernels::avx2
