// Row by row operations: embedding look-up, norms, activations, residual sums. Rows are split over workers.
#pragma once

#include <cstdint>
#include <span>

#include "runtime/context.h"
#include "tensor/matrix.h"

namespace garam::ops {

/// out.row(t) = row tokens[t] of the embedding matrix.
void embed(const Context& context, const Matrix& embedding, std::span<const std::int32_t> tokens,
           const Rows& out);

/// Root-mean-square norm (Zhang and Sennrich 2019). out may be x.
void rms_norm(const Context& context, const Rows& x, const float* weight, float eps, const Rows& out);

/// The same of every head of x, in place: x.width / head_dim vectors a row share one weight (QK norm).
void rms_norm_heads(const Context& context, const Rows& x, std::size_t head_dim, const float* weight,
                    float eps);

/// Layer norm (Ba et al. 2016). out may be x.
void layer_norm(const Context& context, const Rows& x, const float* weight, const float* bias, float eps,
                const Rows& out);

/// The same of every head of x, in place, without bias, each head by a weight of its own, [head_dim].
void layer_norm_heads(const Context& context, const Rows& x, std::size_t head_dim,
                      std::span<const float* const> weights, float eps);

/// x += y.
void add(const Context& context, const Rows& x, const Rows& y);

/// x *= factor.
void scale(const Context& context, const Rows& x, float factor);

/// x = tanh(x / cap) * cap (Gemma Team 2024).
void soft_cap(const Context& context, const Rows& x, float cap);

/// x = softmax(x): p = exp(fl(x - largest)), divided by the sum of p by numerics rule 7.
void softmax(const Context& context, const Rows& x);

/// gate = silu(gate) * up (SwiGLU, Shazeer 2020).
void silu_mul(const Context& context, const Rows& gate, const Rows& up);

/// gate = g * sigmoid(alpha * g) * (u + 1), g the gate up to limit, u up between -limit and limit (gpt-oss).
void swiglu_clamped(const Context& context, const Rows& gate, const Rows& up, float alpha, float limit);

/// gate = gelu(gate) * up, tanh form (GeGLU, Shazeer 2020).
void gelu_mul(const Context& context, const Rows& gate, const Rows& up);

/// x = gelu(x), tanh form (Hendrycks and Gimpel 2016).
void gelu_tanh(const Context& context, const Rows& x);

}  // namespace garam::ops
