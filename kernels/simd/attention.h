// Attention over one chunk of 256 positions on 16 lanes (numerics rule 8). A lane is a key while scoring and
// a value dimension afterwards, so both halves are the same register tile: up to kTileRows query rows by a
// few registers, one broadcast and one fma each. Knows how many rows share a read, not what their tokens are.
//
// L is a set's Lanes and, beside them:
//   kTileRows     most query rows of a tile
//   wide(rows)    registers of 16 lanes of a tile of that many rows: 1, 2 or 4
#pragma once

#include "kernels/kernels.h"
#include "kernels/simd/exp.h"
#include "kernels/simd/norm.h"

namespace garam::kernels::simd {

/// Query rows whose scores are kept at once: what they share of K and V is read from memory once.
inline constexpr std::size_t kGroupRows = 12;
/// From so many rows on, f16 keys and values are converted once per chunk instead of once per tile.
inline constexpr std::size_t kConvertFromRows = 13;

inline constexpr std::size_t kPageBlocks = kPagePositions / kLanes;

/// Query rows that see something of the chunk, and the keys that any of them sees.
template <typename Element>
struct AttentionGroup {
  const AttentionRow* rows[kGroupRows];
  std::size_t count;
  std::size_t begin;
  std::size_t end;
  const Element* k[kChunkPages];  // null where no row sees a key
  const Element* v[kChunkPages];
  float (*p)[kChunkPositions];  // scores, then probabilities
  float a[kLanes];              // what the merge multiplies the state of a row with
  float b[kLanes];              // and the chunk
};

template <typename L>
[[gnu::always_inline]] inline typename L::F load_elements(const float* p) {
  return L::load(p, typename L::Full{});
}
template <typename L>
[[gnu::always_inline]] inline typename L::F load_elements(const std::uint16_t* p) {
  return L::load_f16(p);
}

/// acc[t][r] = fma(x at from(r), factor(t), acc[t][r]).
template <typename L, std::size_t kRows, std::size_t kWide, typename From, typename Factor>
[[gnu::always_inline]] inline void add_products(const From& from, const Factor& factor,
                                                typename L::F (&acc)[kRows][kWide]) {
  if constexpr (kRows == 1) {
    const auto y = L::set(factor(0));
#pragma GCC unroll 4
    for (std::size_t r = 0; r < kWide; ++r) acc[0][r] = L::fma(load_elements<L>(from(r)), y, acc[0][r]);
  } else {
    typename L::F x[kWide];
#pragma GCC unroll 4
    for (std::size_t r = 0; r < kWide; ++r) x[r] = load_elements<L>(from(r));
#pragma GCC unroll 8
    for (std::size_t t = 0; t < kRows; ++t) {
      const auto y = L::set(factor(t));
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kWide; ++r) acc[t][r] = L::fma(x[r], y, acc[t][r]);
    }
  }
}

template <typename L, std::size_t kRows, std::size_t kWide>
[[gnu::always_inline]] inline void clear(typename L::F (&acc)[kRows][kWide]) {
#pragma GCC unroll 8
  for (std::size_t t = 0; t < kRows; ++t) {
#pragma GCC unroll 4
    for (std::size_t r = 0; r < kWide; ++r) acc[t][r] = L::zero();
  }
}

/// p[t][...] = scores of kRows rows and kWide blocks of 16 keys.
template <typename L, std::size_t kRows, std::size_t kWide, typename Element>
[[gnu::noinline]] void score_tile(const AttentionChunk& chunk, const AttentionRow* const* rows,
                                  const Element* keys, float (*p)[kChunkPositions]) {
  const std::size_t key_dim = chunk.key_dim;
  const float* q[kRows];
#pragma GCC unroll 8
  for (std::size_t t = 0; t < kRows; ++t) q[t] = rows[t]->q;
  typename L::F dot[kRows][kWide];
  clear<L>(dot);
  for (std::size_t d = 0; d < key_dim; ++d) {
    add_products<L>([&](std::size_t r) { return keys + (r * key_dim + d) * kLanes; },
                    [&](std::size_t t) { return q[t][d]; }, dot);
  }
  const auto scale = L::set(chunk.scale);
#pragma GCC unroll 8
  for (std::size_t t = 0; t < kRows; ++t) {
#pragma GCC unroll 4
    for (std::size_t r = 0; r < kWide; ++r) {
      L::store(p[t] + r * kLanes, L::mul(dot[t][r], scale), typename L::Full{});
    }
  }
}

