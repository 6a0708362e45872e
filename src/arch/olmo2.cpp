// OLMo 2 (OLMo Team 2024) and OLMo 3 (2025): Llama's layer without norms in front of its halves. An RMSNorm
// follows each half, and one covers all heads of q, another all of k. Rotary positions on halves of a head.
// OLMo 3 has a window in three layers of four, whose positions no scaling stretches.
#include <cmath>

#include "arch/blocks.h"
#include "arch/registry.h"
#include "arch/rope_keys.h"
#include "ops/elementwise.h"

namespace garam {
namespace {

constexpr std::size_t kPattern = 4;  // of OLMo 3, in files that do not name it

struct Layer {
  AttentionWeights attention;
  Norm attended_norm;
  GatedWeights ffn;
  Norm ffn_out_norm;
};

struct Buffers {
  Rows x, h;  // [rows, width]: residual stream, block output
  AttentionBuffers attention;
  GatedBuffers ffn;
  ops::ActivationForms forms;
  ops::Angles angles, local_angles;
};

class Olmo2 final : public Architecture {
 public:
  Olmo2(const Metadata& metadata, const Config& config, Weights& weights)
      : Architecture(config),
        eps_(metadata.real("attention.layer_norm_rms_epsilon", 1e-20, 1)),
        rope_options_(read_rope(metadata, config)) {
    if (config_.window > 0) config_.read_local_layers(metadata, kPattern);
    const Config& c = config_;
    local_options_.dims = rope_options_.dims;
    local_options_.base =
        metadata.real_or("rope.freq_base_swa", 1, 1e12, static_cast<float>(rope_options_.base));
    tokens_ = TokenWeights::declare(weights, metadata, config_);
    output_norm_ = Norm::rms(weights, "output_norm", c.width);
    for (std::size_t i = 0; i < c.layers; ++i) {
      const std::string blk = "blk." + std::to_string(i) + ".";
      Layer layer;
      layer.attention = AttentionWeights::declare(weights, blk, c, Fused::kNo, Bias::kNone);
      layer.attention.declare_whole_norms(weights, blk, c);
      layer.attended_norm = Norm::rms(weights, blk + "post_attention_norm", c.width);
      layer.ffn = GatedWeights::declare(weights, blk, c, Fused::kNo, Bias::kNone);
      layer.ffn_out_norm = Norm::rms(weights, blk + "post_ffw_norm", c.width);
      layers_.push_back(layer);
    }
  }

  void prepare() override {
    rope_ = ops::Rope::make(rope_options_, ops::RopePairs::kHalves);
    local_rope_ = ops::Rope::make(local_options_, ops::RopePairs::kHalves);
  }

  void carve(Workspace& workspace, const ops::KvLayout& kv, std::size_t rows,
             unsigned workers) const override {
    buffers(workspace, kv, rows, workers);
  }

  void forward(Forward& f) const override {
    const Context& ctx = f.context;
    const Config& c = config_;
    const Buffers b = buffers(f.workspace, f.kv, f.rows(), ctx.workers());
    ops::AttentionOptions attention{
        .layer = 0, .heads = c.heads, .scale = 1 / std::sqrt(static_cast<float>(c.key_dim))};

    ops::embed(ctx, *tokens_.embedding, f.tokens, b.x);
    ops::rope_angles(ctx, rope_, f.positions, b.angles);
    if (c.window > 0) ops::rope_angles(ctx, local_rope_, f.positions, b.local_angles);
    for (std::size_t i = 0; i < layers_.size() && f.go_on(); ++i) {
      const Layer& layer = layers_[i];
      attention.layer = i;
      attention.window = c.window_of(i);
      const Positions positions{&rope_, attention.window > 0 ? b.local_angles : b.angles};

      self_attention(f, c, layer.attention, attention, positions, eps_, b.forms, b.x, b.attention, b.h);
      ops::rms_norm(ctx, b.h, layer.attended_norm.weight->data(), eps_, b.h);
      ops::add(ctx, b.x, b.h);

      swiglu(f, layer.ffn, b.forms, b.x, b.ffn, b.h);
      ops::rms_norm(ctx, b.h, layer.ffn_out_norm.weight->data(), eps_, b.h);
      ops::add(ctx, b.x, b.h);
    }
    if (!f.go_on()) return;

    const Rows last = gather_logit_rows(f, b.x, b.h);
    ops::rms_norm(ctx, last, output_norm_.weight->data(), eps_, last);
    token_logits(f, tokens_, b.forms, last);
  }

 private:
  Buffers buffers(Workspace& workspace, const ops::KvLayout& kv, std::size_t rows, unsigned workers) const {
    const Config& c = config_;
    Buffers b;
    b.x = workspace.rows(rows, c.width);
    b.h = workspace.rows(rows, c.width);
    b.attention = AttentionBuffers::carve(workspace, c, kv, Fused::kNo, rows, workers);
    b.ffn = GatedBuffers::carve(workspace, c.hidden, Fused::kNo, rows);
    b.forms = workspace.forms(rows, widest_input(c));
    b.angles = workspace.angles(rows, rope_options_.dims / 2);
    b.local_angles = c.window > 0 ? workspace.angles(rows, rope_options_.dims / 2) : b.angles;
    return b;
  }

  float eps_;
  ops::RopeOptions rope_options_, local_options_;
  ops::Rope rope_, local_rope_;  // the latter in layers with a window
  TokenWeights tokens_;
  Norm output_norm_;
  std::vector<Layer> layers_;
};

}  // namespace

std::unique_ptr<Architecture> make_olmo2(const Metadata& metadata, const Config& config, Weights& weights) {
  return std::make_unique<Olmo2>(metadata, config, weights);
}

}  // namespace garam
