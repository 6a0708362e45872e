// Attention over one chunk of 256 positions on 16 lanes (numerics rule 8): scores of a group of query rows,
// their softmax, their values and the merge.
//
// L is a set's Lanes and, beside them:
//   kTileRows          most query rows of a register tile, at most 6
//   wide(rows)         registers of 16 lanes of a tile of that many rows: 1, 2 or 4
//   kConvertF16From    rows from which on f16 keys and values are converted once per chunk instead of once
//                      per tile; 0: never
//   kConvertQ8From     the same of q8_0
//   kExpAtOnce         vectors of 16 lanes whose exp its registers hold beside each other, at most 4
// In an anonymous namespace, so that nothing made from it is visible outside the file that includes it.
#pragma once

#include "kernels/simd/attention_tiles.h"
#include "kernels/simd/exp.h"

namespace garam::kernels::simd {
namespace {

/// The 16 keys of a block as [begin, end) shows them: -inf in the place of the others, whose exp is 0, so
/// that a partial block needs no mask from here on.
template <typename L>
void hide(float* p, std::size_t block, std::int32_t begin, std::int32_t end) {
  constexpr typename L::Full kFull{};
  const auto start = static_cast<std::int32_t>(block * kLanes);
  float* at = p + block * kLanes;
  L::store(at, L::select(L::range(begin - start, end - start), L::load(at, kFull), L::set(-__builtin_inff())),
           kFull);
}

/// The largest of the visible scores of a row.
template <typename L>
float largest_score(float* p, const AttentionRow& row) {
  const std::size_t first = static_cast<std::size_t>(row.begin) / kLanes;
  const std::size_t last = (static_cast<std::size_t>(row.end) + kLanes - 1) / kLanes;
  if (row.begin % kLanes != 0) hide<L>(p, first, row.begin, row.end);
  if (row.end % kLanes != 0) hide<L>(p, last - 1, row.begin, row.end);
  auto largest = L::set(-__builtin_inff());
  for (std::size_t block = first; block < last; ++block) {
    largest = L::max(L::load(p + block * kLanes, typename L::Full{}), largest);
  }
  return L::largest(largest);
}

template <typename L, typename Element>
[[gnu::noinline]] void cap_scores(const AttentionGroup<Element>& group) {
  constexpr typename L::Full kFull{};
  const auto cap = L::set(group.soft_cap);
  for (std::size_t i = 0; i < group.count; ++i) {
    const std::size_t last = (static_cast<std::size_t>(group.rows[i]->end) + kLanes - 1) / kLanes;
    for (std::size_t block = static_cast<std::size_t>(group.rows[i]->begin) / kLanes; block < last; ++block) {
      float* at = group.p + i * kChunkPositions + block * kLanes;
      L::store(at, soft_capped<L>(L::load(at, kFull), cap), kFull);
    }
  }
}

/// Probabilities of all rows, their new max and sum, and the factors that merge o. A key that a row does not
/// see has the probability 0. A NaN score stays NaN, and so does everything where the largest score is
/// infinite. First every row's maximum, then every row's exp: a row's exp would otherwise wait for its
/// maximum with nothing else to do.
template <typename L, typename Element>
void softmax_rows(AttentionGroup<Element>& group) {
  constexpr typename L::Full kFull{};
  float max[kGroupRows];
  float sums[kGroupRows];
  if (group.soft_cap > 0) cap_scores<L>(group);
  for (std::size_t i = 0; i < group.count; ++i) {
    max[i] = largest_score<L>(group.p + i * kChunkPositions, *group.rows[i]);
  }
  const std::size_t from = group.begin / kLanes;
  const std::size_t to = (group.end + kLanes - 1) / kLanes;
  // What lies ahead is brought in evenly, so many cache lines a block of 16 keys of a row.
  const std::byte* ahead = group.ahead;
  const std::byte* ahead_end = ahead + group.ahead_bytes;
  const std::size_t blocks = group.count * (to - from);
  const std::size_t lines = (group.ahead_bytes / kCacheLine + blocks - 1) / blocks;
  for (std::size_t i = 0; i < group.count; ++i) {
    float* p = group.p + i * kChunkPositions;
    const std::size_t first = static_cast<std::size_t>(group.rows[i]->begin) / kLanes;
    const std::size_t last = (static_cast<std::size_t>(group.rows[i]->end) + kLanes - 1) / kLanes;
    for (std::size_t block = from; block < first; ++block) L::store(p + block * kLanes, L::zero(), kFull);
    const auto m = L::set(max[i]);
    auto sum = L::zero();
    std::size_t block = first;
    const auto step = [&]<std::size_t kCount>() {
      for (std::size_t line = 0; line < kCount * lines && ahead < ahead_end; ++line) {
        __builtin_prefetch(ahead, 0, 2);
        ahead += kCacheLine;
      }
      float* at = p + block * kLanes;
      typename L::F e[kCount];
#pragma GCC unroll 4
      for (std::size_t j = 0; j < kCount; ++j) e[j] = L::sub(L::load(at + j * kLanes, kFull), m);
      exp_of_negative<L>(e);
#pragma GCC unroll 4
      for (std::size_t j = 0; j < kCount; ++j) {
        L::store(at + j * kLanes, e[j], kFull);
        sum = L::add(sum, e[j]);
      }
      block += kCount;
    };
    constexpr std::size_t kAtOnce = L::kExpAtOnce;
    while (block + kAtOnce <= last) step.template operator()<kAtOnce>();
    while (block < last) step.template operator()<1>();
    for (; block < to; ++block) L::store(p + block * kLanes, L::zero(), kFull);
    sums[i] = L::sum_of_stripes(sum);
  }
  for (std::size_t i = 0; i < group.count; ++i) {
    const AttentionRow& row = *group.rows[i];
    const float most = *row.max > max[i] ? *row.max : max[i];
    group.a[i] = *row.max - most;
    group.b[i] = max[i] - most;
    *row.max = most;
  }
  typename L::F factors[2] = {L::load(group.a, kFull), L::load(group.b, kFull)};
  exp_of_negative<L>(factors);
  L::store(group.a, factors[0], kFull);
  L::store(group.b, factors[1], kFull);
  for (std::size_t i = 0; i < group.count; ++i) {
    float* state = group.rows[i]->sum;
    *state = __builtin_fmaf(*state, group.a[i], sums[i] * group.b[i]);
  }
}

/// The tiles of one number of rows.
template <typename Element>
struct AttentionTiles {
  void (*score)(const AttentionChunk&, const AttentionGroup<Element>&, std::size_t first, std::size_t block,
                std::size_t last);
  void (*value)(const AttentionGroup<Element>&, std::size_t first, std::size_t block, std::size_t last);
};
template <typename L, std::size_t kRows, typename Element>
inline constexpr AttentionTiles<Element> kTilesOf = {score_blocks<L, kRows, L::wide(kRows), Element>,
                                                     value_blocks<L, kRows, L::wide(kRows), Element>};

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
    if (group.pages.page[page].k == nullptr) continue;
    const std::size_t start = page * kPageBlocks;
    const std::size_t begin = from > start ? from : start;
    const std::size_t end = to < start + kPageBlocks ? to : start + kPageBlocks;
    each_tile([&](const AttentionTiles<Element>& tile, std::size_t first) {
      tile.score(chunk, group, first, begin, end);
    });
  }
  softmax_rows<L>(group);
  each_tile([&](const AttentionTiles<Element>& tile, std::size_t first) {
    tile.value(group, first, 0, value_stride(chunk.value_dim) / kLanes);
  });
}