/// Scores of rows [first, first + kRows) of the group: blocks [block, last) of one page.
template <typename L, std::size_t kRows, std::size_t kWide, typename Element>
void score_blocks(const AttentionChunk& chunk, const AttentionGroup<Element>& group, std::size_t first,
                  std::size_t block, std::size_t last) {
  for (; block + kWide <= last; block += kWide) {
    const Element* keys = group.k[block / kPageBlocks] + block % kPageBlocks * kLanes * chunk.key_dim;
    float(*p)[kChunkPositions] = reinterpret_cast<float(*)[kChunkPositions]>(group.p[first] + block * kLanes);
    score_tile<L, kRows, kWide>(chunk, group.rows + first, keys, p);
  }
  if constexpr (kWide > 1) score_blocks<L, kRows, kWide / 2>(chunk, group, first, block, last);
}

/// o[d] = sum over the group's keys, merged into the state: kRows rows, 16 * kWide dimensions from d.
template <typename L, std::size_t kRows, std::size_t kWide, typename Element>
[[gnu::noinline]] void value_tile(const AttentionGroup<Element>& group, std::size_t first, std::size_t stride,
                                  std::size_t d) {
  typename L::F o[kRows][kWide];
  clear<L>(o);
  for (std::size_t page = group.begin / kPagePositions; page * kPagePositions < group.end; ++page) {
    if (group.v[page] == nullptr) continue;
    const std::size_t start = page * kPagePositions;
    const std::size_t begin = group.begin > start ? group.begin : start;
    const std::size_t end = group.end < start + kPagePositions ? group.end : start + kPagePositions;
    const Element* v = group.v[page] + (begin - start) * stride + d;
    const float* p = group.p[first] + begin;
    for (std::size_t key = begin; key < end; ++key) {
      add_products<L>([&](std::size_t r) { return v + r * kLanes; },
                      [&](std::size_t t) { return p[t * kChunkPositions]; }, o);
      v += stride;
      ++p;
    }
  }
  constexpr typename L::Full kFull{};
#pragma GCC unroll 8
  for (std::size_t t = 0; t < kRows; ++t) {
    float* out = group.rows[first + t]->out + d;
    const auto a = L::set(group.a[first + t]);
    const auto b = L::set(group.b[first + t]);
#pragma GCC unroll 4
    for (std::size_t r = 0; r < kWide; ++r) {
      const auto merged = L::fma(L::load(out + r * kLanes, kFull), a, L::mul(L::add(o[t][r], L::zero()), b));
      L::store(out + r * kLanes, merged, kFull);
    }
  }
}

template <typename L, std::size_t kRows, std::size_t kWide, typename Element>
void value_tiles(const AttentionGroup<Element>& group, std::size_t first, std::size_t stride, std::size_t d) {
  for (; d + kWide * kLanes <= stride; d += kWide * kLanes) {
    value_tile<L, kRows, kWide>(group, first, stride, d);
  }
  if constexpr (kWide > 1) value_tiles<L, kRows, kWide / 2>(group, first, stride, d);
}

/// What a row has of a chunk beside o.
struct ChunkSum {
  float max;
  float sum;
};

