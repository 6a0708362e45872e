// GPT-2, whose projections are stored transposed (Conv1D). Source: huggingface/transformers, models/gpt2.
#include "hf/family.h"

namespace garam {

void describe_gpt2(HfModel& model) {
  const HfConfig& config = model.config;
  TensorPlan& tensors = model.tensors;
  config.expect_one_of("activation_function", {"gelu_new", "gelu_pytorch_tanh"});
  config.expect("scale_attn_weights", true);
  config.expect("scale_attn_by_inverse_layer_idx", false);
  config.expect("add_cross_attention", false);
  constexpr std::uint64_t kMax = std::uint64_t{1} << 24;
  const std::uint64_t width = config.integer("n_embd", 1, kMax);
  const std::uint64_t layers = config.integer("n_layer", 1, 1 << 16);
  const std::uint64_t context = config.integer("n_positions", 1, std::uint64_t{1} << 30);
  const std::uint64_t hidden = config.integer_or("n_inner", 1, kMax, 4 * width);
  const std::uint64_t vocab = config.integer("vocab_size", 1, kMax);
  KeyList& keys = model.keys;
  keys.number("context_length", context);
  keys.number("embedding_length", width);
  keys.number("block_count", layers);
  keys.number("feed_forward_length", hidden);
  keys.number("attention.head_count", config.integer("n_head", 1, kMax));
  keys.real("attention.layer_norm_epsilon", config.real_or("layer_norm_epsilon", 1e-20, 1, 1e-5));
  keys.number("vocab_size", vocab);

  static constexpr const char* kPrefixes[] = {"transformer.", ""};
  const std::string prefix = tensors.prefix("wte.weight", kPrefixes);
  const auto linear = [&](const std::string& name, const std::string& stored, std::uint64_t rows,
                          std::uint64_t k) {
    tensors.matrix(name + ".weight", stored + ".weight", rows, k, StoredRows::kColumns);
    tensors.vector(name + ".bias", stored + ".bias", rows);
  };
  const auto norm = [&](const std::string& name, const std::string& stored) {
    tensors.vector(name + ".weight", stored + ".weight", width);
    tensors.vector(name + ".bias", stored + ".bias", width);
  };
  tensors.matrix("token_embd.weight", prefix + "wte.weight", vocab, width);
  tensors.matrix("position_embd.weight", prefix + "wpe.weight", context, width);
  for (std::uint64_t i = 0; i < layers; ++i) {
    const std::string blk = block_name(i), stored = prefix + "h." + std::to_string(i) + ".";
    norm(blk + "attn_norm", stored + "ln_1");
    linear(blk + "attn_qkv", stored + "attn.c_attn", 3 * width, width);
    linear(blk + "attn_output", stored + "attn.c_proj", width, width);
    norm(blk + "ffn_norm", stored + "ln_2");
    linear(blk + "ffn_up", stored + "mlp.c_fc", hidden, width);
    linear(blk + "ffn_down", stored + "mlp.c_proj", width, hidden);
    tensors.ignore(stored + "attn.bias");  // the causal mask
    tensors.ignore(stored + "attn.masked_bias");
  }
  norm("output_norm", prefix + "ln_f");
  const bool scored = add_score_head(model, width);
  if (config.boolean_or("tie_word_embeddings", true) || (scored && !tensors.has("lm_head.weight"))) {
    tensors.ignore("lm_head.weight");
  } else {
    tensors.matrix("output.weight", "lm_head.weight", vocab, width);
  }
}

}  // namespace garam
