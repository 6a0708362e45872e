// GPT-2 (Radford et al. 2019): pre-norm with LayerNorm, learned positions, one fused qkv projection with
// bias, GELU in its tanh form.
#include <algorithm>
#include <cmath>

#include "arch/registry.h"
#include "ops/elementwise.h"

namespace garam {
namespace {

struct Norm {
  const Vector* weight;
  const Vector* bias;
};

struct Linear {
  const Matrix* weight;
  const Vector* bias;
};

struct Layer {
  Norm attention_norm;
  Linear qkv;  // [3 * width, width]
  Linear o;    // [width, width]
  Norm ffn_norm;
  Linear up;    // [hidden, width]
  Linear down;  // [width, hidden]
};

struct Buffers {
  Rows x, h;      // [rows, width]
  Rows qkv;       // [rows, 3 * width]
  Rows attended;  // [rows, width]
  Rows up;        // [rows, hidden]
  ops::ActivationForms forms;
  std::byte* attention;
};

class Gpt2 final : public Architecture {
 public:
  Gpt2(const Metadata& metadata, const Config& config, Weights& weights)
      : Architecture(config), eps_(metadata.real("attention.layer_norm_epsilon", 1e-20, 1)) {
    config_.max_positions = config_.context;
    const Config& c = config_;
    const auto norm = [&](const std::string& name) {
      return Norm{&weights.vector(name + ".weight", c.width), &weights.vector(name + ".bias", c.width)};
    };
    const auto linear = [&](const std::string& name, std::size_t rows, std::size_t k) {
      return Linear{&weights.matrix(name + ".weight", rows, k), &weights.vector(name + ".bias", rows)};
    };
    embedding_ = &weights.matrix("token_embd.weight", c.vocab, c.width);
    positions_ = &weights.matrix("position_embd.weight", c.context, c.width);
    output_norm_ = norm("output_norm");
    output_ = weights.optional_matrix("output.weight", c.vocab, c.width);
    if (output_ == nullptr) output_ = embedding_;
    const std::size_t qkv = (c.heads * c.key_dim) + c.kv_heads * (c.key_dim + c.value_dim);
    for (std::size_t i = 0; i < c.layers; ++i) {
      const std::string blk = "blk." + std::to_string(i) + ".";
      layers_.push_back({norm(blk + "attn_norm"), linear(blk + "attn_qkv", qkv, c.width),
                         linear(blk + "attn_output", c.width, c.heads * c.value_dim), norm(blk + "ffn_norm"),
                         linear(blk + "ffn_up", c.hidden, c.width),
                         linear(blk + "ffn_down", c.width, c.hidden)});
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
    const Rows q = b.qkv.columns(0, c.heads * c.key_dim);
    const Rows k = b.qkv.columns(q.width, c.kv_heads * c.key_dim);
    const Rows v = b.qkv.columns(q.width + k.width, c.kv_heads * c.value_dim);
    ops::AttentionOptions attention{.layer = 0,
                                    .heads = c.heads,
                                    .scale = 1 / std::sqrt(static_cast<float>(c.key_dim)),
                                    .window = c.window};

    ops::embed(ctx, *embedding_, f.tokens, b.x);
    ops::embed(ctx, *positions_, f.positions, b.h);
    ops::add(ctx, b.x, b.h);
    for (std::size_t i = 0; i < layers_.size() && f.go_on(); ++i) {
      const Layer& layer = layers_[i];
      attention.layer = i;

      normalize(ctx, b.x, layer.attention_norm, b.h);
      project(ctx, b.h, b.forms, layer.qkv, b.qkv);
      ops::store_kv(ctx, f.kv, i, f.sequences, k, v, f.finite);
      ops::attention(ctx, f.kv, attention, f.sequences, q, b.attention, b.attended);
      project(ctx, b.attended, b.forms, layer.o, b.h);
      ops::add(ctx, b.x, b.h);

      normalize(ctx, b.x, layer.ffn_norm, b.h);
      project(ctx, b.h, b.forms, layer.up, b.up);
      ops::gelu_tanh(ctx, b.up);
      project(ctx, b.up, b.forms, layer.down, b.h);
      ops::add(ctx, b.x, b.h);
    }
    if (!f.go_on()) return;

    const Rows last = gather_logit_rows(f, b.x, b.h);
    normalize(ctx, last, output_norm_, last);
    ops::linear(ctx, last, b.forms, {{output_, nullptr, f.logits}});
  }

 private:
  void normalize(const Context& ctx, const Rows& x, const Norm& norm, const Rows& out) const {
    ops::layer_norm(ctx, x, norm.weight->data(), norm.bias->data(), eps_, out);
  }

  static void project(const Context& ctx, const Rows& x, const ops::ActivationForms& forms,
                      const Linear& linear, const Rows& out) {
    ops::linear(ctx, x, forms, {{linear.weight, linear.bias->data(), out}});
  }

  Buffers buffers(Workspace& workspace, const ops::KvLayout& kv, std::size_t rows, unsigned workers) const {
    const Config& c = config_;
    Buffers b{};
    b.x = workspace.rows(rows, c.width);
    b.h = workspace.rows(rows, c.width);
    b.qkv = workspace.rows(rows, c.heads * c.key_dim + c.kv_heads * (c.key_dim + c.value_dim));
    b.attended = workspace.rows(rows, c.heads * c.value_dim);
    b.up = workspace.rows(rows, c.hidden);
    b.forms = workspace.forms(rows, std::max({c.width, c.hidden, c.heads * c.value_dim}));
    b.attention = workspace.take(ops::attention_scratch_bytes(kv, workers));
    return b;
  }

  float eps_;
  const Matrix* embedding_ = nullptr;  // [vocab, width]
  const Matrix* positions_ = nullptr;  // [context, width]
  Norm output_norm_{};
  const Matrix* output_ = nullptr;  // [vocab, width], the embedding when tied
  std::vector<Layer> layers_;
};

}  // namespace

std::unique_ptr<Architecture> make_gpt2(const Metadata& metadata, const Config& config, Weights& weights) {
  return std::make_unique<Gpt2>(metadata, config, weights);
}

}  // namespace garam