/// Scores of the keys [begin, end) into probabilities; 0 for the other keys of the blocks [from, to). A NaN
/// score stays NaN, and so does everything where the largest score is infinite.
template <typename L>
ChunkSum softmax(float* p, std::size_t begin, std::size_t end, std::size_t from, std::size_t to) {
  constexpr typename L::Full kFull{};
  const std::size_t first = begin / kLanes;
  const std::size_t last = (end + kLanes - 1) / kLanes;
  const auto lowest = L::set(-__builtin_inff());
  // exp(-inf) is 0: what a partial block hides needs no mask from here on.
  const auto hide = [&](std::size_t block) {
    const auto visible =
        L::range(static_cast<std::int32_t>(begin) - static_cast<std::int32_t>(block * kLanes),
                 static_cast<std::int32_t>(end) - static_cast<std::int32_t>(block * kLanes));
    float* at = p + block * kLanes;
    L::store(at, L::select(visible, L::load(at, kFull), lowest), kFull);
  };
  hide(first);
  hide(last - 1);

  auto largest = lowest;
  for (std::size_t block = first; block < last; ++block) {
    largest = L::max(L::load(p + block * kLanes, kFull), largest);
  }
  const float max = L::largest(largest);
  const auto m = L::set(max);
  auto sum = L::zero();
  for (std::size_t block = first; block < last; ++block) {
    const auto e = exp<L>(L::sub(L::load(p + block * kLanes, kFull), m));
    L::store(p + block * kLanes, e, kFull);
    sum = L::add(sum, e);
  }
  for (std::size_t block = from; block < first; ++block) L::store(p + block * kLanes, L::zero(), kFull);
  for (std::size_t block = last; block < to; ++block) L::store(p + block * kLanes, L::zero(), kFull);
  return {max, sum_of_stripes<L>(sum)};
}

/// Probabilities of all rows, their new max and sum, and the factors that merge o.
template <typename L, typename Element>
void softmax_rows(AttentionGroup<Element>& group) {
  constexpr typename L::Full kFull{};
  ChunkSum chunk[kGroupRows];
  for (std::size_t i = 0; i < kLanes; ++i) group.a[i] = group.b[i] = 0.0f;
  for (std::size_t i = 0; i < group.count; ++i) {
    const AttentionRow& row = *group.rows[i];
    chunk[i] = softmax<L>(group.p[i], static_cast<std::size_t>(row.begin), static_cast<std::size_t>(row.end),
                          group.begin / kLanes, (group.end + kLanes - 1) / kLanes);
    const float max = *row.max > chunk[i].max ? *row.max : chunk[i].max;
    group.a[i] = *row.max - max;
    group.b[i] = chunk[i].max - max;
    *row.max = max;
  }
  L::store(group.a, exp<L>(L::load(group.a, kFull)), kFull);
  L::store(group.b, exp<L>(L::load(group.b, kFull)), kFull);
  for (std::size_t i = 0; i < group.count; ++i) {
    float* sum = group.rows[i]->sum;
    *sum = __builtin_fmaf(*sum, group.a[i], chunk[i].sum * group.b[i]);
  }
}

/// The tiles of one number of rows.
template <typename Element>
struct AttentionTiles {
  void (*score)(const AttentionChunk&, const AttentionGroup<Element>&, std::size_t first, std::size_t block,
                std::size_t last);
  void (*value)(const AttentionGroup<Element>&, std::size_t first, std::size_t stride, std::size_t d);
};
template <typename L, std::size_t kRows, typename Element>
inline constexpr AttentionTiles<Element> kTilesOf = {score_blocks<L, kRows, L::wide(kRows), Element>,
                                                     value_tiles<L, kRows, L::wide(kRows), Element>};

template <typename L, typename Element>
void attend(const AttentionChunk& chunk, AttentionGroup<Element>& group) {
  static constexpr AttentionTiles<Element> kTiles[] = {kTilesOf<L, 1, Element>, kTilesOf<L, 2, Element>,
                                                       kTilesOf<L, 3, Element>, kTilesOf<L, 4, Element>,
                                                       kTilesOf<L, 5, Element>, kTilesOf<L, 6, Element>};
  const std::size_t tiles = (group.count + L::kTileRows - 1) / L::kTileRows;
  const auto each_tile = [&](const auto& body) {
    for (std::size_t i = 0; i < tiles; ++i) {
      const std::size_t first = group.count * i / tiles;
      body(kTiles[group.count * (i + 1) / tiles - first - 1], first);
    }
  };
  const std::size_t from = group.begin / kLanes;
  const std::size_t to = (group.end + kLanes - 1) / kLanes;
  for (std::size_t page = from / kPageBlocks; page * kPageBlocks < to; ++page) {
    if (group.k[page] == nullptr) continue;
    const std::size_t start = page * kPageBlocks;
    const std::size_t begin = from > start ? from : start;
    const std::size_t end = to < start + kPageBlocks ? to : start + kPageBlocks;
    each_tile([&](const AttentionTiles<Element>& tile, std::size_t first) {
      tile.score(chunk, group, first, begin, end);
    });
  }
  softmax_rows<L>(group);
  each_tile([&](const AttentionTiles<Element>& tile, std::size_t first) {
    tile.value(group, first, value_stride(chunk.value_dim), 0);
  });
}

