// The table of families and what they share.
#include "hf/family.h"

#include "base/fail.h"

namespace garam {
namespace {

// clang-format off
constexpr HfFamily kFamilies[] = {
    {"gemma", "gemma", describe_gemma},
    {"gemma2", "gemma2", describe_gemma2},
    {"gemma3", "gemma3", describe_gemma3},
    {"gemma3_text", "gemma3", describe_gemma3},
    {"gpt2", "gpt2", describe_gpt2},
    {"llama", "llama", describe_llama},
    {"mistral", "llama", describe_llama},
    {"mixtral", "llama", describe_llama},
    {"phi3", "phi3", describe_phi3},
    {"qwen2", "qwen2", describe_qwen2},
    {"qwen3", "qwen3", describe_qwen3},
    {"qwen3_moe", "qwen3moe", describe_qwen3_moe},
};
// clang-format on

}  // namespace

const HfFamily* find_hf_family(std::string_view model_type) {
  for (const HfFamily& family : kFamilies) {
    if (family.model_type == model_type) return &family;
  }
  return nullptr;
}

std::string known_model_types() {
  std::string list;
  for (const HfFamily& family : kFamilies) {
    list += list.empty() ? "" : ", ";
    list += family.model_type;
  }
  return list;
}

std::string block_name(std::uint64_t layer) {
  return "blk." + std::to_string(layer) + ".";
}

void add_decoder_keys(const Decoder& d, KeyList& keys) {
  keys.number("context_length", d.context);
  keys.number("embedding_length", d.width);
  keys.number("block_count", d.layers);
  keys.number("feed_forward_length", d.hidden);
  keys.number("attention.head_count", d.heads);
  keys.number("attention.head_count_kv", d.kv_heads);
  keys.number("attention.key_length", d.head_dim);
  keys.number("attention.value_length", d.head_dim);
  keys.real("attention.layer_norm_rms_epsilon", d.eps);
  keys.number("vocab_size", d.vocab);
}

bool add_score_head(HfModel& model, std::uint64_t width) {
  constexpr char kName[] = "score.weight";
  const StoredTensor* stored = model.tensors.checkpoint().find(kName);
  if (stored == nullptr) return false;
  const std::uint64_t scores = stored->shape.empty() ? 0 : stored->shape.front();
  if (scores == 0 || scores > 1 << 16) {
    fail(ErrorCode::kFormat, "{}: expected [1 to 65536, {}] values",
         model.tensors.checkpoint().origin(*stored), width);
  }
  model.tensors.matrix("cls.output.weight", kName, scores, width);
  if (model.tensors.has("score.bias")) model.tensors.vector("cls.output.bias", "score.bias", scores);
  if (scores == 1) return true;
  std::vector<std::string> labels;
  const auto names = model.config.find("id2label");
  for (std::uint64_t i = 0; i < scores; ++i) {
    const std::string number = std::to_string(i);
    const auto name = names ? names->find(number) : std::nullopt;
    labels.push_back(name ? std::string(name->string()) : "LABEL_" + number);
  }
  model.keys.texts("classifier.output_labels", labels);
  return true;
}

void add_embeddings(HfModel& model, const Decoder& d, const std::string& prefix, const std::string& head,
                    float norm_addend) {
  TensorPlan& tensors = model.tensors;
  const bool scored = add_score_head(model, d.width);
  tensors.matrix("token_embd.weight", prefix + "embed_tokens.weight", d.vocab, d.width);
  tensors.vector("output_norm.weight", prefix + "norm.weight", d.width, norm_addend);
  if (d.tied || (scored && !tensors.has(head + "lm_head.weight"))) {
    tensors.ignore(head + "lm_head.weight");  // a copy of the embedding, where it is there
  } else {
    tensors.matrix("output.weight", head + "lm_head.weight", d.vocab, d.width);
  }
}

void add_attention(const Decoder& d, const std::string& blk, const std::string& stored,
                   const AttentionPlan& plan, TensorPlan& tensors) {
  const std::string attention = stored + "self_attn.";
  const auto project = [&](const std::string& name, const std::string& from, std::uint64_t rows,
                           std::uint64_t k, bool rotated, bool bias) {
    const std::size_t head_rows = rotated ? d.head_dim : 0;
    tensors.matrix(blk + name + ".weight", attention + from + ".weight", rows, k,
                   rotated ? StoredRows::kHalvesOfHeads : StoredRows::kSame, head_rows);
    if (bias) tensors.vector(blk + name + ".bias", attention + from + ".bias", rows, 0, head_rows);
  };
  const std::uint64_t q = d.heads * d.head_dim, kv = d.kv_heads * d.head_dim;
  project("attn_q", "q_proj", q, d.width, plan.pairs, plan.qkv_biases);
  project("attn_k", "k_proj", kv, d.width, plan.pairs, plan.qkv_biases);
  project("attn_v", "v_proj", kv, d.width, false, plan.qkv_biases);
  project("attn_output", "o_proj", d.width, q, false, plan.output_bias);
  if (plan.head_norms) {
    tensors.vector(blk + "attn_q_norm.weight", attention + "q_norm.weight", d.head_dim, plan.norm_addend);
    tensors.vector(blk + "attn_k_norm.weight", attention + "k_norm.weight", d.head_dim, plan.norm_addend);
  }
  tensors.ignore(attention + "rotary_emb.inv_freq");  // follows from the configuration
}

void add_gated(const Decoder& d, const std::string& blk, const std::string& stored, TensorPlan& tensors) {
  tensors.matrix(blk + "ffn_gate.weight", stored + "mlp.gate_proj.weight", d.hidden, d.width);
  tensors.matrix(blk + "ffn_up.weight", stored + "mlp.up_proj.weight", d.hidden, d.width);
  tensors.matrix(blk + "ffn_down.weight", stored + "mlp.down_proj.weight", d.width, d.hidden);
}

void read_mixture(const HfConfig& config, std::string_view count, std::string_view used, MixturePlan& plan,
                  KeyList& keys) {
  constexpr std::uint64_t kMaxExperts = 1 << 12;
  plan.experts = config.integer(count, 1, kMaxExperts);
  plan.used = config.integer(used, 1, plan.experts);
  keys.number("expert_count", plan.experts);
  keys.number("expert_used_count", plan.used);
}

void add_mixture(const Decoder& d, const std::string& blk, const std::string& stored, const MixturePlan& plan,
                 TensorPlan& tensors) {
  tensors.matrix(blk + "ffn_gate_inp.weight", stored + plan.router, plan.experts, d.width);
  tensors.experts(blk + "ffn_gate_exps.weight", stored + plan.gate, plan.experts, plan.hidden, d.width);
  tensors.experts(blk + "ffn_up_exps.weight", stored + plan.up, plan.experts, plan.hidden, d.width);
  tensors.experts(blk + "ffn_down_exps.weight", stored + plan.down, plan.experts, d.width, plan.hidden);
}

std::optional<std::vector<bool>> local_layers(const HfConfig& config, std::uint64_t layers) {
  const auto types = config.find("layer_types");
  if (!types) return std::nullopt;
  std::vector<bool> local;
  for (const JsonValue type : types->elements()) {
    if (type.string() != "full_attention" && type.string() != "sliding_attention") {
      config.unsupported(type, "full_attention or sliding_attention");
    }
    local.push_back(type.string() == "sliding_attention");
  }
  if (local.size() != layers) {
    fail(ErrorCode::kFormat, "{}: expected {} values, one a layer, found {}", types->where(), layers,
         local.size());
  }
  return local;
}

}  // namespace garam
