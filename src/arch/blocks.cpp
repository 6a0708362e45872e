// Straight down, one operation a line, as the architectures themselves.
#include "arch/blocks.h"

#include <algorithm>
#include <utility>

#include "ops/elementwise.h"

namespace garam {

TokenWeights TokenWeights::declare(Weights& weights, const Metadata& metadata, Config& config) {
  constexpr std::size_t kMostLabels = 1 << 16;
  TokenWeights tokens;
  tokens.embedding = &weights.matrix("token_embd.weight", config.vocab, config.width);
  const Matrix* output = weights.optional_matrix("output.weight", config.vocab, config.width);
  tokens.output = output != nullptr ? output : tokens.embedding;
  std::vector<std::string> labels = metadata.strings("classifier.output_labels", kMostLabels);
  const std::size_t scores = std::max<std::size_t>(labels.size(), 1);
  tokens.scores.weight = weights.optional_matrix("cls.output.weight", scores, config.width);
  if (tokens.scores.weight == nullptr) return tokens;
  tokens.scores.bias = weights.optional_vector("cls.output.bias", scores);
  config.scores = scores;
  config.score_labels = std::move(labels);
  return tokens;
}

void token_logits(Forward& f, const TokenWeights& w, const ops::ActivationForms& forms, const Rows& x) {
  ops::linear(f.context, x, forms, {{w.output, nullptr, f.logits}});
  if (w.scores.weight == nullptr) return;
  ops::linear(f.context, x, forms, {w.scores.into(f.scores)});
  if (f.scores.width > 1) ops::softmax(f.context, f.scores);
}

Linear Linear::declare(Weights& weights, const std::string& name, std::size_t rows, std::size_t k,
                       Bias bias) {
  Linear linear{&weights.matrix(name + ".weight", rows, k), nullptr};
  if (bias == Bias::kRequired) linear.bias = &weights.vector(name + ".bias", rows);
  if (bias == Bias::kOptional) linear.bias = weights.optional_vector(name + ".bias", rows);
  return linear;
}

Norm Norm::rms(Weights& weights, const std::string& name, std::size_t width) {
  return {&weights.vector(name + ".weight", width), nullptr};
}

Norm Norm::layer(Weights& weights, const std::string& name, std::size_t width) {
  return {&weights.vector(name + ".weight", width), &weights.vector(name + ".bias", width)};
}

Norm Norm::optional_layer(Weights& weights, const std::string& name, std::size_t width) {
  const Vector* weight = weights.optional_vector(name + ".weight", width);
  return {weight, weight != nullptr ? &weights.vector(name + ".bias", width) : nullptr};
}

AttentionWeights AttentionWeights::declare(Weights& weights, const std::string& blk, const Config& c,
                                           Fused fused, Bias bias) {
  const std::size_t q = c.heads * c.key_dim, k = c.kv_heads * c.key_dim, v = c.kv_heads * c.value_dim;
  AttentionWeights w;
  if (fused == Fused::kYes) {
    w.qkv = Linear::declare(weights, blk + "attn_qkv", q + k + v, c.width, bias);
  } else {
    w.q = Linear::declare(weights, blk + "attn_q", q, c.width, bias);
    w.k = Linear::declare(weights, blk + "attn_k", k, c.width, bias);
    w.v = Linear::declare(weights, blk + "attn_v", v, c.width, bias);
  }
  w.o = Linear::declare(weights, blk + "attn_output", c.width, c.heads * c.value_dim, bias);
  return w;
}

void AttentionWeights::declare_head_norms(Weights& weights, const std::string& blk, const Config& c) {
  q_norm = &weights.vector(blk + "attn_q_norm.weight", c.key_dim);
  k_norm = &weights.vector(blk + "attn_k_norm.weight", c.key_dim);
}

void AttentionWeights::declare_whole_norms(Weights& weights, const std::string& blk, const Config& c) {
  q_norm = &weights.vector(blk + "attn_q_norm.weight", c.heads * c.key_dim);
  k_norm = &weights.vector(blk + "attn_k_norm.weight", c.kv_heads * c.key_dim);
}

void AttentionWeights::declare_norms_by_head(Weights& weights, const std::string& blk, const Config& c) {
  for (const Vector* v : weights.optional_vectors(blk + "attn_q_norm.weight", c.heads, c.key_dim)) {
    q_norms.push_back(v->data());
  }
  if (q_norms.empty()) return;
  for (const Vector* v : weights.vectors(blk + "attn_k_norm.weight", c.kv_heads, c.key_dim)) {
    k_norms.push_back(v->data());
  }
}

AttentionBuffers AttentionBuffers::carve(Workspace& workspace, const Config& c, const ops::KvLayout& kv,
                                         Fused fused, std::size_t rows, unsigned workers) {
  const std::size_t q = c.heads * c.key_dim, k = c.kv_heads * c.key_dim, v = c.kv_heads * c.value_dim;
  AttentionBuffers b;
  if (fused == Fused::kYes) {
    b.qkv = workspace.rows(rows, q + k + v);
    b.q = b.qkv.columns(0, q);
    b.k = b.qkv.columns(q, k);
    b.v = b.qkv.columns(q + k, v);
  } else {
    b.q = workspace.rows(rows, q);
    b.k = workspace.rows(rows, k);
    b.v = workspace.rows(rows, v);
  }
  b.attended = workspace.rows(rows, c.heads * c.value_dim);
  b.scratch = workspace.take(ops::attention_scratch_bytes(kv, workers));
  return b;
}

void self_attention(Forward& f, const Config& c, const AttentionWeights& w,
                    const ops::AttentionOptions& options, const Positions& positions, float eps,
                    const ops::ActivationForms& forms, const Rows& x, const AttentionBuffers& b,
                    const Rows& out) {
  const Context& ctx = f.context;
  if (w.qkv.weight != nullptr) {
    ops::linear(ctx, x, forms, {w.qkv.into(b.qkv)});
  } else {
    ops::linear(ctx, x, forms, {w.q.into(b.q), w.k.into(b.k), w.v.into(b.v)});
  }
  if (w.q_norm != nullptr) {
    ops::rms_norm_heads(ctx, b.q, w.q_norm->size, w.q_norm->data(), eps);
    ops::rms_norm_heads(ctx, b.k, w.k_norm->size, w.k_norm->data(), eps);
  }
  if (!w.q_norms.empty()) {
    ops::layer_norm_heads(ctx, b.q, c.key_dim, w.q_norms, eps);
    ops::layer_norm_heads(ctx, b.k, c.key_dim, w.k_norms, eps);
  }
  if (positions.rope != nullptr) {
    ops::rotate(ctx, *positions.rope, positions.angles, b.q, c.key_dim);
    ops::rotate(ctx, *positions.rope, positions.angles, b.k, c.key_dim);
  }
  ops::store_kv(ctx, f.kv, options.layer, f.sequences, b.k, b.v, f.finite);
  ops::attention(ctx, f.kv, options, f.sequences, b.q, b.scratch, b.attended);
  ops::linear(ctx, b.attended, forms, {w.o.into(out)});
}

GatedWeights GatedWeights::declare(Weights& weights, const std::string& blk, const Config& c, Fused fused,
                                   Bias bias) {
  GatedWeights w;
  if (fused == Fused::kYes) {
    w.gate_up = Linear::declare(weights, blk + "ffn_up", 2 * c.hidden, c.width, bias);
  } else {
    w.gate = Linear::declare(weights, blk + "ffn_gate", c.hidden, c.width, bias);
    w.up = Linear::declare(weights, blk + "ffn_up", c.hidden, c.width, bias);
  }
  w.down = Linear::declare(weights, blk + "ffn_down", c.width, c.hidden, bias);
  return w;
}

GatedBuffers GatedBuffers::carve(Workspace& workspace, std::size_t hidden, Fused fused, std::size_t rows) {
  GatedBuffers b;
  if (fused == Fused::kYes) {
    b.gate_up = workspace.rows(rows, 2 * hidden);
    b.gate = b.gate_up.columns(0, hidden);
    b.up = b.gate_up.columns(hidden, hidden);
  } else {
    b.gate = workspace.rows(rows, hidden);
    b.up = workspace.rows(rows, hidden);
  }
  return b;
}

namespace {

void gate_and_up(Forward& f, const GatedWeights& w, const ops::ActivationForms& forms, const Rows& x,
                 const GatedBuffers& b) {
  if (w.gate_up.weight != nullptr) {
    ops::linear(f.context, x, forms, {w.gate_up.into(b.gate_up)});
  } else {
    ops::linear(f.context, x, forms, {w.gate.into(b.gate), w.up.into(b.up)});
  }
}

}  // namespace

void swiglu(Forward& f, const GatedWeights& w, const ops::ActivationForms& forms, const Rows& x,
            const GatedBuffers& b, const Rows& out) {
  gate_and_up(f, w, forms, x, b);
  ops::silu_mul(f.context, b.gate, b.up);
  ops::linear(f.context, b.gate, forms, {w.down.into(out)});
}

void geglu(Forward& f, const GatedWeights& w, const ops::ActivationForms& forms, const Rows& x,
           const GatedBuffers& b, const Rows& out) {
  gate_and_up(f, w, forms, x, b);
  ops::gelu_mul(f.context, b.gate, b.up);
  ops::linear(f.context, b.gate, forms, {w.down.into(out)});
}

namespace {

std::vector<Linear> declare_experts(Weights& weights, const std::string& blk, const std::string& name,
                                    const Config& c, std::size_t rows, std::size_t k, Bias bias) {
  std::vector<Linear> experts;
  for (const Matrix* matrix :
       weights.experts(blk + name + "_exps.weight", blk + name + ".#.weight", c.experts, rows, k)) {
    experts.push_back({matrix, nullptr});
  }
  if (bias == Bias::kNone) return experts;
  const auto biases = weights.vectors(blk + name + "_exps.bias", c.experts, rows);
  for (std::size_t e = 0; e < c.experts; ++e) experts[e].bias = biases[e];
  return experts;
}

}  // namespace

MixtureWeights MixtureWeights::declare(Weights& weights, const std::string& blk, const Config& c, Bias bias) {
  MixtureWeights w;
  w.router = Linear::declare(weights, blk + "ffn_gate_inp", c.experts, c.width, bias);
  w.gate = declare_experts(weights, blk, "ffn_gate", c, c.expert_hidden, c.width, bias);
  w.up = declare_experts(weights, blk, "ffn_up", c, c.expert_hidden, c.width, bias);
  w.down = declare_experts(weights, blk, "ffn_down", c, c.width, c.expert_hidden, bias);
  return w;
}

MixtureBuffers MixtureBuffers::carve(Workspace& workspace, const Config& c, std::size_t rows) {
  MixtureBuffers b;
  if (c.experts == 0) return b;
  const std::size_t places = rows * c.experts_used;
  const auto numbers = [&](std::size_t count) {
    return reinterpret_cast<std::uint32_t*>(workspace.take(count * sizeof(std::uint32_t)));
  };
  b.router = workspace.rows(rows, c.experts);
  b.in = workspace.rows(places, c.width);
  b.gate = workspace.rows(places, c.expert_hidden);
  b.up = workspace.rows(places, c.expert_hidden);
  b.out = workspace.rows(places, c.width);
  b.choice = {.rows = rows, .used = c.experts_used, .experts = c.experts};
  b.choice.expert = reinterpret_cast<std::int32_t*>(numbers(places));
  b.choice.weight = reinterpret_cast<float*>(numbers(places));
  b.choice.place = numbers(places);
  b.choice.source = numbers(places);
  b.choice.begin = numbers(c.experts + 1);
  b.forms = workspace.forms(places, std::max(c.width, c.expert_hidden));
  return b;
}

void mixture(Forward& f, const MixtureWeights& w, const MixtureOptions& options,
             const ops::ActivationForms& forms, const Rows& x, const MixtureBuffers& b, const Rows& out) {
  const Context& ctx = f.context;
  ops::linear(ctx, x, forms, {w.router.into(b.router)});
  ops::choose_experts(ctx, b.router, options.renormalise, b.choice);
  ops::gather_rows(ctx, x, b.choice, b.in);
  for (std::size_t e = 0; e < b.choice.experts; ++e) {
    const std::size_t first = b.choice.begin[e], count = b.choice.begin[e + 1] - first;
    const Rows gate = b.gate.slice(first, count), up = b.up.slice(first, count);
    ops::linear(ctx, b.in.slice(first, count), b.forms, {w.gate[e].into(gate), w.up[e].into(up)});
    if (options.limit > 0) {
      ops::swiglu_clamped(ctx, gate, up, options.alpha, options.limit);
    } else {
      ops::silu_mul(ctx, gate, up);
    }
    ops::linear(ctx, gate, b.forms, {w.down[e].into(b.out.slice(first, count))});
  }
  ops::combine_experts(ctx, b.out, b.choice, out);
}

SharedExpertWeights SharedExpertWeights::declare(Weights& weights, const std::string& blk, const Config& c) {
  SharedExpertWeights w;
  w.share = &weights.row_matrix(blk + "ffn_gate_inp_shexp.weight", c.width);
  w.ffn.gate = Linear::declare(weights, blk + "ffn_gate_shexp", c.shared_hidden, c.width, Bias::kNone);
  w.ffn.up = Linear::declare(weights, blk + "ffn_up_shexp", c.shared_hidden, c.width, Bias::kNone);
  w.ffn.down = Linear::declare(weights, blk + "ffn_down_shexp", c.width, c.shared_hidden, Bias::kNone);
  return w;
}

SharedExpertBuffers SharedExpertBuffers::carve(Workspace& workspace, const Config& c, std::size_t rows) {
  return {workspace.rows(rows, 1), workspace.rows(rows, c.width),
          GatedBuffers::carve(workspace, c.shared_hidden, Fused::kNo, rows)};
}

void add_shared_expert(Forward& f, const SharedExpertWeights& w, const ops::ActivationForms& forms,
                       const Rows& x, const SharedExpertBuffers& b, const Rows& out) {
  ops::linear(f.context, x, forms, {{w.share, nullptr, b.share}});
  swiglu(f, w.ffn, forms, x, b.ffn, b.out);
  ops::add_shared(f.context, out, b.out, b.share);
}

GeluWeights GeluWeights::declare(Weights& weights, const std::string& blk, const Config& c, Bias bias) {
  return {Linear::declare(weights, blk + "ffn_up", c.hidden, c.width, bias),
          Linear::declare(weights, blk + "ffn_down", c.width, c.hidden, bias)};
}

void gelu_network(Forward& f, const GeluWeights& w, const ops::ActivationForms& forms, const Rows& x,
                  const Rows& up, const Rows& out) {
  ops::linear(f.context, x, forms, {w.up.into(up)});
  ops::gelu_tanh(f.context, up);
  ops::linear(f.context, up, forms, {w.down.into(out)});
}

std::size_t widest_input(const Config& c) {
  return std::max({c.width, c.hidden, c.shared_hidden, c.heads * c.value_dim});
}

}  // namespace garam
