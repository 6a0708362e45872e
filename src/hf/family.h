// What a model family makes of config.json and the stored tensors: one function each, chosen by model_type.
// It writes the keys of its architecture and names every tensor.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "hf/config.h"
#include "hf/keys.h"
#include "hf/tensor_plan.h"

namespace garam {

struct HfModel {
  const HfConfig& config;  // of the text model
  KeyList& keys;
  TensorPlan& tensors;
};

struct HfFamily {
  std::string_view model_type;  // in config.json
  std::string_view architecture;
  void (*describe)(HfModel& model);
};

/// Null when there is none.
const HfFamily* find_hf_family(std::string_view model_type);
/// Names of all, for messages.
std::string known_model_types();

void describe_llama(HfModel& model);  // llama, mistral, mixtral
void describe_qwen2(HfModel& model);
void describe_qwen3(HfModel& model);
void describe_qwen3_moe(HfModel& model);
void describe_phi3(HfModel& model);
void describe_gemma(HfModel& model);
void describe_gemma2(HfModel& model);
void describe_gemma3(HfModel& model);
void describe_gpt2(HfModel& model);

// What most of them share.

/// The keys that follow from a Decoder.
void add_decoder_keys(const Decoder& decoder, KeyList& keys);

/// score of a class *ForSequenceClassification as cls.output, with the labels of id2label. Returns whether it
/// is there: then the matrix of the logits may be missing.
bool add_score_head(HfModel& model, std::uint64_t width);

/// embed_tokens and norm below `prefix`, lm_head in front of `head` where it is not the embedding, and score.
void add_embeddings(HfModel& model, const Decoder& decoder, const std::string& prefix,
                    const std::string& head, float norm_addend);

struct AttentionPlan {
  bool pairs = false;  // GGUF wants rows of q and k in neighbouring pairs
  bool qkv_biases = false;
  bool output_bias = false;
  bool head_norms = false;
  float norm_addend = 0;
};
/// q_proj, k_proj, v_proj, o_proj (and q_norm, k_norm) of self_attn below `stored` ("model.layers.3.") as
/// attn_q and so on below `blk` ("blk.3.").
void add_attention(const Decoder& decoder, const std::string& blk, const std::string& stored,
                   const AttentionPlan& plan, TensorPlan& tensors);

/// gate_proj, up_proj and down_proj of mlp.
void add_gated(const Decoder& decoder, const std::string& blk, const std::string& stored,
               TensorPlan& tensors);

/// Experts of a layer: a router below `stored`, and gated networks of `hidden`.
struct MixturePlan {
  std::uint64_t experts = 0, used = 0, hidden = 0;
  const char *router, *gate, *up, *down;  // names below `stored`, the experts' with '#' for the number
};
void add_mixture(const Decoder& decoder, const std::string& blk, const std::string& stored,
                 const MixturePlan& plan, TensorPlan& tensors);
/// expert_count and expert_used_count, by these names in config.json; fills them into `plan`.
void read_mixture(const HfConfig& config, std::string_view count, std::string_view used, MixturePlan& plan,
                  KeyList& keys);

/// "blk.3."
std::string block_name(std::uint64_t layer);

/// Whether layer `i` sees a window only, by layer_types; nothing where config.json has no such list. Throws
/// Error(kFormat) for a list of another length than `layers`, Error(kUnsupported) for other types.
std::optional<std::vector<bool>> local_layers(const HfConfig& config, std::uint64_t layers);

}  // namespace garam
