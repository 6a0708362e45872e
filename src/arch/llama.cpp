// Llama 1, 2, 3 and their relatives (Touvron et al. 2023; Mistral, SmolLM and others use the same graph):
// pre-norm with RMSNorm, rotary positions on adjacent pairs, grouped-query attention, SwiGLU.
#include <algorithm>
#include <cmath>
#include <optional>

#include "arch/registry.h"
#include "arch/rope_keys.h"
#include "base/fail.h"
#include "ops/elementwise.h"

namespace garam {
namespace {

struct Layer {
  const Vector* attention_norm;                     // [width]
  const Matrix *q, *k, *v;                          // [heads * key_dim, width], kv_heads for k and v
  const Vector *q_bias, *k_bias, *v_bias, *o_bias;  // or null
  const Matrix* o;                                  // [width, heads * value_dim]
  const Vector* ffn_norm;                           // [width]
  const Matrix *gate, *up;                          // [hidden, width]
  const Matrix* down;                               // [width, hidden]
};

struct Buffers {
  Rows x, h;               // [rows, width]: residual stream, normed input or block output
  Rows q, k, v, attended;  // [rows, heads * dim]
  Rows gate, up;           // [rows, hidden]
  ops::ActivationForms forms;
  ops::Angles angles;
  std::byte* attention;
};

const float* bias(const Vector* vector) {
  return vector != nullptr ? vector->data() : nullptr;
}

class Llama final : public Architecture {
 public:
  Llama(const Metadata& metadata, const Config& config, Weights& weights)
      : Architecture(config),
        eps_(metadata.real("attention.layer_norm_rms_epsilon", 1e-20, 1)),
        rope_options_(read_rope(metadata, config)) {
    const Config& c = config_;
    embedding_ = &weights.matrix("token_embd.weight", c.vocab, c.width);
    output_norm_ = &weights.vector("output_norm.weight", c.width);
    output_ = weights.optional_matrix("output.weight", c.vocab, c.width);
    if (output_ == nullptr) output_ = embedding_;
    rope_factors_ = weights.optional_vector("rope_freqs.weight", rope_options_.dims / 2);
    file_ = metadata.file();
    for (std::size_t i = 0; i < c.layers; ++i) {
      const std::string blk = "blk." + std::to_string(i) + ".";
      const auto optional_bias = [&](const char* name, std::size_t size) {
        return weights.optional_vector(blk + name + ".bias", size);
      };
      Layer layer{};
      layer.attention_norm = &weights.vector(blk + "attn_norm.weight", c.width);
      layer.q = &weights.matrix(blk + "attn_q.weight", c.heads * c.key_dim, c.width);
      layer.k = &weights.matrix(blk + "attn_k.weight", c.kv_heads * c.key_dim, c.width);
      layer.v = &weights.matrix(blk + "attn_v.weight", c.kv_heads * c.value_dim, c.width);
      layer.q_bias = optional_bias("attn_q", c.heads * c.key_dim);
      layer.k_bias = optional_bias("attn_k", c.kv_heads * c.key_dim);
      layer.v_bias = optional_bias("attn_v", c.kv_heads * c.value_dim);
      layer.o = &weights.matrix(blk + "attn_output.weight", c.width, c.heads * c.value_dim);
      layer.o_bias = optional_bias("attn_output", c.width);
      layer.ffn_norm = &weights.vector(blk + "ffn_norm.weight", c.width);
      layer.gate = &weights.matrix(blk + "ffn_gate.weight", c.hidden, c.width);
      layer.up = &weights.matrix(blk + "ffn_up.weight", c.hidden, c.width);
      layer.down = &weights.matrix(blk + "ffn_down.weight", c.width, c.hidden);
      weights.ignore(blk + "attn_rot_embd.weight");  // a table of frequencies that old converters wrote
      layers_.push_back(layer);
    }
  }

  void prepare() override {
    ops::RopeOptions options = rope_options_;
    if (rope_factors_ != nullptr) {
      options.factors = {rope_factors_->data(), rope_factors_->size};
      check_rope_factors(file_, "rope_freqs.weight", options.factors);
    }
    rope_ = ops::Rope::make(options, ops::RopePairs::kAdjacent);
  }

