// Falcon (Almazrouei et al. 2023): attention and feed-forward network read the residual stream side by side,
// in the 7B through one LayerNorm, in the 40B through one each; one fused qkv projection with few kv heads,
// rotary positions on halves of a head, GELU, no biases but those of norms.
#include <cmath>

#include "arch/blocks.h"
#include "arch/registry.h"
#include "arch/rope_keys.h"
#include "ops/elementwise.h"

namespace garam {
namespace {

struct Layer {
  Norm ffn_norm;        // the 7B's only norm
  Norm attention_norm;  // or null
  AttentionWeights attention;
  GeluWeights ffn;
};

struct Buffers {
  Rows x, h, o;  // [rows, width]: residual stream, normed input or block output, output of attention
  Rows up;       // [rows, hidden]
  AttentionBuffers attention;
  ops::ActivationForms forms;
  ops::Angles angles;
};

class Falcon final : public Architecture {
 public:
  Falcon(const Metadata& metadata, const Config& config, Weights& weights)
      : Architecture(config),
        eps_(metadata.real("attention.layer_norm_epsilon", 1e-20, 1)),
        rope_options_(read_rope(metadata, config)) {
    const Config& c = config_;
    tokens_ = TokenWeights::declare(weights, metadata, config_);
    output_norm_ = Norm::layer(weights, "output_norm", c.width);
    for (std::size_t i = 0; i < c.layers; ++i) {
      const std::string blk = "blk." + std::to_string(i) + ".";
      layers_.push_back({Norm::layer(weights, blk + "attn_norm", c.width),
                         Norm::optional_layer(weights, blk + "attn_norm_2", c.width),
                         AttentionWeights::declare(weights, blk, c, Fused::kYes, Bias::kNone),
                         GeluWeights::declare(weights, blk, c, Bias::kNone)});
    }
  }

  void prepare() override { rope_ = ops::Rope::make(rope_options_, ops::RopePairs::kHalves); }

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
      const bool own_norm = layer.attention_norm.weight != nullptr;

      normalize(ctx, b.x, own_norm ? layer.attention_norm : layer.ffn_norm, b.h);
      self_attention(f, c, layer.attention, attention, {&rope_, b.angles}, eps_, b.forms, b.h, b.attention,
                     b.o);
      if (own_norm) normalize(ctx, b.x, layer.ffn_norm, b.h);
      gelu_network(f, layer.ffn, b.forms, b.h, b.up, b.h);
      ops::add(ctx, b.x, b.o);
      ops::add(ctx, b.x, b.h);
    }
    if (!f.go_on()) return;

    const Rows last = gather_logit_rows(f, b.x, b.h);
    normalize(ctx, last, output_norm_, last);
    token_logits(f, tokens_, b.forms, last);
  }

 private:
  void normalize(const Context& ctx, const Rows& x, const Norm& norm, const Rows& out) const {
    ops::layer_norm(ctx, x, norm.weight->data(), norm.bias->data(), eps_, out);
  }

  Buffers buffers(Workspace& workspace, const ops::KvLayout& kv, std::size_t rows, unsigned workers) const {
    const Config& c = config_;
    Buffers b;
    b.x = workspace.rows(rows, c.width);
    b.h = workspace.rows(rows, c.width);
    b.o = workspace.rows(rows, c.width);
    b.up = workspace.rows(rows, c.hidden);
    b.attention = AttentionBuffers::carve(workspace, c, kv, Fused::kYes, rows, workers);
    b.forms = workspace.forms(rows, widest_input(c));
    b.angles = workspace.angles(rows, rope_options_.dims / 2);
    return b;
  }

  float eps_;
  ops::RopeOptions rope_options_;
  ops::Rope rope_;
  TokenWeights tokens_;
  Norm output_norm_;
  std::vector<Layer> layers_;
};

}  // namespace

std::unique_ptr<Architecture> make_falcon(const Metadata& metadata, const Config& config, Weights& weights) {
  return std::make_unique<Falcon>(metadata, config, weights);
}

}  // namespace garam