/// A fifth of the time goes into softmax and into preparing and merging, and memory must not rest meanwhile:
/// the values of the last page that is seen are brought in by softmax, those of the others by the scores.
template <typename Element>
void leave_to_softmax(const AttentionChunk& chunk, AttentionGroup<Element>& group) {
  AttentionPage<Element>& page = group.pages.page[(group.end - 1) / kPagePositions];
  if (page.k_ahead == page.k) return;
  page.k_ahead = page.k;
  group.ahead = reinterpret_cast<const std::byte*>(page.v);
  group.ahead_bytes = kPagePositions * value_stride(chunk.value_dim) * sizeof(Element);
}

/// Calls attend for the rows that see something, in as many groups as their tiles need.
template <typename L, typename Element>
void attend_in_groups(const AttentionChunk& chunk, std::size_t visible_rows,
                      const AttentionPages<Element>& pages) {
  alignas(kAlignment) float p[kGroupRows * kChunkPositions];
  constexpr std::size_t kGroupTiles = kGroupRows / L::kTileRows;
  const std::size_t tiles = (visible_rows + L::kTileRows - 1) / L::kTileRows;
  const AttentionRow* row = chunk.rows;
  std::size_t done = 0;
  for (std::size_t tile = 0; tile < tiles; tile += kGroupTiles) {
    const std::size_t last_tile = tile + kGroupTiles < tiles ? tile + kGroupTiles : tiles;
    const std::size_t count = visible_rows * last_tile / tiles - done;
    done += count;
    AttentionGroup<Element> group = {};
    group.p = p;
    group.soft_cap = chunk.soft_cap;
    group.pages.v_key = pages.v_key;
    group.pages.v_block = pages.v_block;
    group.begin = kChunkPositions;
    for (; group.count < count; ++row) {
      if (row->begin >= row->end) continue;
      group.rows[group.count++] = row;
      const auto begin = static_cast<std::size_t>(row->begin);
      const auto end = static_cast<std::size_t>(row->end);
      if (begin < group.begin) group.begin = begin;
      if (end > group.end) group.end = end;
      for (std::size_t i = begin / kPagePositions; i * kPagePositions < end; ++i) {
        AttentionPage<Element>& page = group.pages.page[i];
        page = pages.page[i];
        if (tile == 0) continue;
        page.k_ahead = page.k;  // the first group has brought in what lies ahead
        page.v_ahead = page.v;
      }
    }
    if (tile == 0) leave_to_softmax(chunk, group);
    attend<L>(chunk, group);
  }
}

