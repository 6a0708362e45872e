// The rules behind the names of mixes, one function for each part of a layer.
#include "quantize/mix.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace garam::quant {
namespace {

/// Of ggml's file types, in rising order of size. Where a letter follows, it says how many tensors get more
/// bits.
constexpr std::array kMixes = {
    Mix{"Q2_K", 10, &kFormatQ2_K},    Mix{"Q3_K_S", 11, &kFormatQ3_K}, Mix{"Q3_K_M", 12, &kFormatQ3_K},
    Mix{"Q3_K", 12, &kFormatQ3_K},    Mix{"Q3_K_L", 13, &kFormatQ3_K}, Mix{"IQ4_XS", 30, &kFormatIq4Xs},
    Mix{"IQ4_NL", 25, &kFormatIq4Nl}, Mix{"MXFP4", 38, &kFormatMxfp4}, Mix{"MXFP4_MOE", 38, &kFormatMxfp4},
    Mix{"Q4_0", 2, &kFormatQ4_0},     Mix{"Q4_K_S", 14, &kFormatQ4_K}, Mix{"Q4_K_M", 15, &kFormatQ4_K},
    Mix{"Q4_K", 15, &kFormatQ4_K},    Mix{"Q4_1", 3, &kFormatQ4_1},    Mix{"Q5_0", 8, &kFormatQ5_0},
    Mix{"Q5_K_S", 16, &kFormatQ5_K},  Mix{"Q5_K_M", 17, &kFormatQ5_K}, Mix{"Q5_K", 17, &kFormatQ5_K},
    Mix{"Q5_1", 9, &kFormatQ5_1},     Mix{"Q6_K", 18, &kFormatQ6_K},   Mix{"Q8_0", 7, &kFormatQ8_0},
    Mix{"BF16", 32, &kFormatBf16},    Mix{"F16", 1, &kFormatF16},      Mix{"F32", 0, &kFormatF32},
};

enum class Part { kEmbedding, kOutput, kQ, kK, kV, kQkv, kAttentionOutput, kDown, kOther };

bool contains(std::string_view name, std::string_view what) {
  return name.find(what) != name.npos;
}
bool ends_with(std::string_view name, std::string_view what) {
  return name.size() >= what.size() && name.substr(name.size() - what.size()) == what;
}

Part part_of(std::string_view name) {
  constexpr std::pair<std::string_view, Part> kNames[] = {
      {"attn_qkv.weight", Part::kQkv}, {"attn_kv_b.weight", Part::kV},
      {"attn_v.weight", Part::kV},     {"attn_k.weight", Part::kK},
      {"attn_q.weight", Part::kQ},     {"attn_output.weight", Part::kAttentionOutput},
      {"ffn_down", Part::kDown},
  };
  if (name == "output.weight") return Part::kOutput;
  if (name == "token_embd.weight") return Part::kEmbedding;
  for (const auto& [text, part] : kNames) {
    if (contains(name, text)) return part;
  }
  return Part::kOther;
}

/// Matrices that are worth it and bear it.
bool is_quantized(const GgufTensor& tensor) {
  const std::string_view name = tensor.name;
  if (tensor.shape.size() < 2 || !ends_with(name, "weight")) return false;
  for (const std::string_view kept : {"_norm.weight", "ffn_gate_inp.weight", "position_embd", "token_types",
                                      "ssm_conv1d", "attn_rel_b.weight"}) {
    if (contains(name, kept)) return false;
  }
  return true;
}

std::size_t layer_of(std::string_view name) {
  std::size_t layer = 0;
  if (name.substr(0, 4) == "blk.") std::from_chars(name.data() + 4, name.data() + name.size(), layer);
  return layer;
}

/// A name that files have for a mix, or one of the plain types it is.
class Chooser {
 public:
  Chooser(const ModelFile& file, const Mix& mix, const MixOptions& options) : mix_(mix), options_(options) {
    architecture_ = file.get_or<std::string>("general.architecture", "");
    const auto number = [&](const char* key, std::uint64_t fallback) {
      // Lists (one number a layer) count as their absence.
      const GgufValue* value = file.find(architecture_ + "." + key);
      if (value == nullptr || type_of(*value) == GgufType::kArray) return fallback;
      return file.get_or<std::uint64_t>(architecture_ + "." + key, fallback);
    };
    layers_ = number("block_count", 0);
    const std::uint64_t heads = number("attention.head_count", 1);
    const std::uint64_t kv_heads = number("attention.head_count_kv", heads);
    queries_of_head_ = kv_heads > 0 ? heads / kv_heads : 1;
    experts_ = number("expert_count", 0);
    tied_ = file.find_tensor("output.weight") == nullptr;
    for (const GgufTensor& tensor : file.tensors()) {
      const Part part = part_of(tensor.name);
      if (part == Part::kV || part == Part::kQkv) value_layers_.push_back(layer_of(tensor.name));
    }
    std::sort(value_layers_.begin(), value_layers_.end());
  }

