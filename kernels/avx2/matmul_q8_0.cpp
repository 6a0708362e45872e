// q8_0 products. vpmaddubsw saturates on unsigned weights (255 * 127 twice), so weights and activations are
// widened to 16 bits and vpmaddwd multiplies them: even bytes of a word by mask, odd ones by shift, which
// keeps the packed order and costs the activations a few operations per tile, not per panel row.
#include "kernels/avx2/matmul_blocks.h"
#include "kernels/avx2/parts.h"

namespace garam::kernels::avx2 {
namespace {

struct Q8_0 {
  static constexpr Format kFormat = Format::kQ8_0;

  template <std::size_t kTokens>
  struct Activations {
    struct Block {
      alignas(32) std::int16_t even[16];  // integers 0, 2, 4, ...: a pair per group of k
      alignas(32) std::int16_t odd[16];   // 1, 3, 5, ...
    };
    Block block[kChunkBlocks][kTokens];
    std::int32_t offset[kChunkBlocks][kTokens];  // -128 sum: what weights stored with 128 added add too much

    [[gnu::always_inline]] void prepare(const Matmul& m, std::size_t first, std::size_t from,
                                        std::size_t count) {
      for (std::size_t t = 0; t < kTokens; ++t) {
        const std::int8_t* x =
            static_cast<const std::int8_t*>(m.x) + (first + t) * m.x_stride + from * kBlock;
        const std::int32_t* sum = m.sum + (first + t) * m.scale_stride + from;
        for (std::size_t b = 0; b < count; ++b) {
          const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + b * kBlock));
          const __m256i even = _mm256_srai_epi16(_mm256_slli_epi16(v, 8), 8);
          _mm256_store_si256(reinterpret_cast<__m256i*>(block[b][t].even), even);
          _mm256_store_si256(reinterpret_cast<__m256i*>(block[b][t].odd), _mm256_srai_epi16(v, 8));
          offset[b][t] = sum[b] * -128;
        }
      }
    }
  };

  template <std::size_t kTokens, std::size_t kWide>
  [[gnu::always_inline]] static void add(const __m256i (&w)[kWide], const std::int16_t* pair,
                                         __m256i (&isum)[kTokens][kWide]) {
    constexpr std::size_t kNextRow = sizeof(typename Activations<kTokens>::Block) / sizeof(std::int16_t);
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) {
      const __m256i v = broadcast_4_bytes(pair + t * kNextRow);
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kWide; ++r) {
        isum[t][r] = _mm256_add_epi32(isum[t][r], _mm256_madd_epi16(w[r], v));
      }
    }
  }

  template <std::size_t kTokens, std::size_t kWide>
  [[gnu::always_inline]] static void dot(const std::byte* w, const Activations<kTokens>& q, std::size_t b,
                                         __m256i (&isum)[kTokens][kWide]) {
#pragma GCC unroll 6
    for (std::size_t t = 0; t < kTokens; ++t) {
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kWide; ++r) isum[t][r] = _mm256_set1_epi32(q.offset[b][t]);
    }
    const auto* block = q.block[b];
#pragma GCC unroll 1
    for (std::size_t g = 0; g < 8; ++g) {
      __m256i part[kWide];
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kWide; ++r) {
        part[r] = _mm256_and_si256(load_weights(w + 32 * r), _mm256_set1_epi16(0xff));
      }
      add<kTokens, kWide>(part, block->even + 2 * g, isum);
      forget(w);
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kWide; ++r) part[r] = _mm256_srli_epi16(load_weights(w + 32 * r), 8);
      add<kTokens, kWide>(part, block->odd + 2 * g, isum);
      w += kGroupBytes;
    }
  }
};

}  // namespace

void matmul_q8_0(const Matmul& m) {
  blocks_matmul<Q8_0>(m);
}

}  // namespace garam::kernels::avx2