/// The pages that any row sees. While keys are read their values are brought in, and while values are read
/// the next chunk's keys: the memory then works through all of it. The `ahead` of pages of another size, and
/// of none, is the page itself.
template <typename Element>
struct Visible {
  std::size_t rows;
  AttentionPages<Element> pages;
};
template <typename Element>
Visible<Element> visible(const AttentionChunk& chunk) {
  const std::size_t stride = value_stride(chunk.value_dim);
  Visible<Element> found = {};
  found.pages.v_key = stride;
  found.pages.v_block = kLanes;
  const auto elements = [](const void* page, std::size_t dim) {
    const std::size_t scales = kHasScales<Element> ? kv_scale_bytes(KvFormat::kQ8_0, dim) : 0;
    return reinterpret_cast<const Element*>(static_cast<const std::byte*>(page) + scales);
  };
  for (std::size_t i = 0; i < chunk.row_count; ++i) {
    const AttentionRow& row = chunk.rows[i];
    if (row.begin >= row.end) continue;
    ++found.rows;
    const auto first = static_cast<std::size_t>(row.begin) / kPagePositions;
    const auto last = static_cast<std::size_t>(row.end - 1) / kPagePositions;
    for (std::size_t at = first; at <= last; ++at) {
      AttentionPage<Element>& page = found.pages.page[at];
      page.k = page.k_ahead = elements(chunk.k_pages[at], chunk.key_dim);
      page.v = page.v_ahead = elements(chunk.v_pages[at], chunk.value_dim);
      if constexpr (kHasScales<Element>) {
        page.k_scale = static_cast<const std::uint16_t*>(chunk.k_pages[at]);
        page.v_scale = static_cast<const std::uint16_t*>(chunk.v_pages[at]);
      }
      if (chunk.key_dim != stride) continue;
      page.k_ahead = page.v;
      if (chunk.next_k_pages == nullptr || chunk.next_k_pages[at] == nullptr) continue;
      page.v_ahead = elements(chunk.next_k_pages[at], chunk.key_dim);
    }
  }
  return found;
}

