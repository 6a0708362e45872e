// Products of block formats with AMX, for many rows of activations: a panel's codes are taken apart once, as
// signed bytes. One instruction multiplies up to 12 rows of 32 activations with a block of 16 rows of weights
// and leaves exact sums in a tile, which goes through memory to the vector registers that hold the float
// accumulators. Float steps, not dots, are the limit: 3 or 4 vector instructions an output and block, where
// vpdpbusd takes 8 more.
#pragma once

#include "kernels/avx512/dots_vnni.h"
#include "kernels/avx512/parts.h"

namespace garam::kernels::avx512 {
namespace {

inline constexpr std::size_t kMostAmxRows = 12;  // of a tile: 24 float accumulators
/// Below, taking codes apart and trips through memory cost what the dots gain. The speed of q4_0 is that of
/// vpdpbusd at 12 rows, 1.4 times that at 24, 1.55 at 36, 1.4 at 256 (Emerald Rapids).
inline constexpr std::size_t kAmxFrom = 20;
/// Shared out evenly, kAmxFrom rows and more never leave a smaller tile: 25 are 9 + 8 + 8.
inline constexpr std::size_t kLeastAmxRows = 8;

/// A block of a panel taken apart.
template <bool kMinimum>
struct SignedBlock {
  __m512i codes[8][2];
  __m512 d[2];
  __m512 m[kMinimum ? 2 : 1];  // with its sign
};

/// Tiles 0 to 3 hold sums: of both registers of weight rows, for blocks of even and of odd number. 4 and 5
/// hold the activations of those blocks, 6 and 7 both registers of weights.
struct TileShapes {
  alignas(64) std::uint8_t bytes[64] = {};

