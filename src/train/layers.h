// The other operations of a forward pass, each followed by its backward: embedding, norms, activations,
// rotation, cross-entropy. Gradients of inputs are added to what is there unless said otherwise, those of
// weights always.
#pragma once

#include <cstdint>
#include <span>

#include "ops/rope.h"
#include "train/linear.h"

namespace garam::training {

/// out.row(t) = table row tokens[t].
void embed(const Context& context, std::span<const std::int32_t> tokens, const Parameter& table,
           const Rows& out);
/// The row of a token in `gradient` gets the gradients of its occurrences, in the order of the batch. Without
/// memory: nothing.
void embed_backward(const Context& context, std::span<const std::int32_t> tokens, const Rows& dout,
                    const Rows& gradient);

/// Weight and bias of a norm; without bias it is RMSNorm (Zhang and Sennrich 2019), else LayerNorm (Ba et al.
/// 2016).
struct NormWeights {
  Parameter* weight = nullptr;
  Parameter* bias = nullptr;
};
void norm(const Context& context, const NormWeights& weights, const Rows& x, float eps, const Rows& out);
void norm_backward(const Context& context, Scratch& scratch, const NormWeights& weights, const Rows& x,
                   float eps, const Rows& dout, const Rows& dx);

/// out = silu(gate) * up (Shazeer 2020).
void swiglu(const Context& context, const Rows& gate, const Rows& up, const Rows& out);
/// Overwrites dgate and dup.
void swiglu_backward(const Context& context, const Rows& gate, const Rows& up, const Rows& dout,
                     const Rows& dgate, const Rows& dup);

/// out = gelu(x), tanh form (Hendrycks and Gimpel 2016).
void gelu(const Context& context, const Rows& x, const Rows& out);
/// Overwrites dx, which may be dout.
void gelu_backward(const Context& context, const Rows& x, const Rows& dout, const Rows& dx);

/// Of ops::rotate(): a rotation the other way round, in place. `minus_sin` is [rows][pairs].
void rotate_backward(const Context& context, const ops::Rope& rope, const ops::Angles& angles,
                     float* minus_sin, const Rows& dx, std::size_t head_dim);

/// Labels without loss.
inline constexpr std::int32_t kNoLabel = -1;

/// Sum over the rows with a label of -ln softmax(logits)[label], in double and in the order of the batch.
/// Logits become their gradients times `scale`: fl(p * scale), less `scale` at the label; 0 in rows without
/// one. With scale 0 only the loss is wanted.
double cross_entropy(const Context& context, Scratch& scratch, const Rows& logits,
                     std::span<const std::int32_t> labels, float scale);

}  // namespace garam::training