  const WeightFormat* choose(const GgufTensor& tensor) const {
    if (!is_quantized(tensor)) return nullptr;
    const Part part = part_of(tensor.name);
    if (part == Part::kEmbedding && options_.embedding != nullptr) return options_.embedding;
    if (part == Part::kOutput && options_.output != nullptr) return options_.output;
    if (mix_.base->block == 1) return mix_.base;
    const WeightFormat* type = options_.pure ? mix_.base : mixed(tensor, part);
    return dividing(*type, tensor.shape[0]);
  }

 private:
  bool is(std::initializer_list<std::string_view> names) const {
    return std::any_of(names.begin(), names.end(), [this](std::string_view n) { return mix_.name == n; });
  }
  bool q3_m() const { return is({"Q3_K_M", "Q3_K"}); }
  bool q4_m() const { return is({"Q4_K_M", "Q4_K"}); }
  bool q5_m() const { return is({"Q5_K_M", "Q5_K"}); }
  bool iq4() const { return is({"IQ4_NL", "IQ4_XS"}); }
  bool falcon() const { return architecture_ == "falcon"; }

  /// The first and the last eighth of the layers, and every third between.
  static bool more_bits(std::size_t layer, std::size_t layers) {
    return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
  }

  const WeightFormat* mixed(const GgufTensor& tensor, Part part) const {
    if (part == Part::kOutput || (tied_ && part == Part::kEmbedding)) {
      const bool bytes = falcon() || tensor.shape[0] % mix_.base->block != 0 || mix_.name == "MXFP4_MOE";
      return bytes || mix_.base == &kFormatQ8_0 ? &kFormatQ8_0 : &kFormatQ6_K;
    }
    if (mix_.name == "MXFP4_MOE") {
      return tensor.shape.size() > 2 && tensor.shape[2] > 1 ? &kFormatMxfp4 : &kFormatQ8_0;
    }
    switch (part) {
      case Part::kV:
      case Part::kQkv:
        return value(layer_of(tensor.name));
      case Part::kK:
        return experts_ == 8 ? &kFormatQ8_0 : mix_.base;
      case Part::kDown:
        return down(layer_of(tensor.name));
      case Part::kAttentionOutput:
        return attention_output();
      default:
        return mix_.base;
    }
  }

  const WeightFormat* value(std::size_t layer) const {
    const auto rank = static_cast<std::size_t>(
        std::lower_bound(value_layers_.begin(), value_layers_.end(), layer) - value_layers_.begin());
    const WeightFormat* type = mix_.base;
    if (mix_.name == "Q2_K") type = queries_of_head_ >= 4 ? &kFormatQ4_K : &kFormatQ3_K;
    if (q3_m()) type = rank < 2 ? &kFormatQ5_K : &kFormatQ4_K;
    if (mix_.name == "Q3_K_L") type = &kFormatQ5_K;
    if (iq4() && queries_of_head_ >= 4) type = &kFormatQ5_K;
    if ((q4_m() || q5_m()) && more_bits(rank, value_layers_.size())) type = &kFormatQ6_K;
    if (mix_.name == "Q4_K_S" && rank < 4) type = &kFormatQ5_K;
    // 8 queries a head make this matrix an eighth of attn_q: more bits cost nearly nothing (70B models).
    const bool large =
        layers_ == 80 && queries_of_head_ > 1 && (architecture_ == "llama" || architecture_ == "qwen2");
    if (large && (type == &kFormatQ3_K || type == &kFormatQ4_K)) type = &kFormatQ5_K;
    return experts_ == 8 ? &kFormatQ8_0 : type;
  }

