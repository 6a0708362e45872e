// gpt-oss (OpenAI 2025): RMSNorm, grouped queries with biases, rotary positions on halves of a head with
// YaRN, a learned attention sink in every head, a window in every other layer, and a mixture of experts with
// biases and a clamped SwiGLU gate in every layer.
#include <cmath>

#include "arch/blocks.h"
#include "arch/registry.h"
#include "arch/rope_keys.h"
#include "ops/elementwise.h"

namespace garam {
namespace {

// No file names these; the published model has them as constants.
constexpr MixtureOptions kMixture{.renormalise = true, .alpha = 1.702f, .limit = 7.0f};
constexpr std::size_t kPattern = 2;

struct Layer {
  Norm attention_norm;
  AttentionWeights attention;
  const Vector* sinks;  // [heads]
  Norm ffn_norm;
  MixtureWeights experts;
};

struct Buffers {
  Rows x, h;  // [rows, width]: residual stream, normed input or block output
  AttentionBuffers attention;
  MixtureBuffers experts;
  ops::ActivationForms forms;
  ops::Angles angles, local_angles;
};

class GptOss final : public Architecture {
 public:
  GptOss(const Metadata& metadata, const Config& config, Weights& weights)
      : Architecture(config),
        eps_(metadata.real("attention.layer_norm_rms_epsilon", 1e-20, 1)),
        rope_options_(read_rope(metadata, config)),
        local_options_(rope_options_) {
    config_.read_local_layers(metadata, kPattern);
    const Config& c = config_;
    // A base of 1 has no logarithm to place YaRN's corrections by.
    local_options_.base =
        metadata.real_or("rope.freq_base_swa", 1.001, 1e12, static_cast<float>(rope_options_.base));
    tokens_ = TokenWeights::declare(weights, metadata, config_);
    output_norm_ = Norm::rms(weights, "output_norm", c.width);
    for (std::size_t i = 0; i < c.layers; ++i) {
      const std::string blk = "blk." + std::to_string(i) + ".";
      Layer layer;
      layer.attention_norm = Norm::rms(weights, blk + "attn_norm", c.width);
      layer.attention = AttentionWeights::declare(weights, blk, c, Fused::kNo, Bias::kRequired);
      layer.sinks = &weights.vector(blk + "attn_sinks.weight", c.heads);
      layer.ffn_norm = Norm::rms(weights, blk + "post_attention_norm", c.width);
      layer.experts = MixtureWeights::declare(weights, blk, c, Bias::kRequired);
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
    if (own_local_base()) ops::rope_angles(ctx, local_rope_, f.positions, b.local_angles);
    for (std::size_t i = 0; i < layers_.size() && f.go_on(); ++i) {
      const Layer& layer = layers_[i];
      attention.layer = i;
      attention.window = c.window_of(i);
      attention.sinks = layer.sinks->data();
      const Positions positions{&rope_, attention.window > 0 ? b.local_angles : b.angles};

      ops::rms_norm(ctx, b.x, layer.attention_norm.weight->data(), eps_, b.h);
      self_attention(f, c, layer.attention, attention, positions, eps_, b.forms, b.h, b.attention, b.h);
      ops::add(ctx, b.x, b.h);

      ops::rms_norm(ctx, b.x, layer.ffn_norm.weight->data(), eps_, b.h);
      mixture(f, layer.experts, kMixture, b.forms, b.h, b.experts, b.h);
      ops::add(ctx, b.x, b.h);
    }
    if (!f.go_on()) return;

    const Rows last = gather_logit_rows(f, b.x, b.h);
    ops::rms_norm(ctx, last, output_norm_.weight->data(), eps_, last);
    token_logits(f, tokens_, b.forms, last);
  }

 private:
  bool own_local_base() const { return local_options_.base != rope_options_.base; }

  Buffers buffers(Workspace& workspace, const ops::KvLayout& kv, std::size_t rows, unsigned workers) const {
    const Config& c = config_;
    Buffers b;
    b.x = workspace.rows(rows, c.width);
    b.h = workspace.rows(rows, c.width);
    b.attention = AttentionBuffers::carve(workspace, c, kv, Fused::kNo, rows, workers);
    b.experts = MixtureBuffers::carve(workspace, c, rows);
    b.forms = workspace.forms(rows, widest_input(c));
    b.angles = workspace.angles(rows, rope_options_.dims / 2);
    b.local_angles = own_local_base() ? workspace.angles(rows, rope_options_.dims / 2) : b.angles;
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

std::unique_ptr<Architecture> make_gpt_oss(const Metadata& metadata, const Config& config, Weights& weights) {
  return std::make_unique<GptOss>(metadata, config, weights);
}

}  // namespace garam
