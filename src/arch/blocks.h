// The two halves of a transformer layer as most families have them: self-attention with rotary positions, and
// the feed-forward network. An architecture declares which projections are fused and which have biases, and
// puts norms and sums around the halves.
#pragma once

#include <string>
#include <vector>

#include "core/config.h"
#include "core/forward.h"
#include "core/weights.h"
#include "ops/experts.h"
#include "ops/linear.h"
#include "ops/rope.h"

namespace garam {

enum class Bias { kNone, kOptional, kRequired };
/// Whether projections of one input are one tensor.
enum class Fused { kNo, kYes };

/// x weight^T + bias.
struct Linear {
  const Matrix* weight = nullptr;
  const Vector* bias = nullptr;  // or null

  /// Declares `name`.weight, [rows, k], and `name`.bias.
  static Linear declare(Weights& weights, const std::string& name, std::size_t rows, std::size_t k,
                        Bias bias);
  ops::Projection into(const Rows& out) const {
    return {weight, bias != nullptr ? bias->data() : nullptr, out};
  }
};

/// The two ends of a model, tokens to vectors and back.
struct TokenWeights {
  const Matrix* embedding = nullptr;  // [vocab, width]
  const Matrix* output = nullptr;     // [vocab, width], the embedding when tied
  Linear scores;                      // [scores, width], of a classification head, or null

  /// token_embd and output; and cls.output, where the file has it, as rerankers and reward models do, of as
  /// many scores as classifier.output_labels names, else one. Sets the config's scores and their labels.
  static TokenWeights declare(Weights& weights, const Metadata& metadata, Config& config);
};

/// Logits of the rows that want them, x being those rows behind the last norm, and their scores: softmax of
/// several, a single one as it is.
void token_logits(Forward& forward, const TokenWeights& weights, const ops::ActivationForms& forms,
                  const Rows& x);

/// RMSNorm, or LayerNorm with its bias.
struct Norm {
  const Vector* weight = nullptr;
  const Vector* bias = nullptr;

  static Norm rms(Weights& weights, const std::string& name, std::size_t width);
  static Norm layer(Weights& weights, const std::string& name, std::size_t width);
  /// Both null where the file has no `name`.weight.
  static Norm optional_layer(Weights& weights, const std::string& name, std::size_t width);
};

/// Queries, keys and values: one fused projection or three.
struct AttentionWeights {
  Linear qkv;      // [heads * key_dim + kv_heads * (key_dim + value_dim), width], or
  Linear q, k, v;  // [heads * key_dim, width], kv_heads for k and v
  Linear o;        // [width, heads * value_dim]
  // RMSNorm of every head, [key_dim], or of all of them together, [heads * key_dim] and kv_heads; or null.
  const Vector *q_norm = nullptr, *k_norm = nullptr;
  // LayerNorm of every head by its own weight, [heads] and [kv_heads] of [key_dim], or none.
  std::vector<const float*> q_norms, k_norms;

  /// Declares the projections below `blk` ("blk.3."): attn_qkv or attn_q, attn_k and attn_v, and attn_output.
  static AttentionWeights declare(Weights& weights, const std::string& blk, const Config& config, Fused fused,
                                  Bias bias);
  /// Also attn_q_norm and attn_k_norm, of a head each.
  void declare_head_norms(Weights& weights, const std::string& blk, const Config& config);
  /// The same tensors as LayerNorm of a head each, [heads, key_dim], where the file has them.
  void declare_norms_by_head(Weights& weights, const std::string& blk, const Config& config);
  /// The same, of all heads together.
  void declare_whole_norms(Weights& weights, const std::string& blk, const Config& config);
};

struct AttentionBuffers {
  Rows q, k, v;   // [rows, heads * dim]; columns of qkv where it is
  Rows qkv;       // what a fused projection writes
  Rows attended;  // [rows, heads * value_dim]
  std::byte* scratch = nullptr;

