// Work is cut into tiles: up to kTileRows query rows (tokens x the heads that share a kv head) of one
// sequence and one kv head. A tile walks the chunks of 256 absolute positions that any of its rows sees, so a
// chunk's K and V are read once for all of them. Tiles of a prompt are taken by whichever worker is free; for
// single tokens, bound by memory, each worker has a contiguous run of tiles and so knows what it reads next.
#include "ops/attention.h"

#include <algorithm>
#include <limits>

namespace garam::ops {
namespace {

// The first of the kernel's groups of rows waits for K and V, the others find them in L2: the more rows the
// better, as long as every worker has a few tiles to balance with. Zen 3, 64 queries over 1,024 keys: 128
// rows instead of 64 take 1 to 2 % less time.
constexpr std::size_t kTileRows = 256;
constexpr std::size_t kFewTileRows = 64;
constexpr std::size_t kTilesOfWorker = 4;
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

/// The oldest position that a query at `position` sees.
std::int32_t oldest_visible(const AttentionOptions& options, std::int32_t position) {
  return options.window > 0 ? std::max(0, position - options.window + 1) : 0;
}

/// The first position of the first chunk of a tile; chunks before it are not touched.
std::int32_t first_chunk(const AttentionOptions& options, const Tile& tile) {
  const std::int32_t first = tile.sequence->first_position + static_cast<std::int32_t>(tile.first_token);
  return oldest_visible(options, first) / kChunk * kChunk;
}

/// Addresses of the pages of the chunk at position `start`, `offset` bytes into each.
void find_pages(std::span<std::byte* const> all, std::int32_t start, std::size_t offset, const void** pages) {
  for (std::size_t i = 0; i < kernels::kChunkPages; ++i) {
    const std::size_t page = static_cast<std::size_t>(start / kPage) + i;
    const std::byte* base = page < all.size() ? all[page] : nullptr;
    pages[i] = base != nullptr ? base + offset : nullptr;
  }
}

/// `next`, which may be null, is what this worker computes afterwards.
void run_tile(const kernels::Table& table, const KvLayout& layout, const AttentionOptions& options,
              const Tile& tile, const Tile* next, const Rows& q, const TileScratch& scratch,
              const Rows& out) {
  const std::size_t stride = kernels::value_stride(layout.value_dim);
  const std::size_t rows = tile.tokens * tile.heads;
  const float* sinks = options.sinks;
  for (std::size_t row = 0; row < rows; ++row) {
    scratch.max[row] = sinks != nullptr ? sinks[tile.first_head + row % tile.heads]
                                        : -std::numeric_limits<float>::infinity();
  }
  std::fill_n(scratch.sum, rows, sinks != nullptr ? 1.0f : 0.0f);
  std::fill_n(scratch.out, rows * stride, 0.0f);
  const std::int32_t first = tile.sequence->first_position + static_cast<std::int32_t>(tile.first_token);
  const std::int32_t last = first + static_cast<std::int32_t>(tile.tokens) - 1;
  kernels::AttentionChunk chunk{};
  chunk.key_dim = layout.key_dim;
  chunk.value_dim = layout.value_dim;
  chunk.scale = options.scale;
  chunk.rows = scratch.rows;
  chunk.row_count = rows;
  chunk.scratch = scratch.kernel;
  chunk.soft_cap = options.soft_cap;
  const std::size_t k_offset = layout.k_offset(options.layer, tile.kv_head);
  const std::size_t v_offset = layout.v_offset(options.layer, tile.kv_head);
  const std::span<std::byte* const> pages = tile.sequence->pages_of(layout, options.layer);
  for (std::int32_t start = first_chunk(options, tile); start <= last; start += kChunk) {
    const void* k_pages[kernels::kChunkPages];
    const void* v_pages[kernels::kChunkPages];
    const void* next_k_pages[kernels::kChunkPages] = {};
    find_pages(pages, start, k_offset, k_pages);
    find_pages(pages, start, v_offset, v_pages);
    if (start + kChunk <= last) {
      find_pages(pages, start + kChunk, k_offset, next_k_pages);
    } else if (next != nullptr) {
      find_pages(next->sequence->pages_of(layout, options.layer), first_chunk(options, *next),
                 layout.k_offset(options.layer, next->kv_head), next_k_pages);
    }
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
                             std::clamp(oldest_visible(options, position) - start, 0, kChunk),
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
    const std::span<std::byte* const> pages = sequence.pages_of(layout, layer);
    context.split(sequence.rows, kStoreGrain, [&](std::size_t begin, std::size_t end, unsigned) {
      bool all = true;
      for (std::size_t t = begin; t < end; ++t) {
        const auto position = static_cast<std::size_t>(sequence.first_position) + t;
        std::byte* page = pages[position / kernels::kPagePositions];
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

namespace {

/// The tiles of a pass, numbered: sequence by sequence, tokens, kv heads, heads.
class Tiles {
 public:
  Tiles(const KvLayout& layout, const AttentionOptions& options, std::span<const SequenceRows> sequences,
        unsigned workers)
      : layout_(layout),
        options_(options),
        sequences_(sequences),
        group_(options.heads / layout.kv_heads),
        heads_per_tile_(tile_heads(options.heads, layout.kv_heads)),
        head_tiles_((group_ + heads_per_tile_ - 1) / heads_per_tile_),
        tokens_per_tile_(kTileRows / heads_per_tile_) {
    while (tokens_per_tile_ * heads_per_tile_ > kFewTileRows && tokens_per_tile_ > 1 &&
           count() < kTilesOfWorker * workers) {
      tokens_per_tile_ /= 2;
    }
  }

  std::size_t count() const {
    std::size_t tiles = 0;
    for (const SequenceRows& s : sequences_) tiles += count(s);
    return tiles;
  }

  /// body(tile) for the tiles [begin, end).
  template <typename Body>
  void each(std::size_t begin, std::size_t end, const Body& body) const {
    std::size_t first = 0;
    for (const SequenceRows& s : sequences_) {
      const std::size_t tiles = count(s);
      for (std::size_t i = std::max(begin, first); i < std::min(end, first + tiles); ++i) {
        body(tile(s, i - first));
      }
      first += tiles;
    }
  }

  /// Chunks that a tile walks.
  std::size_t chunks(const Tile& tile) const {
    const auto last =
        tile.sequence->first_position + static_cast<std::int32_t>(tile.first_token + tile.tokens) - 1;
    return static_cast<std::size_t>((last - first_chunk(options_, tile)) / kChunk + 1);
  }

 private:
  std::size_t count(const SequenceRows& s) const {
    return (s.rows + tokens_per_tile_ - 1) / tokens_per_tile_ * layout_.kv_heads * head_tiles_;
  }

  Tile tile(const SequenceRows& s, std::size_t index) const {
    const std::size_t first_head = index % head_tiles_ * heads_per_tile_;
    const std::size_t kv_head = index / head_tiles_ % layout_.kv_heads;
    const std::size_t first_token = index / head_tiles_ / layout_.kv_heads * tokens_per_tile_;
    return {&s,
            first_token,
            std::min(tokens_per_tile_, s.rows - first_token),
            kv_head,
            kv_head * group_ + first_head,
            std::min(heads_per_tile_, group_ - first_head)};
  }

  const KvLayout& layout_;
  const AttentionOptions& options_;
  std::span<const SequenceRows> sequences_;
  std::size_t group_, heads_per_tile_, head_tiles_, tokens_per_tile_;
};

}  // namespace

void attention(const Context& context, const KvLayout& layout, const AttentionOptions& options,
               std::span<const SequenceRows> sequences, const Rows& q, std::byte* scratch, const Rows& out) {
  const Tiles tiles(layout, options, sequences, context.workers());
  const std::size_t count = tiles.count();
  const auto run = [&](const Tile& tile, const Tile* next, unsigned worker) {
    run_tile(context.table(), layout, options, tile, next, q, tile_scratch(layout, scratch, worker), out);
  };
  const bool single_tokens =
      std::all_of(sequences.begin(), sequences.end(), [](const SequenceRows& s) { return s.rows == 1; });
  if (!single_tokens) {
    context.steal(count, 1, [&](std::size_t begin, std::size_t end, unsigned worker) {
      tiles.each(begin, end, [&](const Tile& tile) { run(tile, nullptr, worker); });
    });
    return;
  }
  std::size_t total = 0;
  tiles.each(0, count, [&](const Tile& tile) { total += tiles.chunks(tile); });
  const std::size_t shares = context.workers();
  context.split(shares, 1, [&](std::size_t share, std::size_t, unsigned worker) {
    // A tile belongs to the share of the chunks in which its middle lies.
    std::size_t done = 0;
    Tile held{};
    tiles.each(0, count, [&](const Tile& tile) {
      const std::size_t middle = 2 * done + tiles.chunks(tile);
      done += tiles.chunks(tile);
      if (middle * shares / (2 * total) != share) return;
      if (held.sequence != nullptr) run(held, &tile, worker);
      held = tile;
    });
    if (held.sequence != nullptr) run(held, nullptr, worker);
  });
}

}  // namespace garam::ops