/// The pages as f32 in the chunk's scratch. Of the values, 16 dimensions of all keys lie together, so that a
/// tile reads one ascending stream.
template <typename L, typename Element>
AttentionPages<Converted> converted(const AttentionChunk& chunk, const AttentionPages<Element>& pages) {
  const std::size_t stride = value_stride(chunk.value_dim);
  AttentionPages<Converted> found = {};
  found.v_key = kLanes;
  found.v_block = kLanes * kPagePositions;
  float* to = chunk.scratch;
  for (std::size_t i = 0; i < kChunkPages; ++i) {
    const AttentionPage<Element>& page = pages.page[i];
    if (page.k == nullptr) continue;
    float* k = to;
    to += kPagePositions * chunk.key_dim;
    float* v = to;
    to += kPagePositions * stride;
    for (std::size_t keys = 0; keys < kPagePositions; keys += kLanes) {
      for (std::size_t d = 0; d < chunk.key_dim; ++d) {
        const std::size_t at = keys * chunk.key_dim + d * kLanes;
        auto scale = L::zero();
        if constexpr (kHasScales<Element>) {
          scale = L::load_f16(page.k_scale + d / kBlock * kPagePositions + keys);
        }
        L::store(k + at, load_elements<L>(page.k + at, scale), typename L::Full{});
      }
    }
    for (std::size_t d = 0; d < stride; d += kLanes) {
      float scales[kPagePositions];
      if constexpr (kHasScales<Element>) {
        for (std::size_t at = 0; at < kPagePositions; at += kLanes) {
          L::store(scales + at, L::load_f16(page.v_scale + d / kBlock * kPagePositions + at),
                   typename L::Full{});
        }
      }
      for (std::size_t key = 0; key < kPagePositions; ++key) {
        const auto scale = kHasScales<Element> ? L::set(scales[key]) : L::zero();
        L::store(v + d * kPagePositions + key * kLanes, load_elements<L>(page.v + key * stride + d, scale),
                 typename L::Full{});
      }
    }
    const auto* keys = reinterpret_cast<const Converted*>(k);
    const auto* values = reinterpret_cast<const Converted*>(v);
    found.page[i] = {keys, values, keys, values, nullptr, nullptr};
  }
  return found;
}

template <typename L, typename Element>
void attention(const AttentionChunk& chunk) {
  const Visible<Element> found = visible<Element>(chunk);
  constexpr std::size_t kConvertFrom = kHasScales<Element>    ? L::kConvertQ8From
                                       : sizeof(Element) == 2 ? L::kConvertF16From
                                                              : 0;
  if constexpr (kConvertFrom > 0) {
    if (found.rows >= kConvertFrom) {
      return attend_in_groups<L>(chunk, found.rows, converted<L>(chunk, found.pages));
    }
  }
  attend_in_groups<L>(chunk, found.rows, found.pages);
}

template <typename L>
void fill_attention(Table& table) {
  table.attention[static_cast<std::size_t>(KvFormat::kF16)] = attention<L, std::uint16_t>;
  table.attention[static_cast<std::size_t>(KvFormat::kF32)] = attention<L, float>;
  table.attention[static_cast<std::size_t>(KvFormat::kQ8_0)] = attention<L, std::int8_t>;
}

}  // namespace
}  // namespace garam::kernels::simd
