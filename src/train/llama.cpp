// Llama 1, 2 and 3 (Touvron et al. 2023) and Qwen2 (Bai et al. 2024; biases of q, k and v, rotation of
// halves) in training: pre-norm with RMSNorm, rotary positions, grouped-query attention, SwiGLU. d before a
// name is the gradient.
#include "ops/elementwise.h"
#include "train/network.h"

namespace garam::training {
namespace {

struct Layer {
  NormWeights attention_norm;
  LinearWeights q, k, v, o;
  NormWeights ffn_norm;
  LinearWeights gate, up, down;

  // Kept for the backward pass, [rows, ..].
  Rows x;                 // [width] the residual stream as it comes in
  Rows h;                 // [width] normed
  Rows qs, ks, vs;        // [heads * head_dim], [kv_heads * head_dim], rotated
  Rows a;                 // [heads * head_dim] what attention gives
  Rows middle;            // [width] the residual stream behind attention
  Rows n;                 // [width] normed
  Rows gates, ups, acts;  // [hidden]
  Rows inner[7];          // [rank] of low-rank changes: q, k, v, o, gate, up, down
};

class Llama final : public Network {
 public:
  Llama(const Shape& shape, std::size_t rows, const std::optional<LoraOptions>& lora)
      : Network(shape, rows, lora) {
    const std::size_t w = shape_.width, hidden = shape_.hidden;
    const std::size_t heads = shape_.attention.heads * shape_.attention.head_dim;
    const std::size_t kv_heads = shape_.attention.kv_heads * shape_.attention.head_dim;
    const bool qwen = shape_.architecture == "qwen2";
    embedding_ = &embedding();
    for (std::size_t i = 0; i < shape_.layers; ++i) {
      const std::string blk = "blk." + std::to_string(i) + ".";
      Layer& l = layers_.emplace_back();
      l.attention_norm = norm_weights(blk + "attn_norm", false);
      l.q = linear_weights(blk + "attn_q", heads, w, shape_.biases);
      l.k = linear_weights(blk + "attn_k", kv_heads, w, shape_.biases);
      l.v = linear_weights(blk + "attn_v", kv_heads, w, shape_.biases);
      l.o = linear_weights(blk + "attn_output", w, heads, false);
      l.ffn_norm = norm_weights(blk + "ffn_norm", false);
      l.gate = linear_weights(blk + "ffn_gate", hidden, w, false);
      l.up = linear_weights(blk + "ffn_up", hidden, w, false);
      l.down = linear_weights(blk + "ffn_down", w, hidden, false);
    }
    output_norm_ = norm_weights("output_norm", false);
    output_ =
        shape_.tied ? LinearWeights{.weight = embedding_} : linear_weights("output", shape_.vocab, w, false);
    ops::RopeOptions rope = shape_.rope;
    rope.factors = shape_.rope_factors;
    rope_ = ops::Rope::make(rope, qwen ? ops::RopePairs::kHalves : ops::RopePairs::kAdjacent);
    finish();
  }

 private:
  void carve(Workspace& workspace, std::size_t rows) override {
    const std::size_t w = shape_.width, hidden = shape_.hidden;
    const std::size_t heads = shape_.attention.heads * shape_.attention.head_dim;
    const std::size_t kv_heads = shape_.attention.kv_heads * shape_.attention.head_dim;
    const auto take = [&](std::size_t width) { return workspace.rows(rows, width); };
    for (Layer& l : layers_) {
      for (Rows* r : {&l.x, &l.h, &l.middle, &l.n}) *r = take(w);
      for (Rows* r : {&l.qs, &l.a}) *r = take(heads);
      for (Rows* r : {&l.ks, &l.vs}) *r = take(kv_heads);
      for (Rows* r : {&l.gates, &l.ups, &l.acts}) *r = take(hidden);
      if (!lora_) continue;
      for (Rows& inner : l.inner) inner = take(lora_->rank);
    }
    last_ = take(w);
    dh_ = take(w);
    for (Rows* r : {&dq_, &da_}) *r = take(heads);
    for (Rows* r : {&dk_, &dv_}) *r = take(kv_heads);
    for (Rows* r : {&dgates_, &dups_, &dacts_}) *r = take(hidden);
    dinner_ = take(lora_ ? lora_->rank : 1);
    angles_ = workspace.angles(rows, rope_.frequency.size());
    minus_sin_ = workspace.angles(rows, rope_.frequency.size()).sin;
  }

