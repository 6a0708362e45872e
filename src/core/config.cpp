// Limits: far above any real model, low enough that no product of two overflows 64 bits.
#include "core/config.h"

#include <algorithm>

#include "base/fail.h"

namespace garam {
namespace {

constexpr std::uint64_t kMaxContext = std::uint64_t{1} << 30;
constexpr std::uint64_t kMaxDimension = std::uint64_t{1} << 24;
constexpr std::uint64_t kMaxLayers = 1 << 16;
constexpr std::uint64_t kMaxHeadDim = 1 << 16;
constexpr std::uint64_t kMaxExperts = 1 << 12;

}  // namespace

Config Config::read(const Metadata& metadata, std::size_t vocab) {
  Config c;
  c.vocab = vocab;
  c.context = metadata.integer("context_length", 1, kMaxContext);
  c.width = metadata.integer("embedding_length", 1, kMaxDimension);
  c.layers = metadata.integer("block_count", 1, kMaxLayers);
  c.hidden = metadata.integer("feed_forward_length", 1, kMaxDimension);
  c.heads = metadata.integer("attention.head_count", 1, kMaxDimension);
  c.kv_heads = metadata.integer_or("attention.head_count_kv", 1, c.heads, c.heads);
  if (c.heads % c.kv_heads != 0) {
    fail(ErrorCode::kFormat, "{}: key {}: expected a divisor of the {} heads, found {}", metadata.file(),
         metadata.name("attention.head_count_kv"), c.heads, c.kv_heads);
  }
  if (!metadata.has("attention.key_length") && c.width % c.heads != 0) {
    fail(ErrorCode::kFormat, "{}: key {}: expected a divisor of the width {}, found {}", metadata.file(),
         metadata.name("attention.head_count"), c.width, c.heads);
  }
  c.key_dim = metadata.integer_or("attention.key_length", 1, kMaxHeadDim, c.width / c.heads);
  c.value_dim = metadata.integer_or("attention.value_length", 1, kMaxHeadDim, c.key_dim);
  c.window = static_cast<std::int32_t>(metadata.integer_or("attention.sliding_window", 0, kMaxContext, 0));
  if (!metadata.boolean_or("attention.causal", true)) {
    fail(ErrorCode::kUnsupported, "{}: key {}: expected true, found false: only causal models generate text",
         metadata.file(), metadata.name("attention.causal"));
  }
  c.experts = metadata.integer_or("expert_count", 0, kMaxExperts, 0);
  if (c.experts > 0) {
    c.experts_used = metadata.integer("expert_used_count", 1, c.experts);
    c.expert_hidden = metadata.integer_or("expert_feed_forward_length", 1, kMaxDimension, c.hidden);
    c.shared_hidden = metadata.integer_or("expert_shared_feed_forward_length", 1, kMaxDimension, c.hidden);
  }
  return c;
}

void Config::read_local_layers(const Metadata& metadata, std::size_t period) {
  constexpr const char* kKey = "attention.sliding_window_pattern";
  if (auto flags = metadata.booleans(kKey, layers)) {
    local = *std::move(flags);
    place_layers();
    return;
  }
  const std::size_t n = metadata.integer_or(kKey, 0, kMaxLayers, period);
  local.assign(layers, true);
  for (std::size_t i = n; n > 0 && i <= layers; i += n) local[i - 1] = false;
  place_layers();
}

void Config::place_layers() {
  const auto windowed = static_cast<std::size_t>(std::count(local.begin(), local.end(), true));
  if (window == 0 || windowed == 0 || windowed == layers) return;
  std::uint32_t next[2] = {};
  for (const bool is_local : local) places.push_back({next[is_local]++, is_local});
}

std::int32_t Config::kv_window() const {
  const bool any = local.empty() || std::find(local.begin(), local.end(), true) != local.end();
  return any ? window : 0;
}

ops::KvLayout Config::kv_layout(kernels::KvFormat format) const {
  const auto windowed = std::count_if(places.begin(), places.end(), [](const auto& p) { return p.windowed; });
  return {layers, kv_heads, key_dim, value_dim, format, places, static_cast<std::size_t>(windowed)};
}

}  // namespace garam