  const WeightFormat* down(std::size_t layer) const {
    const bool first_eighth = layer < layers_ / 8, more = more_bits(layer, layers_);
    if (mix_.name == "Q2_K") return &kFormatQ3_K;
    if (q3_m()) return layer < layers_ / 16 ? &kFormatQ5_K : !falcon() || more ? &kFormatQ4_K : &kFormatQ3_K;
    if (mix_.name == "Q3_K_L") return falcon() ? &kFormatQ4_K : &kFormatQ5_K;
    if (q4_m() && falcon()) return layer < layers_ / 16 ? &kFormatQ6_K : more ? &kFormatQ5_K : &kFormatQ4_K;
    if ((q4_m() || q5_m()) && more) return &kFormatQ6_K;
    if (!first_eighth) return mix_.base;
    if (iq4() && !options_.importance) return &kFormatQ5_K;
    if (mix_.name == "Q4_K_S" && !falcon()) return &kFormatQ5_K;
    if (mix_.name == "Q4_0" && options_.importance) return &kFormatQ4_1;
    if (mix_.name == "Q5_0" && options_.importance) return &kFormatQ5_1;
    return mix_.base;
  }

  const WeightFormat* attention_output() const {
    if (falcon()) return mix_.name == "Q3_K_L" ? &kFormatQ4_K : mix_.base;
    if (experts_ == 8) {
      const bool five = is({"Q2_K", "Q3_K_S", "Q4_K_S"}) || q3_m() || q4_m() || iq4();
      return five ? &kFormatQ5_K : mix_.base;
    }
    if (mix_.name == "Q2_K") return &kFormatQ3_K;
    if (q3_m()) return &kFormatQ4_K;
    if (mix_.name == "Q3_K_L") return &kFormatQ5_K;
    return mix_.base;
  }

  /// The type, or one with smaller blocks where a row is not whole blocks of it.
  static const WeightFormat* dividing(const WeightFormat& type, std::uint64_t columns) {
    if (columns % type.block == 0) return &type;
    constexpr std::pair<const WeightFormat*, const WeightFormat*> kSmaller[] = {
        {&kFormatQ2_K, &kFormatQ4_0}, {&kFormatQ3_K, &kFormatQ4_0}, {&kFormatQ4_K, &kFormatQ5_0},
        {&kFormatQ5_K, &kFormatQ5_1}, {&kFormatQ6_K, &kFormatQ8_0}, {&kFormatIq4Xs, &kFormatIq4Nl},
    };
    for (const auto& [from, to] : kSmaller) {
      if (from == &type && columns % to->block == 0) return to;
    }
    return &kFormatF16;
  }

  const Mix& mix_;
  const MixOptions& options_;
  std::string architecture_;
  std::uint64_t layers_ = 0, queries_of_head_ = 1, experts_ = 0;
  bool tied_ = false;
  std::vector<std::size_t> value_layers_;  // rising
};

}  // namespace

std::vector<Mix> mixes() {
  return {kMixes.begin(), kMixes.end()};
}

std::optional<Mix> find_mix(std::string_view name) {
  const auto same = [](char a, char b) {
    return std::toupper(static_cast<unsigned char>(a)) == std::toupper(static_cast<unsigned char>(b));
  };
  for (const Mix& mix : kMixes) {
    if (std::equal(name.begin(), name.end(), mix.name.begin(), mix.name.end(), same)) return mix;
  }
  return std::nullopt;
}

std::vector<const WeightFormat*> choose_types(const ModelFile& file, const Mix& mix,
                                              const MixOptions& options) {
  const Chooser chooser(file, mix, options);
  std::vector<const WeightFormat*> types;
  for (const GgufTensor& tensor : file.tensors()) types.push_back(chooser.choose(tensor));
  return types;
}

}  // namespace garam::quant
