// Products of f32 and f16 weights, and of bf16 weights on CPUs whose bf16 dot product is missing or rounds
// otherwise.
#include "kernels/avx512/matmul_steps.h"
#include "kernels/avx512/parts.h"

namespace garam::kernels::avx512 {
namespace {

/// What f32 and f16 have in common once the weights are loaded.
struct Single {
  using X = float;
  static constexpr std::size_t kElements = 1;
  static __m512 broadcast(const float* x) { return _mm512_set1_ps(*x); }
  static __m512 add(__m512 w, __m512 x, __m512 acc) { return _mm512_fmadd_ps(w, x, acc); }
};

struct F32 : Single {
  static constexpr std::size_t kRegisterBytes = 64;
  static constexpr std::size_t kFetchFrom = 5;  // 1 to 4 rows lose 2 to 12 %, 8 gain 21, 64 gain 11 (Zen 5)
  static __m512 load(const std::byte* panel) { return _mm512_load_ps(panel); }
};

/// Of plain reading 1.20, 1.21, 1.12 and 1.15 for 1 to 4 rows, without 1.15, 0.97, 0.88, 0.79 (Emerald
/// Rapids).
struct F32OnIntel : F32 {
  static constexpr std::size_t kFetchFrom = 1;
};

struct F16 : Single {
  static constexpr std::size_t kRegisterBytes = 32;
  static constexpr std::size_t kFetchFrom = 1;  // 1 to 8 rows gain 35 to 40 % (Zen 5)
  static __m512 load(const std::byte* panel) { return load_f16(panel); }
};

/// Each bf16 is the upper half of its f32.
struct Bf16 {
  struct Pair {
    __m512 even, odd;
  };
  using X = std::uint16_t;
  static constexpr std::size_t kElements = 2;
  static constexpr std::size_t kRegisterBytes = 64;
  static constexpr std::size_t kFetchFrom = 2;
  static Pair split(__m512i pairs) {
    return {_mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16)),
            _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32(static_cast<int>(0xffff0000u))))};
  }
  static Pair load(const std::byte* panel) { return split(load_weights(panel)); }
  static Pair broadcast(const std::uint16_t* x) { return split(broadcast_4_bytes(x)); }
  static __m512 add(const Pair& w, const Pair& x, __m512 acc) {
    return _mm512_fmadd_ps(w.even, x.even, _mm512_fmadd_ps(w.odd, x.odd, acc));
  }
};

/// Rows from which a panel of f16 is brought to f32 first.
constexpr std::size_t kManyRows = 36;

/// Rows from which activations are split beforehand: for fewer, reading the weights is the limit.
constexpr std::size_t kSplitFrom = 5;

/// bf16 for several rows: both halves of the activations are made floats once for a panel, so that steps are
/// nearly all fma; 64 pairs at a time, which stay in L1 beside the weights (0.85 of the peak instead of 0.78
/// with 256, from 12 rows on; Emerald Rapids).
template <std::size_t kTokens>
void split_tile(const Matmul& m, const simd::Tile& tile) {
  constexpr std::size_t kPairs = 64;
  const std::size_t steps = (m.k + 1) / 2;
  const auto* x = static_cast<const std::uint16_t*>(m.x) + tile.first * m.x_stride;
  alignas(64) float even[kTokens][kPairs + 16], odd[kTokens][kPairs + 16];
  __m512 acc[kTokens][2];
  start_tile(acc, m.accumulate, tile.out, m.out_stride);
  const std::byte* panel = tile.panel;
  simd::Share ahead = tile.ahead;
  for (std::size_t first = 0; first < steps; first += kPairs) {
    const std::size_t count = steps - first < kPairs ? steps - first : kPairs;
    for (std::size_t t = 0; t < kTokens; ++t) {
      for (std::size_t i = 0; i < count; i += 16) {
        const unsigned valid = count - i < 16 ? (1u << (count - i)) - 1 : 0xffff;
        const Bf16::Pair pair = Bf16::split(
            _mm512_maskz_loadu_epi32(static_cast<__mmask16>(valid), x + t * m.x_stride + 2 * (first + i)));
        _mm512_store_ps(even[t] + i, pair.even);
        _mm512_store_ps(odd[t] + i, pair.odd);
      }
    }
    std::size_t i = 0;
    take_steps<2, true>(count, ahead, [&] {
      const Bf16::Pair w0 = Bf16::load(panel), w1 = Bf16::load(panel + Bf16::kRegisterBytes);
#pragma GCC unroll 16
      for (std::size_t t = 0; t < kTokens; ++t) {
        const __m512 v = _mm512_set1_ps(odd[t][i]);
        acc[t][0] = _mm512_fmadd_ps(w0.odd, v, acc[t][0]);
        acc[t][1] = _mm512_fmadd_ps(w1.odd, v, acc[t][1]);
      }
#pragma GCC unroll 16
      for (std::size_t t = 0; t < kTokens; ++t) {
        const __m512 v = _mm512_set1_ps(even[t][i]);
        acc[t][0] = _mm512_fmadd_ps(w0.even, v, acc[t][0]);
        acc[t][1] = _mm512_fmadd_ps(w1.even, v, acc[t][1]);
      }
      panel += 2 * Bf16::kRegisterBytes;
      ++i;
    });
  }
  store_tile(acc, tile.out, m.out_stride);
}

