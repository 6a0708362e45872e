// Gemma (Gemma Team 2024), Gemma 2 (2024) and Gemma 3 (2025): embeddings scaled by sqrt(width), RMSNorm,
// GeGLU. Gemma 2 also norms the outputs of both halves of a layer, caps scores and logits by tanh and lets
// every other layer see a window only. Gemma 3 norms every head of q and k instead of capping, has a window
// in five layers of six, and turns positions of those by a base of their own.
#include <cmath>

#include "arch/blocks.h"
#include "arch/registry.h"
#include "arch/rope_keys.h"
#include "ops/elementwise.h"

namespace garam {
namespace {

enum class Generation { kFirst, kSecond, kThird };

// Readers of Gemma 3's files hard-code these; newer files name them.
constexpr std::size_t kPattern2 = 2, kPattern3 = 6;
constexpr float kLocalBase = 10000;

struct Layer {
  Norm attention_norm;
  AttentionWeights attention;
  Norm attended_norm;  // Gemma 2 and later
  Norm ffn_norm;
  GatedWeights ffn;
  Norm ffn_out_norm;  // Gemma 2 and later
};

struct Buffers {
  Rows x, h;  // [rows, width]: residual stream, normed input or block output
  AttentionBuffers attention;
  GatedBuffers ffn;
  ops::ActivationForms forms;
  ops::Angles angles, local_angles;  // the same but in Gemma 3
};

/// The largest models scale queries by the width of a head they do not have (query_pre_attn_scalar).
std::size_t query_dim(const Config& c, Generation generation) {
  const bool largest = (generation == Generation::kSecond && c.layers == 46) ||
                       (generation == Generation::kThird && c.layers == 62);
  return largest ? c.width / c.heads : c.key_dim;
}

class Gemma final : public Architecture {
 public:
  Gemma(const Metadata& metadata, const Config& config, Weights& weights, Generation generation)
      : Architecture(config),
        generation_(generation),
        eps_(metadata.real("attention.layer_norm_rms_epsilon", 1e-20, 1)),
        rope_options_(read_rope(metadata, config)) {
    const Config& c = config_;
    local_options_.dims = rope_options_.dims;
    local_options_.base = metadata.real_or("rope.freq_base_swa", 1, 1e12, kLocalBase);
    if (generation == Generation::kSecond) {
      score_cap_ = metadata.real_or("attn_logit_softcapping", 1e-3, 1e6, 50);
      logit_cap_ = metadata.real_or("final_logit_softcapping", 1e-3, 1e6, 30);
    }
    const bool later = generation != Generation::kFirst;
    if (!later) config_.window = 0;
    config_.read_local_layers(metadata, generation == Generation::kThird ? kPattern3 : kPattern2);
    tokens_ = TokenWeights::declare(weights, metadata, config_);
    output_norm_ = Norm::rms(weights, "output_norm", c.width);
    for (std::size_t i = 0; i < c.layers; ++i) {
      const std::string blk = "blk." + std::to_string(i) + ".";
      Layer layer{};
      layer.attention_norm = Norm::rms(weights, blk + "attn_norm", c.width);
      layer.attention = AttentionWeights::declare(weights, blk, c, Fused::kNo, Bias::kNone);
      if (generation == Generation::kThird) layer.attention.declare_head_norms(weights, blk, c);
      layer.ffn_norm = Norm::rms(weights, blk + "ffn_norm", c.width);
      layer.ffn = GatedWeights::declare(weights, blk, c, Fused::kNo, Bias::kNone);
      if (later) {
        layer.attended_norm = Norm::rms(weights, blk + "post_attention_norm", c.width);
        layer.ffn_out_norm = Norm::rms(weights, blk + "post_ffw_norm", c.width);
      }
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
    ops::AttentionOptions attention{.layer = 0,
                                    .heads = c.heads,
                                    .scale = 1 / std::sqrt(static_cast<float>(query_dim(c, generation_))),
                                    .soft_cap = score_cap_};

    ops::embed(ctx, *tokens_.embedding, f.tokens, b.x);
    ops::scale(ctx, b.x, std::sqrt(static_cast<float>(c.width)));
    ops::rope_angles(ctx, rope_, f.positions, b.angles);
    if (generation_ == Generation::kThird) {
      ops::rope_angles(ctx, local_rope_, f.positions, b.local_angles);
    }
    for (std::size_t i = 0; i < layers_.size() && f.go_on(); ++i) {
      const Layer& layer = layers_[i];
      attention.layer = i;
      attention.window = c.window_of(i);
      const Positions positions{&rope_, attention.window > 0 ? b.local_angles : b.angles};

      normalize(ctx, b.x, layer.attention_norm, b.h);
      self_attention(f, c, layer.attention, attention, positions, eps_, b.forms, b.h, b.attention, b.h);
      normalize(ctx, b.h, layer.attended_norm, b.h);
      ops::add(ctx, b.x, b.h);

      normalize(ctx, b.x, layer.ffn_norm, b.h);
      geglu(f, layer.ffn, b.forms, b.h, b.ffn, b.h);
      normalize(ctx, b.h, layer.ffn_out_norm, b.h);
      ops::add(ctx, b.x, b.h);
    }
    if (!f.go_on()) return;

    const Rows last = gather_logit_rows(f, b.x, b.h);
    normalize(ctx, last, output_norm_, last);
    token_logits(f, tokens_, b.forms, last);
    if (logit_cap_ > 0) ops::soft_cap(ctx, f.logits, logit_cap_);
  }

 private:
  /// Leaves x as it is where there is no norm: out is x there.
  void normalize(const Context& ctx, const Rows& x, const Norm& norm, const Rows& out) const {
    if (norm.weight != nullptr) ops::rms_norm(ctx, x, norm.weight->data(), eps_, out);
  }

  Buffers buffers(Workspace& workspace, const ops::KvLayout& kv, std::size_t rows, unsigned workers) const {
    const Config& c = config_;
    Buffers b;
    b.x = workspace.rows(rows, c.width);
    b.h = workspace.rows(rows, c.width);
    b.attention = AttentionBuffers::carve(workspace, c, kv, Fused::kNo, rows, workers);
    b.ffn = GatedBuffers::carve(workspace, c.hidden, Fused::kNo, rows);
    b.forms = workspace.forms(rows, widest_input(c));
    b.angles = workspace.angles(rows, rope_options_.dims / 2);
    b.local_angles =
        generation_ == Generation::kThird ? workspace.angles(rows, rope_options_.dims / 2) : b.angles;
    return b;
  }

  Generation generation_;
  float eps_;
  float score_cap_ = 0;  // 0 = none
  float logit_cap_ = 0;  // 0 = none
  ops::RopeOptions rope_options_, local_options_;
  ops::Rope rope_, local_rope_;  // the latter in local layers of Gemma 3
  TokenWeights tokens_;
  Norm output_norm_;
  std::vector<Layer> layers_;
};

}  // namespace

std::unique_ptr<Architecture> make_gemma(const Metadata& metadata, const Config& config, Weights& weights) {
  return std::make_unique<Gemma>(metadata, config, weights, Generation::kFirst);
}

std::unique_ptr<Architecture> make_gemma2(const Metadata& metadata, const Config& config, Weights& weights) {
  return std::make_unique<Gemma>(metadata, config, weights, Generation::kSecond);
}

std::unique_ptr<Architecture> make_gemma3(const Metadata& metadata, const Config& config, Weights& weights) {
  return std::make_unique<Gemma>(metadata, config, weights, Generation::kThird);
}

}  // namespace garam
