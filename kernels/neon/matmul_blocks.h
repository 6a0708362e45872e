// Products of weights in blocks of 32: per block the exact integer dots of a tile, in registers, then one
// conversion, one product of scales and one fma per 4 outputs. D is how integers are multiplied, DotProduct
// or Widening, F a format.
//
// Up to 6 activation rows are one tile, which takes the codes apart as it reads them. More rows share that
// work: 8 blocks of a panel are unpacked once, then every tile multiplies with what is in L1.
#pragma once

#include "kernels/neon/block_formats.h"
#include "kernels/simd/packed_blocks.h"

namespace garam::kernels::neon {
namespace {

/// Blocks in one sweep over part of a panel's rows, so that the next part finds them in the cache; a multiple
/// of every unit.
inline constexpr std::size_t kSweepBlocks = 32;

/// Blocks of a panel as they lie in memory.
template <typename F>
struct Packed {
  const std::byte* from;  // a unit

  struct Block : simd::PackedBlock {
    template <std::size_t kGroup>
    [[gnu::always_inline]] int8x16_t code(std::size_t r) const {
      return F::template code<kGroup>(planes, r);
    }
    [[gnu::always_inline]] Scales scales(std::size_t r) const { return F::scales(header, s, r); }
  };
  [[gnu::always_inline]] Block at(std::size_t b) const { return {simd::packed_block<F::kFormat>(from, b)}; }
};

/// Blocks of a panel taken apart: codes a byte each, scales as the float steps want them.
template <typename F>
struct Unpacked {
  static constexpr bool kHalves = F::kSum == Sum::kHalves;
  static constexpr std::size_t kCount = 8;

  struct Block {
    alignas(64) int8x16_t codes[kPanelRegisters][8];
    // What a format does not have takes no room to speak of: everything must stay in L1.
    float32x4_t d[kPanelRegisters];
    float32x4_t m[F::kMinimum ? kPanelRegisters : 1];
    int32x4_t half[2][kHalves ? kPanelRegisters : 1];
    int32x4_t minimum[2][F::kMinimum && kHalves ? kPanelRegisters : 1];

    [[gnu::always_inline]] Scales scales(std::size_t r) const {
      Scales found;
      found.d = d[r];
      if constexpr (F::kMinimum) found.m = m[r];
      for (std::size_t h = 0; h < 2 && kHalves; ++h) {
        found.half[h] = half[h][r];
        if constexpr (F::kMinimum) found.minimum[h] = minimum[h][r];
      }
      return found;
    }
    [[gnu::always_inline]] void keep(const Scales& found, std::size_t r) {
      d[r] = found.d;
      if constexpr (F::kMinimum) m[r] = found.m;
      for (std::size_t h = 0; h < 2 && kHalves; ++h) {
        half[h][r] = found.half[h];
        if constexpr (F::kMinimum) minimum[h][r] = found.minimum[h];
      }
    }
    template <std::size_t kGroup>
    [[gnu::always_inline]] void keep_codes(typename Packed<F>::Block packed, std::size_t r) {
      codes[r][kGroup] = packed.template code<kGroup>(r);
      if constexpr (kGroup + 1 < 8) keep_codes<kGroup + 1>(packed, r);
    }
  };
  Block blocks[kCount];

  struct View {
    const Block* block;

    template <std::size_t kGroup>
    [[gnu::always_inline]] int8x16_t code(std::size_t r) const {
      return block->codes[r][kGroup];
    }
    [[gnu::always_inline]] Scales scales(std::size_t r) const { return block->scales(r); }
  };
  [[gnu::always_inline]] View at(std::size_t b) const { return {blocks + b}; }

  void fill(const std::byte* from, std::size_t count) {
    const Packed<F> packed{from};
    for (std::size_t b = 0; b < count; ++b) {
      const auto block = packed.at(b);
      for (std::size_t r = 0; r < kPanelRegisters; ++r) {
        blocks[b].template keep_codes<0>(block, r);
        blocks[b].keep(block.scales(r), r);
      }
    }
  }
};

template <typename D, typename F, std::size_t kTokens>
struct TileOf {
  static constexpr std::size_t kWide = D::wide(F::kSum, kTokens);
  static constexpr std::size_t kGroups = D::groups(F::kSum);
  using Dots = typename D::template Dots<F::kSum>;
  using Fours = typename D::template Fours<kGroups>;