/// Calls attend for the rows that see something, kGroupRows or fewer at a time.
template <typename L, typename Element>
void attend_in_groups(const AttentionChunk& chunk, std::size_t visible_rows) {
  alignas(kAlignment) float p[kGroupRows][kChunkPositions];
  const std::size_t groups = (visible_rows + kGroupRows - 1) / kGroupRows;
  const AttentionRow* row = chunk.rows;
  for (std::size_t i = 0; i < groups; ++i) {
    const std::size_t count = visible_rows * (i + 1) / groups - visible_rows * i / groups;
    AttentionGroup<Element> group = {};
    group.p = p;
    group.begin = kChunkPositions;
    for (; group.count < count; ++row) {
      if (row->begin >= row->end) continue;
      group.rows[group.count++] = row;
      const auto begin = static_cast<std::size_t>(row->begin);
      const auto end = static_cast<std::size_t>(row->end);
      if (begin < group.begin) group.begin = begin;
      if (end > group.end) group.end = end;
      for (std::size_t page = begin / kPagePositions; page * kPagePositions < end; ++page) {
        group.k[page] = static_cast<const Element*>(chunk.k_pages[page]);
        group.v[page] = static_cast<const Element*>(chunk.v_pages[page]);
      }
    }
    attend<L>(chunk, group);
  }
}

/// n elements, a multiple of 16, as f32.
template <typename L>
void convert(const void* from, std::size_t n, float* to) {
  const auto* x = static_cast<const std::uint16_t*>(from);
  for (std::size_t i = 0; i < n; i += kLanes) L::store(to + i, L::load_f16(x + i), typename L::Full{});
}

template <typename L, typename Element>
void attention(const AttentionChunk& chunk) {
  std::size_t visible_rows = 0;
  bool needed[kChunkPages] = {};
  for (std::size_t i = 0; i < chunk.row_count; ++i) {
    const AttentionRow& row = chunk.rows[i];
    if (row.begin >= row.end) continue;
    ++visible_rows;
    const auto first = static_cast<std::size_t>(row.begin) / kPagePositions;
    const auto last = static_cast<std::size_t>(row.end - 1) / kPagePositions;
    for (std::size_t page = first; page <= last; ++page) needed[page] = true;
  }
  if (sizeof(Element) == sizeof(float) || visible_rows < kConvertFromRows) {
    return attend_in_groups<L, Element>(chunk, visible_rows);
  }
  const std::size_t k_size = kPagePositions * chunk.key_dim;
  const std::size_t v_size = kPagePositions * value_stride(chunk.value_dim);
  const void* k_pages[kChunkPages];
  const void* v_pages[kChunkPages];
  for (std::size_t page = 0; page < kChunkPages; ++page) {
    if (!needed[page]) continue;
    float* k = chunk.scratch + page * k_size;
    float* v = chunk.scratch + kChunkPages * k_size + page * v_size;
    convert<L>(chunk.k_pages[page], k_size, k);
    convert<L>(chunk.v_pages[page], v_size, v);
    k_pages[page] = k;
    v_pages[page] = v;
  }
  AttentionChunk converted = chunk;
  converted.k_pages = k_pages;
  converted.v_pages = v_pages;
  attend_in_groups<L, float>(converted, visible_rows);
}

}  // namespace garam::kernels::simd