  void carve(Workspace& workspace, const ops::KvLayout& kv, std::size_t rows,
             unsigned workers) const override {
    buffers(workspace, kv, rows, workers);
  }

  void forward(Forward& f) const override {
    const Context& ctx = f.context;
    const Config& c = config_;
    const Buffers b = buffers(f.workspace, f.kv, f.rows(), ctx.workers());
    ops::AttentionOptions attention{.layer = 0,
                                    .heads = c.heads,
                                    .scale = 1 / std::sqrt(static_cast<float>(c.key_dim)),
                                    .window = c.window};

    ops::embed(ctx, *embedding_, f.tokens, b.x);
    ops::rope_angles(ctx, rope_, f.positions, b.angles);
    for (std::size_t i = 0; i < layers_.size() && f.go_on(); ++i) {
      const Layer& layer = layers_[i];
      attention.layer = i;

      ops::rms_norm(ctx, b.x, layer.attention_norm->data(), eps_, b.h);
      ops::linear(ctx, b.h, b.forms,
                  {{layer.q, bias(layer.q_bias), b.q},
                   {layer.k, bias(layer.k_bias), b.k},
                   {layer.v, bias(layer.v_bias), b.v}});
      ops::rotate(ctx, rope_, b.angles, b.q, c.key_dim);
      ops::rotate(ctx, rope_, b.angles, b.k, c.key_dim);
      ops::store_kv(ctx, f.kv, i, f.sequences, b.k, b.v, f.finite);
      ops::attention(ctx, f.kv, attention, f.sequences, b.q, b.attention, b.attended);
      ops::linear(ctx, b.attended, b.forms, {{layer.o, bias(layer.o_bias), b.h}});
      ops::add(ctx, b.x, b.h);

      ops::rms_norm(ctx, b.x, layer.ffn_norm->data(), eps_, b.h);
      ops::linear(ctx, b.h, b.forms, {{layer.gate, nullptr, b.gate}, {layer.up, nullptr, b.up}});
      ops::silu_mul(ctx, b.gate, b.up);
      ops::linear(ctx, b.gate, b.forms, {{layer.down, nullptr, b.h}});
      ops::add(ctx, b.x, b.h);
    }
    if (!f.go_on()) return;

    const Rows last = gather_logit_rows(f, b.x, b.h);
    ops::rms_norm(ctx, last, output_norm_->data(), eps_, last);
    ops::linear(ctx, last, b.forms, {{output_, nullptr, f.logits}});
  }

 private:
  Buffers buffers(Workspace& workspace, const ops::KvLayout& kv, std::size_t rows, unsigned workers) const {
    const Config& c = config_;
    Buffers b{};
    b.x = workspace.rows(rows, c.width);
    b.h = workspace.rows(rows, c.width);
    b.q = workspace.rows(rows, c.heads * c.key_dim);
    b.k = workspace.rows(rows, c.kv_heads * c.key_dim);
    b.v = workspace.rows(rows, c.kv_heads * c.value_dim);
    b.attended = workspace.rows(rows, c.heads * c.value_dim);
    b.gate = workspace.rows(rows, c.hidden);
    b.up = workspace.rows(rows, c.hidden);
    b.forms = workspace.forms(rows, std::max({c.width, c.hidden, c.heads * c.value_dim}));
    b.angles = workspace.angles(rows, rope_options_.dims / 2);
    b.attention = workspace.take(ops::attention_scratch_bytes(kv, workers));
    return b;
  }

  float eps_;
  ops::RopeOptions rope_options_;
  ops::Rope rope_;
  std::string file_;
  const Vector* rope_factors_ = nullptr;  // [rope dims / 2], Llama 3.1 and later
  const Matrix* embedding_ = nullptr;     // [vocab, width]
  const Vector* output_norm_ = nullptr;   // [width]
  const Matrix* output_ = nullptr;        // [vocab, width], the embedding when tied
  std::vector<Layer> layers_;
};

}  // namespace

std::unique_ptr<Architecture> make_llama(const Metadata& metadata, const Config& config, Weights& weights) {
  return std::make_unique<Llama>(metadata, config, weights);
}

}  // namespace garam
