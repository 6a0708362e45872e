// Causal self-attention over the segments of a batch (Vaswani et al. 2017; grouped queries Ainslie et al.
// 2023) and its backward. Probabilities are made again in the backward pass, so memory is linear in the
// length of a segment.
#pragma once

#include <span>

#include "train/products.h"

namespace garam::training {

/// Consecutive rows of a batch that are one text: positions 0, 1, .., which see each other and nothing else.
struct Segment {
  std::size_t first;
  std::size_t length;
};

struct AttentionShape {
  std::size_t heads = 0;
  std::size_t kv_heads = 0;
  std::size_t head_dim = 0;

  float scale() const;  // 1 / sqrt(head_dim), rounded once from double
};

/// One row a token: q [heads * head_dim], k and v [kv_heads * head_dim], after rotation.
struct AttentionInputs {
  Rows q, k, v;
};

/// out [rows][heads * head_dim]. Per query and head, over the keys up to its own: score = fl(dot * scale),
/// dot by fma over head_dim ascending; p by Training::softmax; out by fma over keys ascending.
void attention(const Context& context, Scratch& scratch, const AttentionShape& shape,
               std::span<const Segment> segments, const AttentionInputs& in, const Rows& out);

/// Gradients of q, k and v, which are overwritten, from that of out. dp = dout v^T; ds by
/// Training::softmax_backward; dq by fma over keys ascending; dk and dv by fma over the query heads of a
/// group and in each over queries, both ascending.
void attention_backward(const Context& context, Scratch& scratch, const AttentionShape& shape,
                        std::span<const Segment> segments, const AttentionInputs& in, const Rows& dout,
                        const AttentionInputs& gradients);

}  // namespace garam::training