  // Blocks and pointers travel by value: behind references they would be read again after every
  // no_loads_ahead(). x is the block of row 0 of the tile, that of the next row lies `stride` behind.

  /// dots[t][r] += codes of kGroups groups from kGroup on times activations.
  template <std::size_t kGroup, typename Block>
  [[gnu::always_inline]] static void add(Block block, std::size_t part,
                                         const typename D::Activations (&q)[kTokens],
                                         Dots (&dots)[kTokens][kWide]) {
    const auto codes = [block, part](std::size_t r, int8x16_t(&w)[kGroups]) {
      w[0] = block.template code<kGroup>(part + r);
      if constexpr (kGroups == 2) w[1] = block.template code<kGroup + 1>(part + r);
    };
    if constexpr (D::keeps_activations(kTokens, kWide)) {
      Fours v[kTokens];
#pragma GCC unroll 6
      for (std::size_t t = 0; t < kTokens; ++t) v[t] = D::template fours<kGroups, kGroup % 4>(q[t]);
#pragma GCC unroll 8
      for (std::size_t r = 0; r < kWide; ++r) {
        int8x16_t w[kGroups];
        codes(r, w);
        no_loads_ahead();
#pragma GCC unroll 6
        for (std::size_t t = 0; t < kTokens; ++t) dots[t][r].template add<kGroup % 4>(w, v[t]);
      }
    } else {
      int8x16_t w[kWide][kGroups];
#pragma GCC unroll 8
      for (std::size_t r = 0; r < kWide; ++r) codes(r, w[r]);
#pragma GCC unroll 6
      for (std::size_t t = 0; t < kTokens; ++t) {
        const Fours v = D::template fours<kGroups, kGroup % 4>(q[t]);
        no_loads_ahead();
#pragma GCC unroll 8
        for (std::size_t r = 0; r < kWide; ++r) dots[t][r].template add<kGroup % 4>(w[r], v);
      }
    }
    if constexpr (kGroup % 4 + kGroups < 4) add<kGroup + kGroups>(block, part, q, dots);
  }

  /// dots[t][r] += the dots over one half of a block.
  template <std::size_t kHalf, typename Block>
  [[gnu::always_inline]] static void add_half(Block block, std::size_t part, const ActivationBlock* x,
                                              std::size_t stride, Dots (&dots)[kTokens][kWide]) {
    typename D::Activations q[kTokens];
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) q[t].load(x[t * stride].q + 16 * kHalf);
    add<4 * kHalf>(block, part, q, dots);
  }

  [[gnu::always_inline]] static void start(const std::int32_t (&from)[kTokens],
                                           Dots (&dots)[kTokens][kWide]) {
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) {
#pragma GCC unroll 8
      for (std::size_t r = 0; r < kWide; ++r) dots[t][r].start(from[t]);
    }
  }