  Rows forward(const Context& ctx, Scratch& scratch, const Batch& batch) override {
    const std::size_t rows = batch.rows();
    const auto of = [rows](const Rows& r) { return r.slice(0, rows); };
    const auto head_dim = shape_.attention.head_dim;
    positions_ = batch.positions();
    ops::rope_angles(ctx, rope_, positions_, angles_);
    embed(ctx, batch.tokens, *embedding_, of(layers_[0].x));
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const Layer& l = layers_[i];
      const Rows out = of(i + 1 < layers_.size() ? layers_[i + 1].x : last_);
      norm(ctx, l.attention_norm, of(l.x), shape_.eps, of(l.h));
      linear(ctx, scratch, l.q, of(l.h), of(l.qs), of(l.inner[0]));
      linear(ctx, scratch, l.k, of(l.h), of(l.ks), of(l.inner[1]));
      linear(ctx, scratch, l.v, of(l.h), of(l.vs), of(l.inner[2]));
      ops::rotate(ctx, rope_, angles_, of(l.qs), head_dim);
      ops::rotate(ctx, rope_, angles_, of(l.ks), head_dim);
      attention(ctx, scratch, shape_.attention, batch.segments, {of(l.qs), of(l.ks), of(l.vs)}, of(l.a));
      linear(ctx, scratch, l.o, of(l.a), of(l.middle), of(l.inner[3]));
      ops::add(ctx, of(l.middle), of(l.x));

      norm(ctx, l.ffn_norm, of(l.middle), shape_.eps, of(l.n));
      linear(ctx, scratch, l.gate, of(l.n), of(l.gates), of(l.inner[4]));
      linear(ctx, scratch, l.up, of(l.n), of(l.ups), of(l.inner[5]));
      swiglu(ctx, of(l.gates), of(l.ups), of(l.acts));
      linear(ctx, scratch, l.down, of(l.acts), out, of(l.inner[6]));
      ops::add(ctx, out, of(l.middle));
    }
    return of(last_);
  }

  void backward(const Context& ctx, Scratch& scratch, const Batch& batch, const Rows& dx) override {
    const std::size_t rows = batch.rows();
    const auto of = [rows](const Rows& r) { return r.slice(0, rows); };
    const Rows dh = of(dh_), da = of(da_), dq = of(dq_), dk = of(dk_), dv = of(dv_), dinner = of(dinner_);
    const Rows dgates = of(dgates_), dups = of(dups_), dacts = of(dacts_);
    const auto head_dim = shape_.attention.head_dim;
    for (std::size_t i = layers_.size(); i-- > 0;) {
      const Layer& l = layers_[i];
      linear_backward(ctx, scratch, l.down, of(l.acts), dx, dacts, Start::kZero, of(l.inner[6]), dinner);
      swiglu_backward(ctx, of(l.gates), of(l.ups), dacts, dgates, dups);
      linear_backward(ctx, scratch, l.gate, of(l.n), dgates, dh, Start::kZero, of(l.inner[4]), dinner);
      linear_backward(ctx, scratch, l.up, of(l.n), dups, dh, Start::kHere, of(l.inner[5]), dinner);
      norm_backward(ctx, scratch, l.ffn_norm, of(l.middle), shape_.eps, dh, dx);

      linear_backward(ctx, scratch, l.o, of(l.a), dx, da, Start::kZero, of(l.inner[3]), dinner);
      attention_backward(ctx, scratch, shape_.attention, batch.segments, {of(l.qs), of(l.ks), of(l.vs)}, da,
                         {dq, dk, dv});
      rotate_backward(ctx, rope_, angles_, minus_sin_, dq, head_dim);
      rotate_backward(ctx, rope_, angles_, minus_sin_, dk, head_dim);
      linear_backward(ctx, scratch, l.q, of(l.h), dq, dh, Start::kZero, of(l.inner[0]), dinner);
      linear_backward(ctx, scratch, l.k, of(l.h), dk, dh, Start::kHere, of(l.inner[1]), dinner);
      linear_backward(ctx, scratch, l.v, of(l.h), dv, dh, Start::kHere, of(l.inner[2]), dinner);
      norm_backward(ctx, scratch, l.attention_norm, of(l.x), shape_.eps, dh, dx);
    }
    embed_backward(ctx, batch.tokens, dx, embedding_gradient());
  }

  std::vector<Layer> layers_;
  ops::Rope rope_;
  ops::Angles angles_;
  float* minus_sin_ = nullptr;
  std::vector<std::int32_t> positions_;
  Rows last_, dh_, da_, dq_, dk_, dv_, dgates_, dups_, dacts_, dinner_;
};

}  // namespace

std::unique_ptr<Network> make_llama(const Shape& shape, std::size_t rows,
                                    const std::optional<LoraOptions>& lora) {
  return std::make_unique<Llama>(shape, rows, lora);
}

}  // namespace garam::training
