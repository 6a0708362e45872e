// Causal attention over paged keys and values, and storing into the pages.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "runtime/context.h"
#include "tensor/matrix.h"

namespace garam::ops {

/// Which pages hold the keys and values of a layer, and at which place among those of other layers.
struct KvPlace {
  std::uint32_t index = 0;
  bool windowed =
      false;  // in the pages of their own that layers with a window have, so that those can be dropped
};

/// Where things lie in a KV page (64 positions of all its layers; kernels/layout.h has the inner layout):
/// [layer][kv head]{ K block, V block }, each padded to 64 bytes. Where some layers see a window and others
/// everything, positions have two pages, one for each kind.
struct KvLayout {
  std::size_t layers = 0;
  std::size_t kv_heads = 0;
  std::size_t key_dim = 0;
  std::size_t value_dim = 0;
  kernels::KvFormat format = kernels::KvFormat::kF16;
  std::span<const KvPlace> places = {};  // [layers], of the model's config; empty: one page holds all layers
  std::size_t windowed = 0;              // how many of the places are windowed

  std::size_t k_bytes() const {
    return kernels::round_up(kernels::k_page_bytes(format, key_dim), kernels::kAlignment);
  }
  std::size_t v_bytes() const {
    return kernels::round_up(kernels::v_page_bytes(format, value_dim), kernels::kAlignment);
  }
  std::size_t k_offset(std::size_t layer, std::size_t kv_head) const {
    const std::size_t index = places.empty() ? layer : places[layer].index;
    return (index * kv_heads + kv_head) * (k_bytes() + v_bytes());
  }
  std::size_t v_offset(std::size_t layer, std::size_t kv_head) const {
    return k_offset(layer, kv_head) + k_bytes();
  }
  bool in_windowed_pages(std::size_t layer) const { return !places.empty() && places[layer].windowed; }
  std::size_t page_bytes() const { return (layers - windowed) * kv_heads * (k_bytes() + v_bytes()); }
  /// Of the pages of layers with a window; 0 where they have none of their own.
  std::size_t windowed_page_bytes() const { return windowed * kv_heads * (k_bytes() + v_bytes()); }
};

/// The rows of one sequence in a batch: `rows` consecutive batch rows from `first_row` at consecutive
/// positions from `first_position`.
struct SequenceRows {
  std::span<std::byte* const> pages;  // by position / 64; null where a sliding window dropped the page
  std::size_t first_row = 0;
  std::size_t rows = 0;
  std::int32_t first_position = 0;
  std::size_t context = 0;  // positions that the sequence may grow to, whatever it holds
  std::span<std::byte* const> windowed_pages = {};  // of layers whose place is there

  std::span<std::byte* const> pages_of(const KvLayout& layout, std::size_t layer) const {
    return layout.in_windowed_pages(layer) ? windowed_pages : pages;
  }
};

/// Writes the K and V of every row into its sequence's page, rounded to the cache type. Sets `finite` to
/// false when a value is not finite (it is stored as 0, so the page stays usable).
void store_kv(const Context& context, const KvLayout& layout, std::size_t layer,
              std::span<const SequenceRows> sequences, const Rows& k, const Rows& v,
              std::atomic<bool>& finite);

/// One layer's attention.
struct AttentionOptions {
  std::size_t layer = 0;
  std::size_t heads = 0;
  float scale = 1;
  float soft_cap = 0;            // scores become tanh(score / soft_cap) * soft_cap; 0 = they stay
  const float* sinks = nullptr;  // [heads] scores without a value that every row sees too, or null
  std::int32_t window = 0;  // a key is visible while query position - key position < window; 0 = no window
};

/// Bytes of scratch for `workers` workers.
std::size_t attention_scratch_bytes(const KvLayout& layout, unsigned workers);

/// out.row(t) = softmax(q k^T * scale) v over the visible keys, heads side by side (numerics rule 8). Query
/// head h reads kv head h * kv_heads / heads. `scratch` is 64-byte aligned.
void attention(const Context& context, const KvLayout& layout, const AttentionOptions& options,
               std::span<const SequenceRows> sequences, const Rows& q, std::byte* scratch, const Rows& out);

}  // namespace garam::ops
