// Llama 1 to 3 (TinyLlama, SmolLM and others use the same class), Mistral and Mixtral. Source:
// huggingface/transformers, models/llama, models/mistral, models/mixtral.
#include "hf/rope.h"

namespace garam {

void describe_llama(HfModel& model) {
  const HfConfig& config = model.config;
  TensorPlan& tensors = model.tensors;
  config.expect_one_of("hidden_act", {"silu"});
  config.expect("mlp_bias", false);
  const Decoder d = Decoder::read(config, {.context = 2048});
  add_decoder_keys(d, model.keys);
  if (const auto window = config.find("sliding_window")) {
    model.keys.number("attention.sliding_window", window->integer(1, 1 << 30));
  }
  add_rope(model, d, d.head_dim, {.llama3 = true});
  MixturePlan mixture{.hidden = d.hidden,
                      .router = "block_sparse_moe.gate.weight",
                      .gate = "block_sparse_moe.experts.#.w1.weight",
                      .up = "block_sparse_moe.experts.#.w3.weight",
                      .down = "block_sparse_moe.experts.#.w2.weight"};
  const bool experts = config.has("num_local_experts");
  if (experts) read_mixture(config, "num_local_experts", "num_experts_per_tok", mixture, model.keys);

  static constexpr const char* kPrefixes[] = {"model.", ""};
  const std::string prefix = tensors.prefix("embed_tokens.weight", kPrefixes);
  add_embeddings(model, d, prefix, "", 0);
  const bool biases = config.boolean_or("attention_bias", false);
  for (std::uint64_t i = 0; i < d.layers; ++i) {
    const std::string blk = block_name(i), stored = prefix + "layers." + std::to_string(i) + ".";
    tensors.vector(blk + "attn_norm.weight", stored + "input_layernorm.weight", d.width);
    add_attention(d, blk, stored, {.pairs = true, .qkv_biases = biases, .output_bias = biases}, tensors);
    tensors.vector(blk + "ffn_norm.weight", stored + "post_attention_layernorm.weight", d.width);
    if (experts) {
      add_mixture(d, blk, stored, mixture, tensors);
    } else {
      add_gated(d, blk, stored, tensors);
    }
  }
}

}  // namespace garam
