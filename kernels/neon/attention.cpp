// Attention: kernels/simd/attention.h in NEON.
#include "kernels/simd/attention.h"

#include "kernels/neon/lanes.h"
#include "kernels/neon/parts.h"

namespace garam::kernels::neon {
namespace {

/// 16 lanes are four of 32 registers: 6 rows add up in 24 and leave room for one load and one broadcast, 2
/// rows by 32 lanes take 16 beside 8 of loads.
struct TileLanes : Lanes {
  static constexpr std::size_t kTileRows = 6;
  static constexpr std::size_t wide(std::size_t rows) { return rows == 1 ? 4 : rows == 2 ? 2 : 1; }
  /// 4 conversions beside 24 fma in a tile of 6 rows are paid once a group of 12; more groups share them.
  static constexpr std::size_t kConvertF16From = 13;
  static constexpr std::size_t kConvertQ8From = 7;
  static constexpr std::size_t kExpAtOnce = 1;
};

}  // namespace

void fill_attention(Table& table) {
  simd::fill_attention<TileLanes>(table);
}

}  // namespace garam::kernels::neon