  explicit TileShapes(std::size_t rows) {
    bytes[0] = 1;  // the palette
    for (std::size_t tile = 0; tile < 8; ++tile) {
      const bool activations = tile == 4 || tile == 5;
      bytes[16 + 2 * tile] = activations ? kBlock : 64;  // bytes of a row
      bytes[48 + tile] = static_cast<std::uint8_t>(tile < 6 ? rows : 8);
    }
  }
};

template <std::size_t kRows>
using BlockSums = __m512i[2][kRows];  // of both registers of weight rows

// Numbers of tiles are part of the instructions, and text to gcc's intrinsics. A block's sums are stored a
// block later than they are begun, and read another block later: stores that wait for dots, and loads that
// wait for stores, would fill the scheduler that the float steps go through.
template <bool kOdd>
[[gnu::always_inline]] inline void begin_sums(const ActivationBlock* x, std::size_t stride,
                                              const __m512i (&codes)[8][2]) {
  constexpr std::size_t kCodeStride = sizeof codes[0];
  if constexpr (kOdd) {
    _tile_loadd(5, x->q, stride);
    _tile_loadd(6, &codes[0][0], kCodeStride);
    _tile_loadd(7, &codes[0][1], kCodeStride);
    _tile_zero(2);
    _tile_zero(3);
    _tile_dpbssd(2, 5, 6);
    _tile_dpbssd(3, 5, 7);
  } else {
    _tile_loadd(4, x->q, stride);
    _tile_loadd(6, &codes[0][0], kCodeStride);
    _tile_loadd(7, &codes[0][1], kCodeStride);
    _tile_zero(0);
    _tile_zero(1);
    _tile_dpbssd(0, 4, 6);
    _tile_dpbssd(1, 4, 7);
  }
}
template <bool kOdd, std::size_t kRows>
[[gnu::always_inline]] inline void store_sums(BlockSums<kRows>& sums) {
  if constexpr (kOdd) {
    _tile_stored(2, sums[0], sizeof(__m512i));
    _tile_stored(3, sums[1], sizeof(__m512i));
  } else {
    _tile_stored(0, sums[0], sizeof(__m512i));
    _tile_stored(1, sums[1], sizeof(__m512i));
  }
  end_of_phase();
}

/// The float steps of one block.
template <bool kMinimum, std::size_t kRows>
[[gnu::always_inline]] inline void add_sums(const SignedBlock<kMinimum>& block, const BlockRows& x,
                                            const BlockSums<kRows>& sums, __m512 (&acc)[kRows][2]) {
#pragma GCC unroll 12
  for (std::size_t t = 0; t < kRows; ++t) {
    const ActivationBlock& q = x.at(t);
    const __m512 da = _mm512_set1_ps(q.scale);
#pragma GCC unroll 2
    for (std::size_t r = 0; r < 2; ++r) {
      acc[t][r] = _mm512_fmadd_ps(_mm512_mul_ps(block.d[r], da), _mm512_cvtepi32_ps(sums[r][t]), acc[t][r]);
      if constexpr (kMinimum)
        acc[t][r] = _mm512_fmadd_ps(block.m[r], _mm512_set1_ps(q.scaled_sum), acc[t][r]);
      settle(acc[t][r]);
    }
    if (t % 4 == 3) end_of_phase();
  }
}

/// `count` blocks of a panel join the sums of kRows rows.
template <bool kMinimum, std::size_t kRows>
void amx_tile(const Matmul& m, const SignedBlock<kMinimum>* blocks, std::size_t count, BlockRows x,
              bool first, float* out) {
  __m512 acc[kRows][2];
  start_tile(acc, !first, out, m.out_stride);
  const std::size_t stride = x.stride * sizeof(ActivationBlock);
  BlockSums<kRows> sums[2];
  end_of_phase();
  begin_sums<false>(x.x, stride, blocks[0].codes);
  store_sums<false, kRows>(sums[0]);
  if (count > 1) {
    begin_sums<true>(x.x + 1, stride, blocks[1].codes);
    store_sums<true, kRows>(sums[1]);
  }
  for (std::size_t b = 0; b < count; b += 2) {
    if (b + 2 < count) begin_sums<false>(x.x + b + 2, stride, blocks[b + 2].codes);
    add_sums<kMinimum, kRows>(blocks[b], {x.x + b, x.stride}, sums[0], acc);
    if (b + 2 < count) store_sums<false, kRows>(sums[0]);
    if (b + 1 == count) break;
    if (b + 3 < count) begin_sums<true>(x.x + b + 3, stride, blocks[b + 3].codes);
    add_sums<kMinimum, kRows>(blocks[b + 1], {x.x + b + 1, x.stride}, sums[1], acc);
    if (b + 3 < count) store_sums<true, kRows>(sums[1]);
  }
  store_tile(acc, out, m.out_stride);
}

template <typename F>
void take_apart(const std::byte* from, std::size_t count, SignedBlock<F::kMinimum>* to) {
  const Packed<F, Vnni> packed{from};
  for (std::size_t b = 0; b < count; ++b, ++to) {
    const auto block = packed.at(b);
#pragma GCC unroll 2
    for (std::size_t r = 0; r < 2; ++r) {
      const Scales found = F::scales(block.header, block.s, r);
      to->d[r] = found.d;
      if constexpr (F::kMinimum) {
        to->m[r] = F::kMinus ? _mm512_xor_ps(found.m, _mm512_set1_ps(-0.0f)) : found.m;
      }
#pragma GCC unroll 8
      for (std::size_t g = 0; g < 8; ++g) {
        to->codes[g][r] = _mm512_sub_epi8(block.code(r, g), _mm512_set1_epi8(static_cast<char>(F::kOffset)));
      }
    }
  }
}

template <bool kMinimum>
using AmxTileFn = void (*)(const Matmul&, const SignedBlock<kMinimum>*, std::size_t count, BlockRows,
                           bool first, float*);
/// tiles[n] computes kLeastAmxRows + n rows.
template <bool kMinimum>
inline constexpr AmxTileFn<kMinimum> kAmxTiles[] = {amx_tile<kMinimum, 8>, amx_tile<kMinimum, 9>,
                                                    amx_tile<kMinimum, 10>, amx_tile<kMinimum, 11>,
                                                    amx_tile<kMinimum, 12>};

template <typename F>
void many_rows_amx(const Matmul& m) {
  static_assert(F::kSum != Sum::kHalves);
  constexpr std::size_t kStretch = 64;
  // Few tiles find a short stretch in L1; more gain from storing their sums less often.
  const std::size_t stretch = m.rows < 48 ? 16 : kStretch;
  const std::size_t blocks = m.k / kBlock;
  const std::size_t panel_size = panel_bytes(F::kFormat, m.k);
  // Tiles have one of two sizes, the larger ones first: two settings a stretch.
  const std::size_t tiles = (m.rows + kMostAmxRows - 1) / kMostAmxRows;
  const std::size_t small = m.rows / tiles, large_tiles = m.rows % tiles;
  const TileShapes shapes[2] = {TileShapes(small), TileShapes(small + 1)};
  asm volatile("" : : "r"(shapes) : "memory");  // gcc believes that 8 bytes of them are read
  const auto* x = static_cast<const ActivationBlock*>(m.x);
  SignedBlock<F::kMinimum> signed_blocks[kStretch];
  std::size_t shaped = 0;  // rows that the tiles are set for
  for (std::size_t p = 0; p < m.panel_count; ++p) {
    for (std::size_t b = 0; b < blocks; b += stretch) {
      const std::size_t count = blocks - b < stretch ? blocks - b : stretch;
      take_apart<F>(m.panels + p * panel_size + panel_bytes(F::kFormat, b * kBlock), count, signed_blocks);
      std::size_t row = 0;
      for (std::size_t i = 0; i < tiles; ++i) {
        const std::size_t rows = i < large_tiles ? small + 1 : small;
        if (rows != shaped) _tile_loadconfig(shapes[rows - small].bytes);
        shaped = rows;
        kAmxTiles<F::kMinimum>[rows - kLeastAmxRows](m, signed_blocks, count,
                                                     {x + row * m.x_stride + b, m.x_stride}, b == 0,
                                                     m.out + row * m.out_stride + p * kPanelRows);
        row += rows;
      }
    }
  }
  _tile_release();
}

template <typename F>
void amx_matmul(const Matmul& m) {
  return m.rows < kAmxFrom ? matmul_vnni<F::kFormat>(m) : many_rows_amx<F>(m);
}

template <typename F>
void set_amx(Table& table) {
  table.matmul[static_cast<std::size_t>(F::kFormat)] = amx_matmul<F>;
  table.matmul_name[static_cast<std::size_t>(F::kFormat)] = "avx512-amx";
}

}  // namespace
}  // namespace garam::kernels::avx512
