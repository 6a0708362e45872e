// The register tiles of attention (kernels/simd/attention.h). A lane is a key while scoring and a value
// dimension afterwards, so both halves are the same: a few query rows by a few registers of 16 lanes, one
// broadcast and one fma each. Knows nothing of softmax.
#pragma once

#include "kernels/kernels.h"

namespace garam::kernels::simd {

inline constexpr std::size_t kPageBlocks = kPagePositions / kLanes;
inline constexpr std::size_t kCacheLine = 64;

/// Keys and values of 64 positions; null where no row sees a key. The `ahead` pages, of the same size, are
/// brought into L2 while k and v are read.
template <typename Element>
struct AttentionPage {
  const Element* k;
  const Element* v;
  const Element* k_ahead;
  const Element* v_ahead;
  const std::uint16_t* k_scale;  // of bytes, f16: [ceil(dim / 32)][64 positions]; else null
  const std::uint16_t* v_scale;
};

template <typename Element>
struct AttentionPages {
  AttentionPage<Element> page[kChunkPages];
  std::size_t v_key;    // elements between the values of two keys
  std::size_t v_block;  // elements between 16 dimensions and the next 16
};

/// Query rows whose scores are kept at once: what they share of K and V is read from memory once.
inline constexpr std::size_t kGroupRows = 12;

/// Rows that see something of the chunk, and the keys [begin, end) that any of them sees.
template <typename Element>
struct AttentionGroup {
  const AttentionRow* rows[kGroupRows];
  std::size_t count;
  std::size_t begin;
  std::size_t end;
  AttentionPages<Element> pages;
  const std::byte* ahead;   // brought into L2 by softmax
  std::size_t ahead_bytes;  // a multiple of a cache line
  float soft_cap;           // of scores, or 0
  float* p;                 // [count][256] scores, then probabilities
  float a[kLanes];          // what the merge multiplies the state of each row with
  float b[kLanes];          // and the chunk
};

/// Whether elements have scales: the bytes of q8_0.
template <typename Element>
inline constexpr bool kHasScales = sizeof(Element) == 1;

/// An element of a chunk that was brought to f32 for many rows. Nothing lies ahead of it: fetching its own
/// page again took 3 to 4 % of 64 and more rows (Emerald Rapids).
struct Converted {
  float value;
};

/// 16 elements as f32. Only bytes have scales.
template <typename L>
[[gnu::always_inline]] inline typename L::F load_elements(const Converted* p, typename L::F) {
  return L::load(&p->value, typename L::Full{});
}
template <typename L>
[[gnu::always_inline]] inline typename L::F load_elements(const float* p, typename L::F) {
  return L::load(p, typename L::Full{});
}
template <typename L>
[[gnu::always_inline]] inline typename L::F load_elements(const std::uint16_t* p, typename L::F) {
  return L::load_f16(p);
}
template <typename L>
[[gnu::always_inline]] inline typename L::F load_elements(const std::int8_t* p, typename L::F scale) {
  return L::mul(L::load_int8(p), scale);
}

/// Steps of a tile of kWide times 16 elements that together read a cache line and more.
template <std::size_t kWide, typename Element>
inline constexpr std::size_t kStepsOfLine = kCacheLine <= kWide* kLanes * sizeof(Element)
                                                ? 1
                                                : kCacheLine / (kWide * kLanes * sizeof(Element));

/// Counting and comparing take the pipes that add: 64 rows and more gain 2 to 3 %.
template <std::size_t kWide>
inline constexpr std::size_t kStepsOfLine<kWide, Converted> = 4;

/// Brings the cache lines of kStepsOfLine steps into L2.
template <std::size_t kWide, typename Element>
[[gnu::always_inline]] inline void fetch(const Element* p) {
  constexpr std::size_t kElements = kStepsOfLine<kWide, Element> * kWide * kLanes;
#pragma GCC unroll 4
  for (std::size_t i = 0; i < kElements; i += kCacheLine / sizeof(Element)) __builtin_prefetch(p + i, 0, 2);
}

template <std::size_t kWide>
[[gnu::always_inline]] inline void fetch(const Converted*) {}

template <typename L, std::size_t kRows, std::size_t kWide>
[[gnu::always_inline]] inline void clear(typename L::F (&acc)[kRows][kWide]) {
#pragma GCC unroll 8
  for (std::size_t t = 0; t < kRows; ++t) {
#pragma GCC unroll 4
    for (std::size_t r = 0; r < kWide; ++r) acc[t][r] = L::zero();
  }
}

/// acc[t][r] = fma(from(r), factor(t), acc[t][r]).
template <typename L, std::size_t kRows, std::size_t kWide, typename From, typename Factor>
[[gnu::always_inline]] inline void add_products(const From& from, const Factor& factor,
                                                typename L::F (&acc)[kRows][kWide]) {
  if constexpr (kRows == 1) {  // AVX2 has no room for all of x beside 8 registers of acc
    const auto y = L::set(factor(0));
#pragma GCC unroll 4
    for (std::size_t r = 0; r < kWide; ++r) acc[0][r] = L::fma(from(r), y, acc[0][r]);
  } else {
    typename L::F x[kWide];
#pragma GCC unroll 4
    for (std::size_t r = 0; r < kWide; ++r) x[r] = from(r);
#pragma GCC unroll 8
    for (std::size_t t = 0; t < kRows; ++t) {
      const auto y = L::set(factor(t));
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kWide; ++r) acc[t][r] = L::fma(x[r], y, acc[t][r]);
    }
  }
}