/// A stretch of a panel of f16 as f32.
constexpr std::size_t kStretch = 128;
using Stretch = float[kStretch][kPanelRows];

/// What a tile of kTokens rows does with `steps` k of them, which begin at `x`. Between stretches the sums
/// wait in `out`.
struct StretchTile {
  const float* x;
  std::size_t steps;
  simd::Share ahead;
  bool first;
  float* out;
};
template <std::size_t kTokens>
void stretch_tile(const Matmul& m, const Stretch& w, const StretchTile& tile) {
  __m512 acc[kTokens][2];
  start_tile(acc, m.accumulate || !tile.first, tile.out, m.out_stride);
  all_steps<F32>(reinterpret_cast<const std::byte*>(w), tile.x, m.x_stride, tile.steps, tile.ahead, acc);
  store_tile(acc, tile.out, m.out_stride);
}

/// f16 for many rows where converting goes through the pipes that add: stretches of a panel are brought to
/// f32 once, 16 KiB of L1, for all tiles.
void f16_many_rows(const Matmul& m) {
  using TileFn = void (*)(const Matmul&, const Stretch&, const StretchTile&);
  // Shared out evenly, kManyRows and more never leave a tile of fewer than 6 (41 rows where 8 are the most).
  static constexpr TileFn kTiles[] = {stretch_tile<6>,  stretch_tile<7>,  stretch_tile<8>, stretch_tile<9>,
                                      stretch_tile<10>, stretch_tile<11>, stretch_tile<12>};
  constexpr std::size_t kStepBytes = 2 * F16::kRegisterBytes;
  const std::size_t most = most_tokens<F16>(m);
  const std::size_t tiles = (m.rows + most - 1) / most;
  alignas(64) Stretch w;
  for (std::size_t p = 0; p < m.panel_count; ++p) {
    for (std::size_t k = 0; k < m.k; k += kStretch) {
      const std::byte* from = m.panels + (p * m.k + k) * kStepBytes;
      const std::size_t steps = m.k - k < kStretch ? m.k - k : kStretch;
      for (std::size_t i = 0; i < steps; ++i) {
        _mm512_store_ps(w[i], F16::load(from + i * kStepBytes));
        _mm512_store_ps(w[i] + 16, F16::load(from + i * kStepBytes + F16::kRegisterBytes));
      }
      for (std::size_t i = 0; i < tiles; ++i) {
        const std::size_t row = m.rows * i / tiles;
        StretchTile tile;
        tile.x = static_cast<const float*>(m.x) + row * m.x_stride + k;
        tile.steps = steps;
        // The first tile brings in what is converted next.
        tile.ahead = {from + steps * kStepBytes, i == 0 ? kStepBytes / simd::kCacheLine : 0};
        tile.first = k == 0;
        tile.out = m.out + row * m.out_stride + p * kPanelRows;
        kTiles[m.rows * (i + 1) / tiles - row - 6](m, w, tile);
      }
    }
  }
}

}  // namespace

void matmul_f32(const Matmul& m) {
  steps_matmul<F32>(m);
}

void matmul_f32_on_intel(const Matmul& m) {
  steps_matmul<F32OnIntel>(m);
}

void matmul_f16(const Matmul& m) {
  steps_matmul<F16>(m);
}

void matmul_f16_on_intel(const Matmul& m) {
  m.rows < kManyRows ? steps_matmul<F16>(m) : f16_many_rows(m);
}

void matmul_bf16_by_fma(const Matmul& m) {
  if (m.rows < kSplitFrom) return steps_matmul<Bf16>(m);
  // Shared out evenly, these never leave a tile of fewer than kSplitFrom rows.
  static constexpr simd::TileFn kTiles[] = {nullptr,       nullptr,        nullptr,        nullptr,
                                            split_tile<5>, split_tile<6>,  split_tile<7>,  split_tile<8>,
                                            split_tile<9>, split_tile<10>, split_tile<11>, split_tile<12>};
  constexpr std::size_t kStepBytes = 2 * Bf16::kRegisterBytes;
  constexpr simd::Ahead kAhead = {Bf16::kFetchFrom, kStepBytes / simd::kCacheLine, kAheadBytes,
                                  simd::kNearBytes};
  simd::each_tile(m, (m.k + 1) / 2 * kStepBytes, kTiles, 12, kAhead);
}

}  // namespace garam::kernels::avx512
