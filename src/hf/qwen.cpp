// Qwen 2 and 2.5 (biases on queries, keys and values) and Qwen 3 (a norm on every head of q and k), also with
// experts. Source: huggingface/transformers, models/qwen2, models/qwen3, models/qwen3_moe.
#include <algorithm>

#include "base/fail.h"
#include "hf/rope.h"

namespace garam {
namespace {

/// Layers may see a window only; garam's graph has none, so that one which would show is refused.
void refuse_window(const HfConfig& config, const Decoder& d) {
  if (!config.boolean_or("use_sliding_window", false)) return;
  const auto window = config.find("sliding_window");
  if (!window || window->integer(1, std::uint64_t{1} << 30) >= d.context) return;
  const std::uint64_t first = config.integer_or("max_window_layers", 0, 1 << 16, 0);
  bool any = first < d.layers;
  if (const auto local = local_layers(config, d.layers)) {
    any = std::find(local->begin(), local->end(), true) != local->end();
  }
  if (any) {
    config.unsupported(*window,
                       formatted("at least the context of {} tokens where layers use it", d.context));
  }
}

void describe(HfModel& model, const DecoderDefaults& defaults, const AttentionPlan& attention,
              MixturePlan* mixture = nullptr) {
  const HfConfig& config = model.config;
  TensorPlan& tensors = model.tensors;
  config.expect_one_of("hidden_act", {"silu"});
  const Decoder d = Decoder::read(config, defaults);
  refuse_window(config, d);
  add_decoder_keys(d, model.keys);
  add_rope(model, d, d.head_dim, {});
  if (mixture != nullptr) read_mixture(config, "num_experts", "num_experts_per_tok", *mixture, model.keys);

  static constexpr const char* kPrefixes[] = {"model.", ""};
  const std::string prefix = tensors.prefix("embed_tokens.weight", kPrefixes);
  add_embeddings(model, d, prefix, "", 0);
  for (std::uint64_t i = 0; i < d.layers; ++i) {
    const std::string blk = block_name(i), stored = prefix + "layers." + std::to_string(i) + ".";
    tensors.vector(blk + "attn_norm.weight", stored + "input_layernorm.weight", d.width);
    add_attention(d, blk, stored, attention, tensors);
    tensors.vector(blk + "ffn_norm.weight", stored + "post_attention_layernorm.weight", d.width);
    if (mixture != nullptr) {
      add_mixture(d, blk, stored, *mixture, tensors);
    } else {
      add_gated(d, blk, stored, tensors);
    }
  }
}

}  // namespace

void describe_qwen2(HfModel& model) {
  describe(model, {.context = 32768}, {.qkv_biases = true});
}

void describe_qwen3(HfModel& model) {
  model.config.expect("attention_bias", false);
  describe(model, {.head_dim = 128, .context = 32768}, {.head_norms = true});
}

void describe_qwen3_moe(HfModel& model) {
  const HfConfig& config = model.config;
  config.expect("attention_bias", false);
  if (!config.boolean_or("norm_topk_prob", false)) {
    fail(ErrorCode::kUnsupported, "{}: expected true, found false or none", config.where("norm_topk_prob"));
  }
  if (const auto step = config.find("decoder_sparse_step"); step && step->integer(1, 1 << 16) != 1) {
    config.unsupported(*step, "1, experts in every layer");
  }
  if (const auto dense = config.find("mlp_only_layers"); dense && dense->size() > 0) {
    config.unsupported(*dense, "none, experts in every layer");
  }
  MixturePlan mixture{.hidden = config.integer("moe_intermediate_size", 1, std::uint64_t{1} << 24),
                      .router = "mlp.gate.weight",
                      .gate = "mlp.experts.#.gate_proj.weight",
                      .up = "mlp.experts.#.up_proj.weight",
                      .down = "mlp.experts.#.down_proj.weight"};
  model.keys.number("expert_feed_forward_length", mixture.hidden);
  describe(model, {.head_dim = 128, .context = 32768}, {.head_norms = true}, &mixture);
}

}  // namespace garam