/// Scores of kRows rows and kWide blocks of 16 keys; those of a row 256 behind those of the row before.
template <typename L, std::size_t kRows, std::size_t kWide, typename Element>
[[gnu::noinline]] void score_tile(const AttentionChunk& chunk, const AttentionRow* const* rows,
                                  const Element* keys, const std::uint16_t* scales, const Element* ahead,
                                  float* scores) {
  const std::size_t key_dim = chunk.key_dim;
  const float* q[kRows];
#pragma GCC unroll 8
  for (std::size_t t = 0; t < kRows; ++t) q[t] = rows[t]->q;
  typename L::F dot[kRows][kWide];
  clear<L>(dot);
  for (std::size_t d = 0; d < key_dim;) {
    typename L::F scale_of[kWide] = {};
    std::size_t end = key_dim;
    if constexpr (kHasScales<Element>) {
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kWide; ++r) {
        scale_of[r] = L::load_f16(scales + d / kBlock * kPagePositions + r * kLanes);
      }
      end = d + kBlock < key_dim ? d + kBlock : key_dim;
    }
    const auto step = [&](std::size_t at) {
      add_products<L>(
          [&](std::size_t r) { return load_elements<L>(keys + (r * key_dim + at) * kLanes, scale_of[r]); },
          [&](std::size_t t) { return q[t][at]; }, dot);
    };
    constexpr std::size_t kSteps = kStepsOfLine<kWide, Element>;
    for (; d + kSteps <= end; d += kSteps) {
      fetch<kWide>(ahead + d * kWide * kLanes);
#pragma GCC unroll 4
      for (std::size_t i = 0; i < kSteps; ++i) step(d + i);
    }
    for (; d < end; ++d) step(d);
  }
  const auto scale = L::set(chunk.scale);
#pragma GCC unroll 8
  for (std::size_t t = 0; t < kRows; ++t) {
#pragma GCC unroll 4
    for (std::size_t r = 0; r < kWide; ++r) {
      L::store(scores + t * kChunkPositions + r * kLanes, L::mul(dot[t][r], scale), typename L::Full{});
    }
  }
}

/// Scores of the group's rows [first, first + kRows): blocks [block, last) of one page.
template <typename L, std::size_t kRows, std::size_t kWide, typename Element>
void score_blocks(const AttentionChunk& chunk, const AttentionGroup<Element>& group, std::size_t first,
                  std::size_t block, std::size_t last) {
  for (; block + kWide <= last; block += kWide) {
    const AttentionPage<Element>& page = group.pages.page[block / kPageBlocks];
    const std::size_t offset = block % kPageBlocks * kLanes * chunk.key_dim;
    const std::uint16_t* scales = nullptr;
    if constexpr (kHasScales<Element>) scales = page.k_scale + block % kPageBlocks * kLanes;
    score_tile<L, kRows, kWide>(chunk, group.rows + first, page.k + offset, scales,
                                (first == 0 ? page.k_ahead : page.k) + offset,
                                group.p + first * kChunkPositions + block * kLanes);
  }
  if constexpr (kWide > 1) score_blocks<L, kRows, kWide / 2>(chunk, group, first, block, last);
}

