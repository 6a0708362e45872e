// GPT-2 (Radford et al. 2019) in training: pre-norm with LayerNorm, learned positions, one fused qkv
// projection with bias, GELU in its tanh form. d before a name is the gradient.
#include "ops/elementwise.h"
#include "train/network.h"

namespace garam::training {
namespace {

struct Layer {
  NormWeights attention_norm;
  LinearWeights qkv, o;
  NormWeights ffn_norm;
  LinearWeights up, down;

  // Kept for the backward pass, [rows, ..].
  Rows x;          // [width] the residual stream as it comes in
  Rows h;          // [width] normed
  Rows qkvs;       // [3 * width]
  Rows a;          // [width] what attention gives
  Rows middle;     // [width] the residual stream behind attention
  Rows n;          // [width] normed
  Rows ups, acts;  // [hidden]
  Rows inner[4];   // [rank] of low-rank changes: qkv, o, up, down
};

class Gpt2 final : public Network {
 public:
  Gpt2(const Shape& shape, std::size_t rows, const std::optional<LoraOptions>& lora)
      : Network(shape, rows, lora) {
    const std::size_t w = shape_.width, hidden = shape_.hidden;
    embedding_ = &embedding();
    positions_ = &parameters_.add("position_embd.weight", shape_.context, w, true);
    for (std::size_t i = 0; i < shape_.layers; ++i) {
      const std::string blk = "blk." + std::to_string(i) + ".";
      Layer& l = layers_.emplace_back();
      l.attention_norm = norm_weights(blk + "attn_norm", true);
      l.qkv = linear_weights(blk + "attn_qkv", 3 * w, w, true);
      l.o = linear_weights(blk + "attn_output", w, w, true);
      l.ffn_norm = norm_weights(blk + "ffn_norm", true);
      l.up = linear_weights(blk + "ffn_up", hidden, w, true);
      l.down = linear_weights(blk + "ffn_down", w, hidden, true);
    }
    output_norm_ = norm_weights("output_norm", true);
    output_ =
        shape_.tied ? LinearWeights{.weight = embedding_} : linear_weights("output", shape_.vocab, w, false);
    finish();
  }

 private:
  void carve(Workspace& workspace, std::size_t rows) override {
    const std::size_t w = shape_.width, hidden = shape_.hidden;
    const auto take = [&](std::size_t width) { return workspace.rows(rows, width); };
    for (Layer& l : layers_) {
      for (Rows* r : {&l.x, &l.h, &l.a, &l.middle, &l.n}) *r = take(w);
      l.qkvs = take(3 * w);
      for (Rows* r : {&l.ups, &l.acts}) *r = take(hidden);
      if (!lora_) continue;
      for (Rows& inner : l.inner) inner = take(lora_->rank);
    }
    for (Rows* r : {&last_, &dh_, &da_}) *r = take(w);
    dqkvs_ = take(3 * w);
    dacts_ = take(hidden);
    dinner_ = take(lora_ ? lora_->rank : 1);
  }

  /// q, k and v of a fused projection.
  AttentionInputs parts(const Rows& qkv) const {
    const std::size_t w = shape_.width;
    return {qkv.columns(0, w), qkv.columns(w, w), qkv.columns(2 * w, w)};
  }

  Rows forward(const Context& ctx, Scratch& scratch, const Batch& batch) override {
    const std::size_t rows = batch.rows();
    const auto of = [rows](const Rows& r) { return r.slice(0, rows); };
    places_ = batch.positions();
    embed(ctx, batch.tokens, *embedding_, of(layers_[0].x));
    embed(ctx, places_, *positions_, of(layers_[0].h));
    ops::add(ctx, of(layers_[0].x), of(layers_[0].h));
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const Layer& l = layers_[i];
      const Rows out = of(i + 1 < layers_.size() ? layers_[i + 1].x : last_);
      norm(ctx, l.attention_norm, of(l.x), shape_.eps, of(l.h));
      linear(ctx, scratch, l.qkv, of(l.h), of(l.qkvs), of(l.inner[0]));
      attention(ctx, scratch, shape_.attention, batch.segments, parts(of(l.qkvs)), of(l.a));
      linear(ctx, scratch, l.o, of(l.a), of(l.middle), of(l.inner[1]));
      ops::add(ctx, of(l.middle), of(l.x));

      norm(ctx, l.ffn_norm, of(l.middle), shape_.eps, of(l.n));
      linear(ctx, scratch, l.up, of(l.n), of(l.ups), of(l.inner[2]));
      gelu(ctx, of(l.ups), of(l.acts));
      linear(ctx, scratch, l.down, of(l.acts), out, of(l.inner[3]));
      ops::add(ctx, out, of(l.middle));
    }
    return of(last_);
  }

  void backward(const Context& ctx, Scratch& scratch, const Batch& batch, const Rows& dx) override {
    const std::size_t rows = batch.rows();
    const auto of = [rows](const Rows& r) { return r.slice(0, rows); };
    const Rows dh = of(dh_), da = of(da_), dqkvs = of(dqkvs_), dacts = of(dacts_), dinner = of(dinner_);
    for (std::size_t i = layers_.size(); i-- > 0;) {
      const Layer& l = layers_[i];
      linear_backward(ctx, scratch, l.down, of(l.acts), dx, dacts, Start::kZero, of(l.inner[3]), dinner);
      gelu_backward(ctx, of(l.ups), dacts, dacts);
      linear_backward(ctx, scratch, l.up, of(l.n), dacts, dh, Start::kZero, of(l.inner[2]), dinner);
      norm_backward(ctx, scratch, l.ffn_norm, of(l.middle), shape_.eps, dh, dx);

      linear_backward(ctx, scratch, l.o, of(l.a), dx, da, Start::kZero, of(l.inner[1]), dinner);
      attention_backward(ctx, scratch, shape_.attention, batch.segments, parts(of(l.qkvs)), da, parts(dqkvs));
      linear_backward(ctx, scratch, l.qkv, of(l.h), dqkvs, dh, Start::kZero, of(l.inner[0]), dinner);
      norm_backward(ctx, scratch, l.attention_norm, of(l.x), shape_.eps, dh, dx);
    }
    embed_backward(ctx, batch.tokens, dx, embedding_gradient());
    embed_backward(ctx, places_, dx, positions_->gradient);
  }

  std::vector<Layer> layers_;
  Parameter* positions_ = nullptr;  // [context, width]
  std::vector<std::int32_t> places_;
  Rows last_, dh_, da_, dqkvs_, dacts_, dinner_;
};

}  // namespace

std::unique_ptr<Network> make_gpt2(const Shape& shape, std::size_t rows,
                                   const std::optional<LoraOptions>& lora) {
  return std::make_unique<Gpt2>(shape, rows, lora);
}

}  // namespace garam::training
