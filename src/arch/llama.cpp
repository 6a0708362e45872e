// Llama 1, 2, 3 and their relatives (Touvron et al. 2023; Mistral, SmolLM and others use the same graph):
// pre-norm with RMSNorm, rotary positions on adjacent pairs, grouped-query attention, SwiGLU. Mixtral (Jiang
// et al. 2024) has a mixture of experts in the place of every feed-forward network.
#include <cmath>

#include "arch/blocks.h"
#include "arch/registry.h"
#include "arch/rope_keys.h"
#include "base/fail.h"
#include "ops/elementwise.h"

namespace garam {
namespace {

struct Layer {
  Norm attention_norm;
  AttentionWeights attention;
  Norm ffn_norm;
  GatedWeights ffn;  // or
  MixtureWeights experts;
};

struct Buffers {
  Rows x, h;  // [rows, width]: residual stream, normed input or block output
  AttentionBuffers attention;
  GatedBuffers ffn;
  MixtureBuffers experts;
  ops::ActivationForms forms;
  ops::Angles angles;
};

class Llama final : public Architecture {
 public:
  Llama(const Metadata& metadata, const Config& config, Weights& weights)
      : Architecture(config),
        eps_(metadata.real("attention.layer_norm_rms_epsilon", 1e-20, 1)),
        rope_options_(read_rope(metadata, config)) {
    const Config& c = config_;
    tokens_ = TokenWeights::declare(weights, metadata, config_);
    output_norm_ = &weights.vector("output_norm.weight", c.width);
    rope_factors_ = weights.optional_vector("rope_freqs.weight", rope_options_.dims / 2);
    file_ = metadata.file();
    for (std::size_t i = 0; i < c.layers; ++i) {
      const std::string blk = "blk." + std::to_string(i) + ".";
      Layer layer;
      layer.attention_norm = Norm::rms(weights, blk + "attn_norm", c.width);
      layer.attention = AttentionWeights::declare(weights, blk, c, Fused::kNo, Bias::kOptional);
      layer.ffn_norm = Norm::rms(weights, blk + "ffn_norm", c.width);
      if (c.experts > 0) {
        layer.experts = MixtureWeights::declare(weights, blk, c);
      } else {
        layer.ffn = GatedWeights::declare(weights, blk, c, Fused::kNo, Bias::kNone);
      }
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

    ops::embed(ctx, *tokens_.embedding, f.tokens, b.x);
    ops::rope_angles(ctx, rope_, f.positions, b.angles);
    for (std::size_t i = 0; i < layers_.size() && f.go_on(); ++i) {
      const Layer& layer = layers_[i];
      attention.layer = i;

      ops::rms_norm(ctx, b.x, layer.attention_norm.weight->data(), eps_, b.h);
      self_attention(f, c, layer.attention, attention, {&rope_, b.angles}, eps_, b.forms, b.h, b.attention,
                     b.h);
      ops::add(ctx, b.x, b.h);

      ops::rms_norm(ctx, b.x, layer.ffn_norm.weight->data(), eps_, b.h);
      if (c.experts > 0) {
        mixture(f, layer.experts, {}, b.forms, b.h, b.experts, b.h);
      } else {
        swiglu(f, layer.ffn, b.forms, b.h, b.ffn, b.h);
      }
      ops::add(ctx, b.x, b.h);
    }
    if (!f.go_on()) return;

    const Rows last = gather_logit_rows(f, b.x, b.h);
    ops::rms_norm(ctx, last, output_norm_->data(), eps_, last);
    token_logits(f, tokens_, b.forms, last);
  }

 private:
  Buffers buffers(Workspace& workspace, const ops::KvLayout& kv, std::size_t rows, unsigned workers) const {
    const Config& c = config_;
    Buffers b;
    b.x = workspace.rows(rows, c.width);
    b.h = workspace.rows(rows, c.width);
    b.attention = AttentionBuffers::carve(workspace, c, kv, Fused::kNo, rows, workers);
    if (c.experts == 0) b.ffn = GatedBuffers::carve(workspace, c.hidden, Fused::kNo, rows);
    b.experts = MixtureBuffers::carve(workspace, c, rows);
    b.forms = workspace.forms(rows, widest_input(c));
    b.angles = workspace.angles(rows, rope_options_.dims / 2);
    return b;
  }

  float eps_;
  ops::RopeOptions rope_options_;
  ops::Rope rope_;
  std::string file_;
  const Vector* rope_factors_ = nullptr;  // [rope dims / 2], Llama 3.1 and later
  TokenWeights tokens_;
  const Vector* output_norm_ = nullptr;  // [width]
  std::vector<Layer> layers_;
};

}  // namespace

std::unique_ptr<Architecture> make_llama(const Metadata& metadata, const Config& config, Weights& weights) {
  return std::make_unique<Llama>(metadata, config, weights);
}

}  // namespace garam