/// o[d] = sum over the group's keys, merged into the state: kRows rows, kWide blocks of 16 dimensions. A key
/// that a row does not see has p = 0 and adds +-0, which the merge's + 0 makes as if it had not been there.
template <typename L, std::size_t kRows, std::size_t kWide, typename Element>
[[gnu::noinline]] void value_tile(const AttentionGroup<Element>& group, std::size_t first,
                                  std::size_t block) {
  typename L::F o[kRows][kWide];
  clear<L>(o);
  for (std::size_t i = group.begin / kPagePositions; i * kPagePositions < group.end; ++i) {
    const AttentionPage<Element>& page = group.pages.page[i];
    if (page.v == nullptr) continue;
    const std::size_t start = i * kPagePositions;
    const std::size_t begin = group.begin > start ? group.begin : start;
    const std::size_t end = group.end < start + kPagePositions ? group.end : start + kPagePositions;
    const Element* v = page.v + (begin - start) * group.pages.v_key + block * group.pages.v_block;
    const Element* ahead = first == 0 ? page.v_ahead + block * kLanes * kPagePositions : v;
    const float* p = group.p + first * kChunkPositions + begin;
    constexpr std::size_t kScales = kHasScales<Element> ? (kWide + 1) / 2 : 1;
    float scales[kScales][kPagePositions];
    if constexpr (kHasScales<Element>) {
      for (std::size_t s = 0; s < kScales; ++s) {
        for (std::size_t at = 0; at < kPagePositions; at += kLanes) {
          const std::size_t from = (block * kLanes / kBlock + s) * kPagePositions + at;
          L::store(scales[s] + at, L::load_f16(page.v_scale + from), typename L::Full{});
        }
      }
    }
    const auto step = [&](std::size_t key) {
      const auto scale = [&](std::size_t r) {
        return kHasScales<Element> ? L::set(scales[r / 2][key - start]) : L::zero();
      };
      add_products<L>([&](std::size_t r) { return load_elements<L>(v + r * group.pages.v_block, scale(r)); },
                      [&](std::size_t t) { return p[t * kChunkPositions]; }, o);
      v += group.pages.v_key;
      ++p;
    };
    constexpr std::size_t kSteps = kStepsOfLine<kWide, Element>;
    std::size_t key = begin;
    for (; key + kSteps <= end; key += kSteps) {
      fetch<kWide>(ahead);
      ahead += kSteps * kWide * kLanes;
#pragma GCC unroll 4
      for (std::size_t i = 0; i < kSteps; ++i) step(key + i);
    }
    for (; key < end; ++key) step(key);
  }
  constexpr typename L::Full kFull{};
#pragma GCC unroll 8
  for (std::size_t t = 0; t < kRows; ++t) {
    float* out = group.rows[first + t]->out + block * kLanes;
    const auto a = L::set(group.a[first + t]);
    const auto b = L::set(group.b[first + t]);
#pragma GCC unroll 4
    for (std::size_t r = 0; r < kWide; ++r) {
      const auto fresh = L::mul(L::add(o[t][r], L::zero()), b);
      L::store(out + r * kLanes, L::fma(L::load(out + r * kLanes, kFull), a, fresh), kFull);
    }
  }
}

/// Values of the group's rows [first, first + kRows): blocks [block, last) of 16 dimensions.
template <typename L, std::size_t kRows, std::size_t kWide, typename Element>
void value_blocks(const AttentionGroup<Element>& group, std::size_t first, std::size_t block,
                  std::size_t last) {
  for (; block + kWide <= last; block += kWide) value_tile<L, kRows, kWide>(group, first, block);
  if constexpr (kWide > 1) value_blocks<L, kRows, kWide / 2>(group, first, block, last);
}

}  // namespace garam::kernels::simd
