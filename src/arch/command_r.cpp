// Command-R (Cohere 2024), Command-R+ and Aya 23: one LayerNorm a layer, without bias, whose output attention
// and SwiGLU read side by side; rotary positions on adjacent pairs, the embedding as output, logits scaled.
// The R+ also norms every head of q and k, each by weights of its own.
#include <cmath>

#include "arch/blocks.h"
#include "arch/registry.h"
#include "arch/rope_keys.h"
#include "ops/elementwise.h"

namespace garam {
namespace {

struct Layer {
  const Vector* norm;  // [width]
  AttentionWeights attention;
  GatedWeights ffn;
};

struct Buffers {
  Rows x, h, o;  // [rows, width]: residual stream, normed input or block output, output of attention
  AttentionBuffers attention;
  GatedBuffers ffn;
  ops::ActivationForms forms;
  ops::Angles angles;
};

class CommandR final : public Architecture {
 public:
  CommandR(const Metadata& metadata, const Config& config, Weights& weights)
      : Architecture(config),
        eps_(metadata.real("attention.layer_norm_epsilon", 1e-20, 1)),
        logit_scale_(metadata.real_or("logit_scale", 0, 1e6, 0)),
        rope_options_(read_rope(metadata, config)) {
    const Config& c = config_;
    tokens_ = TokenWeights::declare(weights, metadata, config_);
    output_norm_ = &weights.vector("output_norm.weight", c.width);
    for (std::size_t i = 0; i < c.layers; ++i) {
      const std::string blk = "blk." + std::to_string(i) + ".";
      Layer layer;
      layer.norm = &weights.vector(blk + "attn_norm.weight", c.width);
      layer.attention = AttentionWeights::declare(weights, blk, c, Fused::kNo, Bias::kOptional);
      layer.attention.declare_norms_by_head(weights, blk, c);
      layer.ffn = GatedWeights::declare(weights, blk, c, Fused::kNo, Bias::kNone);
      layers_.push_back(layer);
    }
  }

  void prepare() override { rope_ = ops::Rope::make(rope_options_, ops::RopePairs::kAdjacent); }

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

      ops::layer_norm(ctx, b.x, layer.norm->data(), nullptr, eps_, b.h);
      self_attention(f, c, layer.attention, attention, {&rope_, b.angles}, eps_, b.forms, b.h, b.attention,
                     b.o);
      swiglu(f, layer.ffn, b.forms, b.h, b.ffn, b.h);
      ops::add(ctx, b.x, b.h);
      ops::add(ctx, b.x, b.o);
    }
    if (!f.go_on()) return;

    const Rows last = gather_logit_rows(f, b.x, b.h);
    ops::layer_norm(ctx, last, output_norm_->data(), nullptr, eps_, last);
    token_logits(f, tokens_, b.forms, last);
    if (logit_scale_ > 0) ops::scale(ctx, f.logits, logit_scale_);
  }

 private:
  Buffers buffers(Workspace& workspace, const ops::KvLayout& kv, std::size_t rows, unsigned workers) const {
    const Config& c = config_;
    Buffers b;
    b.x = workspace.rows(rows, c.width);
    b.h = workspace.rows(rows, c.width);
    b.o = workspace.rows(rows, c.width);
    b.attention = AttentionBuffers::carve(workspace, c, kv, Fused::kNo, rows, workers);
    b.ffn = GatedBuffers::carve(workspace, c.hidden, Fused::kNo, rows);
    b.forms = workspace.forms(rows, widest_input(c));
    b.angles = workspace.angles(rows, rope_options_.dims / 2);
    return b;
  }

  float eps_;
  float logit_scale_;  // 0 = none
  ops::RopeOptions rope_options_;
  ops::Rope rope_;
  TokenWeights tokens_;
  const Vector* output_norm_ = nullptr;  // [width]
  std::vector<Layer> layers_;
};

}  // namespace

std::unique_ptr<Architecture> make_command_r(const Metadata& metadata, const Config& config,
                                             Weights& weights) {
  return std::make_unique<CommandR>(metadata, config, weights);
}

}  // namespace garam
