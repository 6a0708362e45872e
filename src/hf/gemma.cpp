// Gemma, Gemma 2 and Gemma 3 (the text model, also of files that see images): norms are stored less one.
// Source: huggingface/transformers, models/gemma, models/gemma2, models/gemma3.
#include <cmath>

#include "base/fail.h"
#include "hf/rope.h"

namespace garam {
namespace {

constexpr float kNormAddend = 1;
constexpr std::uint64_t kMaxContext = std::uint64_t{1} << 30;

/// All generations use GELU's tanh form; files of the first name it "gelu", which their class overrides.
void check_activation(const HfConfig& config) {
  config.expect_one_of("hidden_act", {"gelu", "gelu_pytorch_tanh"});
  config.expect_one_of("hidden_activation", {"gelu_pytorch_tanh"});
  config.expect("attention_bias", false);
}

/// Scores are scaled by this number's root, which GGUF does not say: readers take the dimension of a head,
/// but for the largest model the width for each head.
void check_query_scale(const HfConfig& config, const Decoder& d, std::uint64_t largest_layers) {
  const auto scalar = config.find("query_pre_attn_scalar");
  if (!scalar) return;
  const std::uint64_t expected = d.layers == largest_layers ? d.width / d.heads : d.head_dim;
  if (scalar->real(1e-6, 1e6) != static_cast<double>(expected)) {
    config.unsupported(*scalar, formatted("{}, as this size of the model has it", expected));
  }
}

/// Which layers see a window only: all but every `pattern`-th, or what layer_types says, layer by layer.
void add_pattern(HfModel& model, const Decoder& d, std::uint64_t pattern) {
  constexpr std::string_view kKey = "attention.sliding_window_pattern";
  const auto local = local_layers(model.config, d.layers);
  bool regular = true;
  for (std::uint64_t i = 0; local && i < d.layers; ++i) {
    regular = regular && (*local)[i] == ((i + 1) % pattern != 0);
  }
  if (regular) {
    model.keys.number(kKey, pattern);
  } else {
    model.keys.flags(kKey, *local);
  }
}

void add_layers(HfModel& model, const Decoder& d, const std::string& prefix, const std::string& head,
                bool later, bool head_norms) {
  TensorPlan& tensors = model.tensors;
  add_embeddings(model, d, prefix, head, kNormAddend);
  for (std::uint64_t i = 0; i < d.layers; ++i) {
    const std::string blk = block_name(i), stored = prefix + "layers." + std::to_string(i) + ".";
    const auto norm = [&](const char* name, const char* from) {
      tensors.vector(blk + name + ".weight", stored + from + ".weight", d.width, kNormAddend);
    };
    norm("attn_norm", "input_layernorm");
    add_attention(d, blk, stored, {.head_norms = head_norms, .norm_addend = kNormAddend}, tensors);
    if (later) {
      norm("post_attention_norm", "post_attention_layernorm");
      norm("ffn_norm", "pre_feedforward_layernorm");
      norm("post_ffw_norm", "post_feedforward_layernorm");
    } else {
      norm("ffn_norm", "post_attention_layernorm");
    }
    add_gated(d, blk, stored, tensors);
  }
}

std::string plain_prefix(const TensorPlan& tensors) {
  static constexpr const char* kPrefixes[] = {"model.", ""};
  return tensors.prefix("embed_tokens.weight", kPrefixes);
}

/// The image side of a model that has one: text does not pass through it.
void ignore_images(TensorPlan& tensors) {
  for (const char* prefix :
       {"vision_tower.", "multi_modal_projector.", "model.vision_tower.", "model.multi_modal_projector."}) {
    tensors.ignore_all(prefix);
  }
}

/// Base of the windowed layers, which turn by one of their own.
double local_base(const HfConfig& config) {
  if (const auto local = rope_parameters(config, "sliding_attention")) {
    const auto base = local->find("rope_theta");
    if (base) return base->real(1, 1e12);
  }
  return config.real_or("rope_local_base_freq", 1, 1e12, 10000);
}

}  // namespace

void describe_gemma(HfModel& model) {
  check_activation(model.config);
  const Decoder d = Decoder::read(
      model.config, {.heads = 16, .kv_heads = 16, .head_dim = 256, .context = 8192, .tied = true});
  add_decoder_keys(d, model.keys);
  add_rope(model, d, d.head_dim, {});
  add_layers(model, d, plain_prefix(model.tensors), "", false, false);
}

void describe_gemma2(HfModel& model) {
  const HfConfig& config = model.config;
  check_activation(config);
  const Decoder d =
      Decoder::read(config, {.heads = 8, .kv_heads = 4, .head_dim = 256, .context = 8192, .tied = true});
  constexpr std::uint64_t kLayersOf27B = 46, kPattern = 2;
  check_query_scale(config, d, kLayersOf27B);
  add_decoder_keys(d, model.keys);
  add_pattern(model, d, kPattern);
  model.keys.number("attention.sliding_window", config.integer_or("sliding_window", 1, kMaxContext, 4096));
  for (const char* name : {"attn_logit_softcapping", "final_logit_softcapping"}) {
    const auto cap = config.find(name);
    if (!cap) {
      fail(ErrorCode::kUnsupported, "{}: expected a number, found none", config.where(name));
    }
    model.keys.real(name, cap->real(1e-3, 1e6));
  }
  add_rope(model, d, d.head_dim, {});
  add_layers(model, d, plain_prefix(model.tensors), "", true, false);
}

void describe_gemma3(HfModel& model) {
  const HfConfig& config = model.config;
  TensorPlan& tensors = model.tensors;
  check_activation(config);
  config.expect("use_bidirectional_attention", false);
  for (const char* name : {"attn_logit_softcapping", "final_logit_softcapping"}) {
    if (const auto cap = config.find(name)) config.unsupported(*cap, "null");
  }
  const Decoder d = Decoder::read(config, {.heads = 8,
                                           .kv_heads = 4,
                                           .head_dim = 256,
                                           .context = 131072,
                                           .vocab = 262208,
                                           .rope_base = 1e6,
                                           .tied = true});
  constexpr std::uint64_t kLayersOf27B = 62;
  check_query_scale(config, d, kLayersOf27B);
  const std::uint64_t pattern = config.integer_or("sliding_window_pattern", 1, 1 << 16, 6);
  add_decoder_keys(d, model.keys);
  model.keys.number("attention.sliding_window", config.integer_or("sliding_window", 1, kMaxContext, 4096));
  add_pattern(model, d, pattern);
  model.keys.real("rope.freq_base_swa", local_base(config));
  add_rope(model, d, d.head_dim, {});

  static constexpr const char* kPrefixes[] = {"model.", "language_model.model.", "model.language_model.", ""};
  const std::string prefix = tensors.prefix("embed_tokens.weight", kPrefixes);
  ignore_images(tensors);
  add_layers(model, d, prefix, prefix == "language_model.model." ? "language_model." : "", true, true);
}

}  // namespace garam
