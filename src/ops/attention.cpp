// Work is cut into tiles: up to kTileRows query rows (tokens x the heads that share a kv head) of one
// sequence and one kv head. A tile walks the chunks of 256 absolute positions that any of its rows sees, so a
// chunk's K and V are read once for all of them.
#include "ops/attention.h"

#include <algorithm>
#include <limits>

namespace garam::ops {
namespace {

// 64 rows make the conversion of a chunk to f32 2 % of its arithmetic.
constexpr std::size_t kTileRows = 64;
constexpr std::size_t kStoreGrain = 8;
constexpr auto kChunk = static_cast<std::int32_t>(kernels::kChunkPositions);
constexpr auto kPage = static_cast<std::int32_t>(kernels::kPagePositions);

/// What one worker needs for one tile.
struct TileScratch {
  float* kernel;                // attention_scratch_floats
  float* out;                   // [kTileRows][value_stride]
  float* max;                   // [kTileRows]
  float* sum;                   // [kTileRows]
  kernels::AttentionRow* rows;  // [kTileRows]
};

std::size_t tile_heads(std::size_t heads, std::size_t kv_heads) {
  return std::min(heads / kv_heads, kTileRows);
}

std::size_t kernel_bytes(const KvLayout& layout) {
  return kernels::round_up(
      kernels::attention_scratch_floats(layout.key_dim, layout.value_dim) * sizeof(float),
      kernels::kAlignment);
}

std::size_t out_bytes(const KvLayout& layout) {
  return kTileRows * kernels::value_stride(layout.value_dim) * sizeof(float);
}

std::size_t worker_bytes(const KvLayout& layout) {
  return kernels::round_up(kernel_bytes(layout) + out_bytes(layout) + 2 * kTileRows * sizeof(float) +
                               kTileRows * sizeof(kernels::AttentionRow),
                           kernels::kAlignment);
}

TileScratch tile_scratch(const KvLayout& layout, std::byte* scratch, unsigned worker) {
  std::byte* p = scratch + worker * worker_bytes(layout);
  TileScratch tile{};
  tile.kernel = reinterpret_cast<float*>(p);
  tile.out = reinterpret_cast<float*>(p + kernel_bytes(layout));
  tile.max = reinterpret_cast<float*>(p + kernel_bytes(layout) + out_bytes(layout));
  tile.sum = tile.max + kTileRows;
  tile.rows = reinterpret_cast<kernels::AttentionRow*>(tile.sum + kTileRows);
  return tile;
}

/// Query rows [first_token, first_token + tokens) x heads [first_head, first_head + heads) of one kv head.
struct Tile {
  const SequenceRows* sequence;
  std::size_t first_token;
  std::size_t tokens;
  std::size_t kv_head;
  std::size_t first_head;
  std::size_t heads;
};

void run_tile(const kernels::Table& table, const KvLayout& layout, const AttentionOptions& options,
              const Tile& tile, const Rows& q, const TileScratch& scratch, const Rows& out) {
  const std::size_t stride = kernels::value_stride(layout.value_dim);
  const std::size_t rows = tile.tokens * tile.heads;
  std::fill_n(scratch.max, rows, -std::numeric_limits<float>::infinity());
  std::fill_n(scratch.sum, rows, 0.0f);
  std::fill_n(scratch.out, rows * stride, 0.0f);
  const std::int32_t first = tile.sequence->first_position + static_cast<std::int32_t>(tile.first_token);
  const std::int32_t last = first + static_cast<std::int32_t>(tile.tokens) - 1;
  const auto oldest = [&](std::int32_t position) {
    return options.window > 0 ? std::max(0, position - options.window + 1) : 0;
  };
  kernels::AttentionChunk chunk{};
  chunk.key_dim = layout.key_dim;
  chunk.value_dim = layout.value_dim;
  chunk.scale = options.scale;
  chunk.rows = scratch.rows;
  chunk.row_count = rows;
  chunk.scratch = scratch.kernel;
  const auto find_pages = [&](std::int32_t start, std::size_t offset, const void** pages) {
    for (std::size_t i = 0; i < kernels::kChunkPages; ++i) {
      const std::size_t page = static_cast<std::size_t>(start / kPage) + i;
      const std::byte* base = page < tile.sequence->pages.size() ? tile.sequence->pages[page] : nullptr;
      pages[i] = base != nullptr ? base + offset : nullptr;
    }
  };
  const std::size_t k_offset = layout.k_offset(options.layer, tile.kv_head);
  const std::size_t v_offset = layout.v_offset(options.layer, tile.kv_head);
  for (std::int32_t start = oldest(first) / kChunk * kChunk; start <= last; start += kChunk) {
    const void* k_pages[kernels::kChunkPages];
    const void* v_pages[kernels::kChunkPages];
    const void* next_k_pages[kernels::kChunkPages];
    find_pages(start, k_offset, k_pages);
    find_pages(start, v_offset, v_pages);
    find_pages(start + kChunk, k_offset, next_k_pages);
    chunk.k_pages = k_pages;
    chunk.v_pages = v_pages;
    chunk.next_k_pages = next_k_pages;
    for (std::size_t t = 0; t < tile.tokens; ++t) {
      const std::int32_t position = first + static_cast<std::int32_t>(t);
      const float* query = q.row(tile.sequence->first_row + tile.first_token + t);
      for (std::size_t h = 0; h < tile.heads; ++h) {
        const std::size_t row = t * tile.heads + h;
        scratch.rows[row] = {query + (tile.first_head + h) * layout.key_dim,
                             scratch.out + row * stride,
                             scratch.max + row,
                             scratch.sum + row,
                             std::clamp(oldest(position) - start, 0, kChunk),
                             std::clamp(position + 1 - start, 0, kChunk)};
      }
    }
    table.attention[static_cast<std::size_t>(layout.format)](chunk);
  }
  for (std::size_t t = 0; t < tile.tokens; ++t) {
    float* row = out.row(tile.sequence->first_row + tile.first_token + t);
    for (std::size_t h = 0; h < tile.heads; ++h) {
      const float* state = scratch.out + (t * tile.heads + h) * stride;
      float* head = row + (tile.first_head + h) * layout.value_dim;
      std::copy_n(state, layout.value_dim, head);
      table.divide(head, layout.value_dim, scratch.sum[t * tile.heads + h]);
    }
  }
}

}  // namespace

void store_kv(const Context& context, const KvLayout& layout, std::size_t layer,
              std::span<const SequenceRows> sequences, const Rows& k, const Rows& v,
              std::atomic<bool>& finite) {
  const kernels::Table& table = context.table();
  const auto store_k = table.store_k[static_cast<std::size_t>(layout.format)];
  const auto store_v = table.store_v[static_cast<std::size_t>(layout.format)];
  for (const SequenceRows& sequence : sequences) {
    context.split(sequence.rows, kStoreGrain, [&](std::size_t begin, std::size_t end, unsigned) {
      bool all = true;
      for (std::size_t t = begin; t < end; ++t) {
        const auto position = static_cast<std::size_t>(sequence.first_position) + t;
        std::byte* page = sequence.pages[position / kernels::kPagePositions];
        const std::size_t slot = position % kernels::kPagePositions;
        const float* key = k.row(sequence.first_row + t);
        const float* value = v.row(sequence.first_row + t);
        for (std::size_t h = 0; h < layout.kv_heads; ++h) {
          all &= store_k(key + h * layout.key_dim, layout.key_dim, page + layout.k_offset(layer, h), slot);
          all &=
              store_v(value + h * layout.value_dim, layout.value_dim, page + layout.v_offset(layer, h), slot);
        }
      }
      if (!all) finite.store(false, std::memory_order_relaxed);
    });
  }
}

std::size_t attention_scratch_bytes(const KvLayout& layout, unsigned workers) {
  return workers * worker_bytes(layout);
}

void attention(const Context& context, const KvLayout& layout, const AttentionOptions& options,
               std::span<const SequenceRows> sequences, const Rows& q, std::byte* scratch, const Rows& out) {
  const std::size_t group = options.heads / layout.kv_heads;
  const std::size_t heads_per_tile = tile_heads(options.heads, layout.kv_heads);
  const std::size_t head_tiles = (group + heads_per_tile - 1) / heads_per_tile;
  const std::size_t tokens_per_tile = kTileRows / heads_per_tile;
  std::size_t tiles = 0;
  const auto token_tiles = [&](const SequenceRows& s) {
    return (s.rows + tokens_per_tile - 1) / tokens_per_tile;
  };
  for (const SequenceRows& s : sequences) tiles += token_tiles(s) * layout.kv_heads * head_tiles;

  context.steal(tiles, 1, [&](std::size_t begin, std::size_t end, unsigned worker) {
    const TileScratch worker_scratch = tile_scratch(layout, scratch, worker);
    std::size_t first = 0;
    for (const SequenceRows& s : sequences) {
      const std::size_t count = token_tiles(s) * layout.kv_heads * head_tiles;
      for (std::size_t i = std::max(begin, first); i < std::min(end, first + count); ++i) {
        const std::size_t index = i - first;
        const std::size_t head_tile = index % head_tiles;
        const std::size_t kv_head = index / head_tiles % layout.kv_heads;
        const std::size_t first_token = index / head_tiles / layout.kv_heads * tokens_per_tile;
        const std::size_t first_head = head_tile * heads_per_tile;
        const Tile tile{&s,
                        first_token,
                        std::min(tokens_per_tile, s.rows - first_token),
                        kv_head,
                        kv_head * group + first_head,
                        std::min(heads_per_tile, group - first_head)};
        run_tile(context.table(), layout, options, tile, q, worker_scratch, out);
      }
      first += count;
    }
  });
}

}  // namespace garam::ops