  /// One half of a block, times its scales, added to isum.
  template <std::size_t kHalf, typename Block>
  [[gnu::always_inline]] static void scaled_half(Block block, std::size_t part, const ActivationBlock* x,
                                                 std::size_t stride, int32x4_t (&isum)[kTokens][kWide]) {
    std::int32_t from[kTokens];
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) from[t] = -F::kOffset * x[t * stride].half_sum[kHalf];
    Dots dots[kTokens][kWide];
    start(from, dots);
    add_half<kHalf>(block, part, x, stride, dots);
#pragma GCC unroll 8
    for (std::size_t r = 0; r < kWide; ++r) {
      const int32x4_t scale = block.scales(part + r).half[kHalf];
#pragma GCC unroll 6
      for (std::size_t t = 0; t < kTokens; ++t) {
        const int32x4_t sum = dots[t][r].total(from[t]);
        isum[t][r] = kHalf == 0 ? vmulq_s32(sum, scale) : vmlaq_s32(isum[t][r], sum, scale);
      }
    }
  }

  /// isum[t][r] = the integer dots of a block, rows [4 part, 4 (part + kWide)) of the panel.
  template <typename Block>
  [[gnu::always_inline]] static void integers(Block block, std::size_t part, const ActivationBlock* x,
                                              std::size_t stride, int32x4_t (&isum)[kTokens][kWide]) {
    if constexpr (F::kSum == Sum::kHalves) {
      scaled_half<0>(block, part, x, stride, isum);
      scaled_half<1>(block, part, x, stride, isum);
    } else {
      std::int32_t from[kTokens];
#pragma GCC unroll 6
      for (std::size_t t = 0; t < kTokens; ++t) {
        from[t] = F::kOffset == 0 ? 0 : -F::kOffset * x[t * stride].sum();
      }
      Dots dots[kTokens][kWide];
      start(from, dots);
      add_half<0>(block, part, x, stride, dots);
      add_half<1>(block, part, x, stride, dots);
#pragma GCC unroll 6
      for (std::size_t t = 0; t < kTokens; ++t) {
#pragma GCC unroll 8
        for (std::size_t r = 0; r < kWide; ++r) isum[t][r] = dots[t][r].total(from[t]);
      }
    }
  }

  /// The float steps of one block for 4 outputs.
  [[gnu::always_inline]] static float32x4_t joined(float32x4_t sum, const Scales& scales, int32x4_t isum,
                                                   const ActivationBlock& x) {
    sum = vfmaq_f32(sum, vmulq_n_f32(scales.d, x.scale), vcvtq_f32_s32(isum));
    if constexpr (F::kMinimum && F::kSum == Sum::kHalves) {
      const int32x4_t first = vmulq_n_s32(scales.minimum[0], x.half_sum[0]);
      const int32x4_t imin = vmlaq_n_s32(first, scales.minimum[1], x.half_sum[1]);
      sum = vfmaq_f32(sum, scales.m, vmulq_n_f32(vcvtq_f32_s32(imin), x.scale));
    } else if constexpr (F::kMinimum) {
      sum = vfmaq_f32(sum, scales.m, vdupq_n_f32(x.scaled_sum));
    }
    return sum;
  }

  /// Blocks [0, count) over rows [4 part, 4 (part + kWide)) of the panel; what came before is in out, whose
  /// rows are out_stride apart.
  template <typename Source>
  [[gnu::always_inline]] static void sweep(const Source& source, std::size_t part, std::size_t count,
                                           const ActivationBlock* x, std::size_t stride, bool first,
                                           float* out, std::size_t out_stride) {
    float32x4_t sums[kTokens][kWide] = {};
    for (std::size_t t = 0; t < kTokens && !first; ++t) {
      for (std::size_t r = 0; r < kWide; ++r) sums[t][r] = vld1q_f32(out + t * out_stride + kLanes4 * r);
    }
    for (std::size_t b = 0; b < count; ++b, ++x) {
      const auto block = source.at(b);
      int32x4_t isum[kTokens][kWide];
      integers(block, part, x, stride, isum);
      asm("" : "+m"(sums));  // stays in memory: there are no registers for it
#pragma GCC unroll 8
      for (std::size_t r = 0; r < kWide; ++r) {
        const Scales scales = block.scales(part + r);
#pragma GCC unroll 6
        for (std::size_t t = 0; t < kTokens; ++t) {
          sums[t][r] = joined(sums[t][r], scales, isum[t][r], x[t * stride]);
        }
      }
    }
    for (std::size_t t = 0; t < kTokens; ++t) {
      for (std::size_t r = 0; r < kWide; ++r) vst1q_f32(out + t * out_stride + kLanes4 * r, sums[t][r]);
    }
  }
};