  static AttentionBuffers carve(Workspace& workspace, const Config& config, const ops::KvLayout& kv,
                                Fused fused, std::size_t rows, unsigned workers);
};

/// The positions of a pass: nothing is rotated where rope is null.
struct Positions {
  const ops::Rope* rope = nullptr;
  ops::Angles angles;
};

/// out = attention of x, the normed input of a layer, through its output projection. `eps` is that of the
/// norms of heads.
void self_attention(Forward& forward, const Config& config, const AttentionWeights& weights,
                    const ops::AttentionOptions& options, const Positions& positions, float eps,
                    const ops::ActivationForms& forms, const Rows& x, const AttentionBuffers& buffers,
                    const Rows& out);

/// SwiGLU (Shazeer 2020): down(silu(gate(x)) * up(x)).
struct GatedWeights {
  Linear gate, up;  // [hidden, width]
  Linear gate_up;   // [2 * hidden, width], the gate first, or these
  Linear down;      // [width, hidden]

  /// ffn_gate, ffn_up and ffn_down; fused, the first two are ffn_up.
  static GatedWeights declare(Weights& weights, const std::string& blk, const Config& config, Fused fused,
                              Bias bias);
};

struct GatedBuffers {
  Rows gate, up;  // [rows, hidden]; columns of gate_up where it is
  Rows gate_up;

  static GatedBuffers carve(Workspace& workspace, std::size_t hidden, Fused fused, std::size_t rows);
};

void swiglu(Forward& forward, const GatedWeights& weights, const ops::ActivationForms& forms, const Rows& x,
            const GatedBuffers& buffers, const Rows& out);
/// GeGLU: the same with gelu, tanh form, in the place of silu.
void geglu(Forward& forward, const GatedWeights& weights, const ops::ActivationForms& forms, const Rows& x,
           const GatedBuffers& buffers, const Rows& out);

/// A router and its experts, each a SwiGLU network of expert_hidden, its gate clamped in gpt-oss.
struct MixtureWeights {
  Linear router;                       // [experts, width]
  std::vector<Linear> gate, up, down;  // [experts]: [expert_hidden, width], down the other way

  /// ffn_gate_inp, ffn_gate_exps, ffn_up_exps and ffn_down_exps; biases of all of them or of none.
  static MixtureWeights declare(Weights& weights, const std::string& blk, const Config& config,
                                Bias bias = Bias::kNone);
};

struct MixtureOptions {
  bool renormalise = true;  // the weights of the experts chosen, to the sum 1
  float alpha = 1;          // of the clamped gate
  float limit = 0;          // of the clamped gate; 0 = a SwiGLU that is not
};

struct MixtureBuffers {
  Rows router;             // [rows, experts]
  Rows in, gate, up, out;  // [rows * used, ...]: sorted by expert
  ops::ExpertChoice choice;
  ops::ActivationForms forms;  // of rows * used rows

  static MixtureBuffers carve(Workspace& workspace, const Config& config, std::size_t rows);
};

/// out = the sum of the experts that the router chooses for each row of x.
void mixture(Forward& forward, const MixtureWeights& weights, const MixtureOptions& options,
             const ops::ActivationForms& forms, const Rows& x, const MixtureBuffers& buffers,
             const Rows& out);

/// An expert that every row meets beside those that its router chooses, by a share of its own (Qwen2-MoE).
struct SharedExpertWeights {
  const Matrix* share = nullptr;  // [1, width]
  GatedWeights ffn;               // of shared_hidden

  /// ffn_gate_inp_shexp, ffn_gate_shexp, ffn_up_shexp and ffn_down_shexp.
  static SharedExpertWeights declare(Weights& weights, const std::string& blk, const Config& config);
};

struct SharedExpertBuffers {
  Rows share;  // [rows, 1]
  Rows out;    // [rows, width]
  GatedBuffers ffn;

  static SharedExpertBuffers carve(Workspace& workspace, const Config& config, std::size_t rows);
};

/// out += sigmoid(share(x)) * ffn(x).
void add_shared_expert(Forward& forward, const SharedExpertWeights& weights,
                       const ops::ActivationForms& forms, const Rows& x, const SharedExpertBuffers& buffers,
                       const Rows& out);

/// down(gelu(up(x))), GELU in its tanh form.
struct GeluWeights {
  Linear up;    // [hidden, width]
  Linear down;  // [width, hidden]

  static GeluWeights declare(Weights& weights, const std::string& blk, const Config& config, Bias bias);
};

void gelu_network(Forward& forward, const GeluWeights& weights, const ops::ActivationForms& forms,
                  const Rows& x, const Rows& up, const Rows& out);

/// Most inputs of any projection of a layer, which ActivationForms must hold.
std::size_t widest_input(const Config& config);

}  // namespace garam
