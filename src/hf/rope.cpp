// Sources: huggingface/transformers, modeling_rope_utils.py; Peng et al. 2023 (YaRN); Ding et al. 2024
// (LongRoPE).
#include "hf/rope.h"

#include <cmath>

#include "base/det_math.h"
#include "base/fail.h"

namespace garam {
namespace {

constexpr double kTwoPi = 0x1.921fb54442d18p+2;
constexpr double kSmall = 1e-6, kLarge = 1e6;  // of factors
constexpr std::uint64_t kMaxContext = std::uint64_t{1} << 30;

double real_or(const JsonValue& scaling, std::string_view name, double low, double high, double fallback) {
  const auto value = scaling.find(name);
  return value ? value->real(low, high) : fallback;
}

/// original_max_position_embeddings, in the scaling or beside it.
std::uint64_t original_context(const HfConfig& config, const JsonValue& scaling, std::uint64_t context) {
  if (const auto value = scaling.find("original_max_position_embeddings"))
    return value->integer(1, kMaxContext);
  return config.integer_or("original_max_position_embeddings", 1, kMaxContext, context);
}

/// Llama 3.1 (Dubey et al. 2024): long waves turn slower by `factor`, short ones as before, those between
/// in between.
std::vector<float> llama3_factors(const JsonValue& scaling, double base, std::uint64_t dims) {
  const double factor = scaling.at("factor").real(kSmall, kLarge);
  const double low = scaling.at("low_freq_factor").real(kSmall, kLarge);
  const double high = scaling.at("high_freq_factor").real(kSmall, kLarge);
  const auto context =
      static_cast<double>(scaling.at("original_max_position_embeddings").integer(1, kMaxContext));
  if (high <= low) {
    fail(ErrorCode::kFormat, "{}: expected more than low_freq_factor {}, found {}",
         scaling.at("high_freq_factor").where(), low, high);
  }
  std::vector<float> factors;
  for (std::uint64_t i = 0; i < dims / 2; ++i) {
    const double wave = kTwoPi * det_pow(base, 2 * static_cast<double>(i) / static_cast<double>(dims));
    double divisor = 1;
    if (wave > context / low) {
      divisor = factor;
    } else if (wave >= context / high) {
      const double smooth = (context / wave - low) / (high - low);
      divisor = 1 / ((1 - smooth) / factor + smooth);
    }
    factors.push_back(static_cast<float>(divisor));
  }
  return factors;
}

void add_yarn(HfModel& model, const Decoder& decoder, const JsonValue& scaling) {
  const double factor = scaling.at("factor").real(kSmall, kLarge);
  model.keys.text("rope.scaling.type", "yarn");
  model.keys.real("rope.scaling.factor", factor);
  model.keys.number("rope.scaling.original_context_length",
                    original_context(model.config, scaling, decoder.context));
  model.keys.real("rope.scaling.yarn_beta_fast", real_or(scaling, "beta_fast", kSmall, kLarge, 32));
  model.keys.real("rope.scaling.yarn_beta_slow", real_or(scaling, "beta_slow", kSmall, kLarge, 1));
  for (const char* name : {"mscale", "mscale_all_dim"}) {
    if (const auto value = scaling.find(name)) model.config.unsupported(*value, "no such parameter");
  }
  if (const auto truncate = scaling.find("truncate"); truncate && !truncate->boolean()) {
    model.config.unsupported(*truncate, "true");
  }
  // Readers of GGUF multiply by YaRN's own temperature.
  if (const auto attention = scaling.find("attention_factor")) {
    const double own = factor > 1 ? 1 + 0.1 * det_log(factor) : 1;
    model.keys.real("rope.scaling.attn_factor", attention->real(kSmall, kLarge) / own);
  }
}

std::vector<float> factor_list(const JsonValue& list, std::uint64_t pairs) {
  std::vector<float> factors;
  for (const JsonValue factor : list.elements()) {
    factors.push_back(static_cast<float>(factor.real(kSmall, kLarge)));
  }
  if (factors.size() == pairs) return factors;
  fail(ErrorCode::kFormat, "{}: expected {} numbers, one a pair of rotated values, found {}", list.where(),
       pairs, factors.size());
}

void add_longrope(HfModel& model, const Decoder& decoder, std::uint64_t dims, const JsonValue& scaling) {
  for (const char* name : {"short_mscale", "long_mscale"}) {
    if (const auto value = scaling.find(name)) model.config.unsupported(*value, "no such parameter");
  }
  const auto original = original_context(model.config, scaling, decoder.context);
  const double stretch = static_cast<double>(decoder.context) / static_cast<double>(original);
  double attention = 1;
  if (stretch > 1 && original > 1) {
    attention = std::sqrt(1 + det_log(stretch) / det_log(static_cast<double>(original)));
  }
  model.keys.text("rope.scaling.type", "longrope");
  model.keys.number("rope.scaling.original_context_length", original);
  model.keys.real("rope.scaling.attn_factor",
                  real_or(scaling, "attention_factor", kSmall, kLarge, attention));
  model.tensors.computed("rope_factors_long.weight", factor_list(scaling.at("long_factor"), dims / 2));
  model.tensors.computed("rope_factors_short.weight", factor_list(scaling.at("short_factor"), dims / 2));
}

std::string known(const RopeSupport& support) {
  std::string list = "default, linear, yarn";
  if (support.llama3) list += ", llama3";
  if (support.longrope) list += ", longrope";
  return list;
}

}  // namespace

std::optional<JsonValue> rope_parameters(const HfConfig& config, std::string_view layers) {
  const auto parameters = config.find("rope_parameters");
  if (!parameters) return std::nullopt;
  const auto own = parameters->find(layers);
  return own && own->is(JsonKind::kObject) ? own : parameters;
}

void add_rope(HfModel& model, const Decoder& decoder, std::uint64_t dims, const RopeSupport& support,
              std::string_view layers) {
  double base = decoder.rope_base;
  auto scaling = rope_parameters(model.config, layers);
  if (scaling) base = real_or(*scaling, "rope_theta", 1, 1e12, base);
  if (!scaling) scaling = model.config.find("rope_scaling");
  model.keys.number("rope.dimension_count", dims);
  model.keys.real("rope.freq_base", base);
  if (!scaling) return;
  auto type = scaling->find("rope_type");
  if (!type) type = scaling->find("type");
  const std::string_view name = type ? type->string() : "default";
  if (name == "default") return;
  if (name == "linear") {
    model.keys.text("rope.scaling.type", "linear");
    model.keys.real("rope.scaling.factor", scaling->at("factor").real(kSmall, kLarge));
  } else if (name == "yarn") {
    add_yarn(model, decoder, *scaling);
  } else if (name == "llama3" && support.llama3) {
    model.tensors.computed("rope_freqs.weight", llama3_factors(*scaling, base, dims));
  } else if ((name == "longrope" || name == "su") && support.longrope) {
    add_longrope(model, decoder, dims, *scaling);
  } else {
    model.config.unsupported(*type, known(support));
  }
}

}  // namespace garam