/// All of k for one panel and up to 6 rows.
template <typename D, typename F, std::size_t kTokens>
void packed_tile(const Matmul& m, const std::byte* panel, float* out) {
  using Tile = TileOf<D, F, kTokens>;
  const auto* x = static_cast<const ActivationBlock*>(m.x);
  const std::size_t blocks = m.k / kBlock;
  for (std::size_t b = 0; b < blocks; b += kSweepBlocks) {
    const std::size_t count = blocks - b < kSweepBlocks ? blocks - b : kSweepBlocks;
    const Packed<F> source{panel + panel_bytes(F::kFormat, b * kBlock)};
    for (std::size_t part = 0; part < kPanelRegisters; part += Tile::kWide) {
      Tile::sweep(source, part, count, x + b, m.x_stride, b == 0, out + kLanes4 * part, m.out_stride);
    }
  }
}

/// One unpacked stretch of k for one panel and one of several tiles; out holds the sums of what came before.
template <typename D, typename F, std::size_t kTokens>
void unpacked_tile(const Matmul& m, const Unpacked<F>& source, const ActivationBlock* x, std::size_t count,
                   bool first, float* out) {
  using Tile = TileOf<D, F, kTokens>;
  for (std::size_t part = 0; part < kPanelRegisters; part += Tile::kWide) {
    Tile::sweep(source, part, count, x, m.x_stride, first, out + kLanes4 * part, m.out_stride);
  }
}

template <typename D, typename F>
void many_rows(const Matmul& m) {
  using TileFn =
      void (*)(const Matmul&, const Unpacked<F>&, const ActivationBlock*, std::size_t, bool, float*);
  // Shared out evenly, 7 rows and more never leave a tile of fewer than 3.
  static constexpr TileFn kTiles[] = {unpacked_tile<D, F, 3>, unpacked_tile<D, F, 4>, unpacked_tile<D, F, 5>,
                                      unpacked_tile<D, F, 6>};
  const std::size_t blocks = m.k / kBlock;
  const std::size_t panel_size = panel_bytes(F::kFormat, m.k);
  const std::size_t tiles = (m.rows + kMostTokens - 1) / kMostTokens;
  const auto* x = static_cast<const ActivationBlock*>(m.x);
  Unpacked<F> source;
  for (std::size_t p = 0; p < m.panel_count; ++p) {
    const std::byte* panel = m.panels + p * panel_size;
    for (std::size_t b = 0; b < blocks; b += Unpacked<F>::kCount) {
      const std::size_t count = blocks - b < Unpacked<F>::kCount ? blocks - b : Unpacked<F>::kCount;
      source.fill(panel + panel_bytes(F::kFormat, b * kBlock), count);
      for (std::size_t i = 0; i < tiles; ++i) {
        const std::size_t row = m.rows * i / tiles;
        const std::size_t tokens = m.rows * (i + 1) / tiles - row;
        kTiles[tokens - 3](m, source, x + row * m.x_stride + b, count, b == 0,
                           m.out + row * m.out_stride + p * kPanelRows);
      }
    }
  }
}

template <typename D, typename F>
void blocks_matmul(const Matmul& m) {
  using TileFn = void (*)(const Matmul&, const std::byte*, float*);
  static constexpr TileFn kTiles[kMostTokens] = {packed_tile<D, F, 1>, packed_tile<D, F, 2>,
                                                 packed_tile<D, F, 3>, packed_tile<D, F, 4>,
                                                 packed_tile<D, F, 5>, packed_tile<D, F, 6>};
  if (m.rows > kMostTokens) return many_rows<D, F>(m);
  const std::size_t panel_size = panel_bytes(F::kFormat, m.k);
  for (std::size_t p = 0; p < m.panel_count; ++p) {
    kTiles[m.rows - 1](m, m.panels + p * panel_size, m.out + p * kPanelRows);
  }
}

/// Sets the products of the given formats.
template <typename D, typename... F>
void fill_formats(Table& table, const char* name) {
  (..., (table.matmul[static_cast<std::size_t>(F::kFormat)] = blocks_matmul<D, F>));
  (..., (table.matmul_name[static_cast<std::size_t>(F::kFormat)] = name));
}

}  // namespace
}  // namespace garam::kernels::neon
