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
  /// Conversions take the place of half an fma each on Zen 4, and of two on Intel.
  static constexpr std::size_t kConvertF16From = 13;
  static constexpr std::size_t kConvertQ8From = 7;
};

}  // namespace

void fill_attention(Table& table) {
  simd::fill_attention<TileLanes>(table);
}

}  // namespace garam::kernels::avx512
