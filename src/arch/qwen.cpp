// Qwen2 (Yang et al. 2024) and Qwen3 (Yang et al. 2025): Llama's layer with rotary positions on halves of a
// head. Qwen2 has biases on queries, keys and values; Qwen3 instead an RMSNorm on every head of q and k.
// Files with experts have a mixture of them in the place of every feed-forward network; Qwen2-MoE does not
// scale their weights to the sum 1 and has one expert more that all rows meet. Rerankers of Qwen3 have a
// classification head.
#include <cmath>

#include "arch/blocks.h"
#include "arch/registry.h"
#include "arch/rope_keys.h"
#include "ops/elementwise.h"

namespace garam {
namespace {

enum class Generation { kSecond, kSecondMixture, kThird };

struct Layer {
  Norm attention_norm;
  AttentionWeights attention;
  Norm ffn_norm;
  GatedWeights ffn;  // or
  MixtureWeights experts;
  SharedExpertWeights shared;
};

struct Buffers {
  Rows x, h;  // [rows, width]: residual stream, normed input or block output
  AttentionBuffers attention;
  GatedBuffers ffn;
  Rows mixed;  // [rows, width]: what the experts make of h, where h is needed once more
  MixtureBuffers experts;
  SharedExpertBuffers shared;
  ops::ActivationForms forms;
  ops::Angles angles;
};

class Qwen final : public Architecture {
 public:
  Qwen(const Metadata& metadata, const Config& config, Weights& weights, Generation generation)
      : Architecture(config),
        shares_(generation == Generation::kSecondMixture),
        eps_(metadata.real("attention.layer_norm_rms_epsilon", 1e-20, 1)),
        rope_options_(read_rope(metadata, config)) {
    config_.window = 0;  // files of Qwen2 may name one that no layer uses
    if (config_.experts > 0 && !metadata.has("expert_feed_forward_length")) {
      config_.expert_hidden = config_.hidden / config_.experts_used;
    }
    const Config& c = config_;
    tokens_ = TokenWeights::declare(weights, metadata, config_);
    output_norm_ = Norm::rms(weights, "output_norm", c.width);
    for (std::size_t i = 0; i < c.layers; ++i) {
      const std::string blk = "blk." + std::to_string(i) + ".";
      Layer layer;
      layer.attention_norm = Norm::rms(weights, blk + "attn_norm", c.width);
      layer.attention = AttentionWeights::declare(weights, blk, c, Fused::kNo, Bias::kOptional);
      if (generation == Generation::kThird) layer.attention.declare_head_norms(weights, blk, c);
      layer.ffn_norm = Norm::rms(weights, blk + "ffn_norm", c.width);
      if (c.experts > 0) {
        layer.experts = MixtureWeights::declare(weights, blk, c);
        if (shares_) layer.shared = SharedExpertWeights::declare(weights, blk, c);
      } else {
        layer.ffn = GatedWeights::declare(weights, blk, c, Fused::kNo, Bias::kNone);
      }
      layers_.push_back(layer);
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
    ops::AttentionOptions attention{
        .layer = 0, .heads = c.heads, .scale = 1 / std::sqrt(static_cast<float>(c.key_dim)), .window = 0};

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
      if (shares_) {
        mixture(f, layer.experts, {.renormalise = false}, b.forms, b.h, b.experts, b.mixed);
        add_shared_expert(f, layer.shared, b.forms, b.h, b.shared, b.mixed);
      } else if (c.experts > 0) {
        mixture(f, layer.experts, {}, b.forms, b.h, b.experts, b.mixed);
      } else {
        swiglu(f, layer.ffn, b.forms, b.h, b.ffn, b.mixed);
      }
      ops::add(ctx, b.x, b.mixed);
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
    if (c.experts == 0) b.ffn = GatedBuffers::carve(workspace, c.hidden, Fused::kNo, rows);
    b.experts = MixtureBuffers::carve(workspace, c, rows);
    b.mixed = shares_ ? workspace.rows(rows, c.width) : b.h;
    if (shares_) b.shared = SharedExpertBuffers::carve(workspace, c, rows);
    b.forms = workspace.forms(rows, widest_input(c));
    b.angles = workspace.angles(rows, rope_options_.dims / 2);
    return b;
  }

  bool shares_;  // has a shared expert
  float eps_;
  ops::RopeOptions rope_options_;
  ops::Rope rope_;
  TokenWeights tokens_;
  Norm output_norm_;
  std::vector<Layer> layers_;
};

}  // namespace

std::unique_ptr<Architecture> make_qwen2(const Metadata& metadata, const Config& config, Weights& weights) {
  return std::make_unique<Qwen>(metadata, config, weights, Generation::kSecond);
}

std::unique_ptr<Architecture> make_qwen2moe(const Metadata& metadata, const Config& config,
                                            Weights& weights) {
  return std::make_unique<Qwen>(metadata, config, weights, Generation::kSecondMixture);
}

std::unique_ptr<Architecture> make_qwen3(const Metadata& metadata, const Config& config, Weights& weights) {
  return std::make_unique<Qwen>(metadata, config, weights, Generation::kThird);
}

}  // namespace garam
