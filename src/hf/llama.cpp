// Llama 1 to 3 (TinyLlama, SmolLM and others use the same class) and Mistral. Source:
// huggingface/transformers, models/llama, models/mistral.
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

  static constexpr const char* kPrefixes[] = {"model.", ""};
  const std::string prefix = tensors.prefix("embed_tokens.weight", kPrefixes);
  add_embeddings(d, prefix, "", 0, tensors);
  const bool biases = config.boolean_or("attention_bias", false);
  for (std::uint64_t i = 0; i < d.layers; ++i) {
    const std::string blk = block_name(i), stored = prefix + "layers." + std::to_string(i) + ".";
    tensors.vector(blk + "attn_norm.weight", stored + "input_layernorm.weight", d.width);
    add_attention(d, blk, stored, {.pairs = true, .qkv_biases = biases, .output_bias = biases}, tensors);
    tensors.vector(blk + "ffn_norm.weight", stored + "post_attention_layernorm.weight", d.width);
    add_gated(d, blk, stored, tensors);
  }
}

}  // namespace garam
