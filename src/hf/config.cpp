// Limits are those of src/core/config.cpp, so that no product of two numbers overflows.
#include "hf/config.h"

#include "base/fail.h"
#include "base/printable.h"

namespace garam {
namespace {

constexpr std::uint64_t kMaxContext = std::uint64_t{1} << 30;
constexpr std::uint64_t kMaxDimension = std::uint64_t{1} << 24;
constexpr std::uint64_t kMaxLayers = 1 << 16;
constexpr std::uint64_t kMaxHeadDim = 1 << 16;
constexpr std::uint64_t kMaxVocab = std::uint64_t{1} << 24;

}  // namespace

std::string HfConfig::where(std::string_view name) const {
  const std::string outer = root_.where();
  // "config.json" itself has no member in front of the name.
  return outer + (outer.ends_with(".json") ? ": " : ".") + std::string(name);
}

std::uint64_t HfConfig::integer(std::string_view name, std::uint64_t low, std::uint64_t high) const {
  const auto value = find(name);
  if (value) return value->integer(low, high);
  fail(ErrorCode::kFormat, "{}: expected an integer from {} to {}, found none", where(name), low, high);
}

std::uint64_t HfConfig::integer_or(std::string_view name, std::uint64_t low, std::uint64_t high,
                                   std::uint64_t fallback) const {
  const auto value = find(name);
  return value ? value->integer(low, high) : fallback;
}

double HfConfig::real_or(std::string_view name, double low, double high, double fallback) const {
  const auto value = find(name);
  return value ? value->real(low, high) : fallback;
}

bool HfConfig::boolean_or(std::string_view name, bool fallback) const {
  const auto value = find(name);
  return value ? value->boolean() : fallback;
}

std::string HfConfig::string_or(std::string_view name, std::string_view fallback) const {
  const auto value = find(name);
  return std::string(value ? value->string() : fallback);
}

void HfConfig::unsupported(const JsonValue& value, std::string_view expected) const {
  fail(ErrorCode::kUnsupported, "{}: expected {}, found {}", value.where(), expected, value.describe());
}

void HfConfig::expect(std::string_view name, bool expected) const {
  const auto value = find(name);
  if (value && value->boolean() != expected) unsupported(*value, expected ? "true" : "false");
}

void HfConfig::expect_one_of(std::string_view name, std::initializer_list<std::string_view> values) const {
  const auto value = find(name);
  if (!value) return;
  std::string list;
  for (const std::string_view known : values) {
    if (value->string() == known) return;
    list += list.empty() ? "" : " or ";
    list += known;
  }
  unsupported(*value, list);
}

Decoder Decoder::read(const HfConfig& config, const DecoderDefaults& defaults) {
  const auto integer = [&](std::string_view name, std::uint64_t high,
                           const std::optional<std::uint64_t>& fallback) {
    return fallback ? config.integer_or(name, 1, high, *fallback) : config.integer(name, 1, high);
  };
  Decoder d;
  d.context = integer("max_position_embeddings", kMaxContext, defaults.context);
  d.width = config.integer("hidden_size", 1, kMaxDimension);
  d.layers = config.integer("num_hidden_layers", 1, kMaxLayers);
  d.hidden = config.integer("intermediate_size", 1, kMaxDimension);
  d.heads = integer("num_attention_heads", kMaxDimension, defaults.heads);
  d.kv_heads = integer("num_key_value_heads", d.heads, defaults.kv_heads.value_or(d.heads));
  if (d.heads % d.kv_heads != 0) {
    fail(ErrorCode::kFormat, "{}: expected a divisor of the {} heads, found {}",
         config.where("num_key_value_heads"), d.heads, d.kv_heads);
  }
  if (!config.has("head_dim") && !defaults.head_dim && d.width % d.heads != 0) {
    fail(ErrorCode::kFormat, "{}: expected a divisor of hidden_size {}, found {}",
         config.where("num_attention_heads"), d.width, d.heads);
  }
  d.head_dim = config.integer_or("head_dim", 1, kMaxHeadDim, defaults.head_dim.value_or(d.width / d.heads));
  d.vocab = integer("vocab_size", kMaxVocab, defaults.vocab);
  d.eps = config.real_or("rms_norm_eps", 1e-20, 1, defaults.eps);
  d.rope_base = config.real_or("rope_theta", 1, 1e12, defaults.rope_base);
  d.tied = config.boolean_or("tie_word_embeddings", defaults.tied);
  return d;
}

}  // namespace garam
