// Phi-3, Phi-3.5 and Phi-4-mini: fused projections, LongRoPE, partial rotation. Source:
// huggingface/transformers, models/phi3.
#include <cmath>

#include "base/fail.h"
#include "hf/rope.h"

namespace garam {
namespace {

std::uint64_t rotated_dims(const HfConfig& config, const Decoder& d) {
  double share = config.real_or("partial_rotary_factor", 0, 1, 1);
  if (const auto parameters = rope_parameters(config, "full_attention")) {
    if (const auto own = parameters->find("partial_rotary_factor")) share = own->real(0, 1);
  }
  const auto dims = static_cast<std::uint64_t>(std::floor(share * static_cast<double>(d.head_dim)));
  if (dims >= 2) return dims;
  fail(ErrorCode::kFormat, "{}: expected at least 2 rotated values of the {} of a head, found {}",
       config.where("partial_rotary_factor"), d.head_dim, dims);
}

}  // namespace

void describe_phi3(HfModel& model) {
  const HfConfig& config = model.config;
  TensorPlan& tensors = model.tensors;
  config.expect_one_of("hidden_act", {"silu"});
  config.expect("attention_bias", false);
  const Decoder d = Decoder::read(config, {.context = 4096, .eps = 1e-5});
  add_decoder_keys(d, model.keys);
  if (const auto window = config.find("sliding_window")) {
    model.keys.number("attention.sliding_window", window->integer(1, 1 << 30));
  }
  add_rope(model, d, rotated_dims(config, d), {.longrope = true});

  static constexpr const char* kPrefixes[] = {"model.", ""};
  const std::string prefix = tensors.prefix("embed_tokens.weight", kPrefixes);
  add_embeddings(model, d, prefix, "", 0);
  const std::uint64_t q = d.heads * d.head_dim, kv = d.kv_heads * d.head_dim;
  for (std::uint64_t i = 0; i < d.layers; ++i) {
    const std::string blk = block_name(i), stored = prefix + "layers." + std::to_string(i) + ".";
    tensors.vector(blk + "attn_norm.weight", stored + "input_layernorm.weight", d.width);
    tensors.matrix(blk + "attn_qkv.weight", stored + "self_attn.qkv_proj.weight", q + 2 * kv, d.width);
    tensors.matrix(blk + "attn_output.weight", stored + "self_attn.o_proj.weight", d.width, q);
    tensors.vector(blk + "ffn_norm.weight", stored + "post_attention_layernorm.weight", d.width);
    tensors.matrix(blk + "ffn_up.weight", stored + "mlp.gate_up_proj.weight", 2 * d.hidden, d.width);
    tensors.matrix(blk + "ffn_down.weight", stored + "mlp.down_proj.weight", d.width, d.hidden);
    tensors.ignore(stored + "self_attn.rotary_emb.inv_freq");
  }
}

}  // namespace garam
