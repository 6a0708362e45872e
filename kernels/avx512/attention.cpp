// Attention: kernels/simd/attention.h in AVX-512.
#include "kernels/simd/attention.h"

#include "kernels/avx512/lanes.h"
#include "kernels/avx512/parts.h"

namespace garam::kernels::avx512 {
namespace {

/// 24 of 32 registers add up.
struct TileLanes : Lanes {
  static constexpr std::size_t kTileRows = 6;
  static constexpr std::size_t wide(std::size_t) { return 4; }
  /// Converted in every tile: a chunk of f16 stays in L1, as f32 it does not. Zen 5, 32 and more rows: 0.72
  /// to 0.80 of the peak instead of 0.55 to 0.66; q8_0 0.64 instead of 0.55 to 0.62.
  static constexpr std::size_t kConvertF16From = 0;
  static constexpr std::size_t kConvertQ8From = 0;
  static constexpr std::size_t kExpAtOnce = 4;
};

/// The two pipes that add convert as well, and 2 MiB of L2 keep a chunk as f32. Of the peak, 32, 64 and 256
/// rows: f16 0.62, 0.68, 0.74 instead of 0.58, 0.59, 0.60; q8_0 0.62, 0.69, 0.74 instead of 0.51, 0.53, 0.53;
/// 24 rows 0.47 instead of 0.50, and 0.45 instead of 0.42 (Emerald Rapids).
struct TileLanesOnIntel : TileLanes {
  static constexpr std::size_t kConvertF16From = 32;
  static constexpr std::size_t kConvertQ8From = 24;
};

}  // namespace

void fill_attention(Table& table, const Features& features) {
  features.intel ? simd::fill_attention<TileLanesOnIntel>(table) : simd::fill_attention<TileLanes>(table);
}

}  // namespace garam::kernels::avx512
