// Phi-3 and Phi-4-mini (Abdin et al. 2024): Llama's layer with fused projections, rotary positions on halves
// of a head and a sliding window. Models of long contexts have two sets of frequency factors (LongRoPE, Ding
// et al. 2024): which one holds follows from the context of the session, never from its length.
#include <cmath>

#include "arch/blocks.h"
#include "arch/registry.h"
#include "arch/rope_keys.h"
#include "base/fail.h"
#include "ops/elementwise.h"

namespace garam {
namespace {

constexpr const char* kShort = "rope_factors_short.weight";
constexpr const char* kLong = "rope_factors_long.weight";

struct Layer {
  Norm attention_norm;
  AttentionWeights attention;
  Norm ffn_norm;
  GatedWeights ffn;
};

struct Buffers {
  Rows x, h;  // [rows, width]: residual stream, normed input or block output
  AttentionBuffers attention;
  GatedBuffers ffn;
  ops::ActivationForms forms;
  ops::Angles angles;
};

class Phi3 final : public Architecture {
 public:
  Phi3(const Metadata& metadata, const Config& config, Weights& weights)
      : Architecture(config),
        eps_(metadata.real("attention.layer_norm_rms_epsilon", 1e-20, 1)),
        rope_options_(read_rope(metadata, config, LongFactors::kKnown)),
        original_context_(
            metadata.integer_or("rope.scaling.original_context_length", 1, 1 << 30, config.context)) {
    const Config& c = config_;
    tokens_ = TokenWeights::declare(weights, metadata, config_);
    output_norm_ = Norm::rms(weights, "output_norm", c.width);
    file_ = metadata.file();
    for (const char* name : {kShort, kLong}) {
      factors_.push_back(weights.optional_vector(name, rope_options_.dims / 2));
    }
    if ((factors_[0] == nullptr) != (factors_[1] == nullptr)) {
      fail(ErrorCode::kFormat, "{}: tensor {}: expected beside {}, found none", file_,
           factors_[0] == nullptr ? kShort : kLong, factors_[0] == nullptr ? kLong : kShort);
    }
    for (std::size_t i = 0; i < c.layers; ++i) {
      const std::string blk = "blk." + std::to_string(i) + ".";
      Layer layer;
      layer.attention_norm = Norm::rms(weights, blk + "attn_norm", c.width);
      layer.attention = AttentionWeights::declare(weights, blk, c, Fused::kYes, Bias::kNone);
      layer.ffn_norm = Norm::rms(weights, blk + "ffn_norm", c.width);
      layer.ffn = GatedWeights::declare(weights, blk, c, Fused::kYes, Bias::kNone);
      layers_.push_back(layer);
    }
  }

  void prepare() override {
    const char* const names[] = {kShort, kLong};
    for (std::size_t i = 0; i < 2; ++i) {
      ops::RopeOptions options = rope_options_;
      if (factors_[i] != nullptr) {
        options.factors = {factors_[i]->data(), factors_[i]->size};
        check_rope_factors(file_, names[i], options.factors);
      }
      (i == 0 ? short_rope_ : long_rope_) = ops::Rope::make(options, ops::RopePairs::kHalves);
    }
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
    for (const ops::SequenceRows& s : f.sequences) {
      const std::size_t first = s.first_row * (rope_options_.dims / 2);
      ops::rope_angles(ctx, s.context > original_context_ ? long_rope_ : short_rope_,
                       f.positions.subspan(s.first_row, s.rows),
                       {b.angles.cos + first, b.angles.sin + first});
    }
    for (std::size_t i = 0; i < layers_.size() && f.go_on(); ++i) {
      const Layer& layer = layers_[i];
      attention.layer = i;

      ops::rms_norm(ctx, b.x, layer.attention_norm.weight->data(), eps_, b.h);
      self_attention(f, c, layer.attention, attention, {&short_rope_, b.angles}, eps_, b.forms, b.h,
                     b.attention, b.h);
      ops::add(ctx, b.x, b.h);

      ops::rms_norm(ctx, b.x, layer.ffn_norm.weight->data(), eps_, b.h);
      swiglu(f, layer.ffn, b.forms, b.h, b.ffn, b.h);
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
    b.attention = AttentionBuffers::carve(workspace, c, kv, Fused::kYes, rows, workers);
    b.ffn = GatedBuffers::carve(workspace, c.hidden, Fused::kYes, rows);
    b.forms = workspace.forms(rows, widest_input(c));
    b.angles = workspace.angles(rows, rope_options_.dims / 2);
    return b;
  }

  float eps_;
  ops::RopeOptions rope_options_;
  std::size_t original_context_;
  std::vector<const Vector*> factors_;  // short and long, [rope dims / 2], or both null
  ops::Rope short_rope_, long_rope_;
  std::string file_;
  TokenWeights tokens_;
  Norm output_norm_;
  std::vector<Layer> layers_;
};

}  // namespace

std::unique_ptr<Architecture> make_phi3(const Metadata& metadata, const Config& config, Weights& weights) {
  return std::make_unique<Phi3>(metadata, config, weights);
}

}  // namespace garam
