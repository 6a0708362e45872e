// Which keys and tensors a file of an architecture has, with the names and shapes that llama.cpp's converter
// gives them. The numbers come from tiny_weights.h.
#include "support/tiny_model.h"

#include <cmath>
#include <cstring>
#include <iterator>
#include <stdexcept>

#include "io/gguf_writer.h"
#include "support/tiny_vocabulary.h"
#include "support/tiny_weights.h"

namespace garam::test {
namespace {

/// Uniform weights whose outputs have about the variance of their inputs; queries and keys more, so that
/// attention is far from an average.
float amplitude_of(const std::string& name, std::size_t k) {
  if (name.find("_embd") != std::string::npos) return 1;
  const bool query_or_key =
      name.find("attn_q") != std::string::npos || name.find("attn_k") != std::string::npos;
  return (query_or_key ? 3.0f : 1.75f) / std::sqrt(static_cast<float>(k));
}

class Builder {
 public:
  explicit Builder(const TinyOptions& options) : o_(options) {
    if (o_.value_dim == 0) o_.value_dim = o_.head_dim;
    if (o_.rope_dims == 0) o_.rope_dims = o_.head_dim;
    if (o_.experts == 0 && (is("qwen2moe") || is("gpt-oss"))) o_.experts = 6;
    if (o_.expert_hidden == 0) o_.expert_hidden = o_.hidden;
    if (is("gpt2") || is("gptneox") || is("phi2")) o_.kv_heads = o_.heads;
  }

  TinyModel build() {
    common_keys();
    if (o_.vocabulary != TinyVocabulary::kNone) o_.vocab = add_vocabulary(o_.vocabulary, model_);
    matrix("token_embd", o_.vocab, o_.width);
    if (is("gpt2")) {
      gpt2();
    } else if (is("llama")) {
      llama();
    } else {
      relative();
    }
    if (o_.scores > 0) {
      linear("cls.output", o_.scores, o_.width, o_.biases);
      std::vector<std::string> labels;
      for (std::size_t i = 0; i < o_.scores; ++i) labels.push_back("label " + std::to_string(i));
      if (o_.scores > 1) set("classifier.output_labels", GgufArray(labels));
    }
    if (o_.separate_output) linear("output", o_.vocab, o_.width, is("phi2"));
    return std::move(model_);
  }

 private:
  void common_keys() {
    model_.set("general.architecture", o_.architecture);
    model_.set("general.name", std::string("tiny random weights"));
    number("context_length", o_.context);
    number("embedding_length", o_.width);
    number("block_count", o_.layers);
    number("feed_forward_length", o_.hidden);
    number("attention.head_count", o_.heads);
  }

  void gpt2() {
    set("attention.layer_norm_epsilon", 1e-5f);
    matrix("position_embd", o_.context, o_.width);
    for (std::size_t i = 0; i < o_.layers; ++i) {
      const std::string blk = "blk." + std::to_string(i) + ".";
      norm(blk + "attn_norm", true);
      linear(blk + "attn_qkv", 3 * o_.heads * o_.head_dim, o_.width, true);
      linear(blk + "attn_output", o_.width, o_.heads * o_.head_dim, true);
      norm(blk + "ffn_norm", true);
      linear(blk + "ffn_up", o_.hidden, o_.width, true);
      linear(blk + "ffn_down", o_.width, o_.hidden, true);
    }
    norm("output_norm", true);
  }

  void llama() {
    set("attention.layer_norm_rms_epsilon", 1e-5f);
    number("attention.head_count_kv", o_.kv_heads);
    number("attention.key_length", o_.head_dim);
    number("attention.value_length", o_.value_dim);
    if (o_.window != 0) number("attention.sliding_window", o_.window);
    rope();
    for (std::size_t i = 0; i < o_.layers; ++i) {
      const std::string blk = "blk." + std::to_string(i) + ".";
      norm(blk + "attn_norm", false);
      linear(blk + "attn_q", o_.heads * o_.head_dim, o_.width, o_.biases);
      linear(blk + "attn_k", o_.kv_heads * o_.head_dim, o_.width, o_.biases);
      linear(blk + "attn_v", o_.kv_heads * o_.value_dim, o_.width, o_.biases);
      linear(blk + "attn_output", o_.width, o_.heads * o_.value_dim, o_.biases);
      norm(blk + "ffn_norm", false);
      if (o_.experts > 0) {
        mixture(blk);
        continue;
      }
      linear(blk + "ffn_gate", o_.hidden, o_.width, false);
      linear(blk + "ffn_up", o_.hidden, o_.width, false);
      linear(blk + "ffn_down", o_.width, o_.hidden, false);
    }
    norm("output_norm", false);
  }

  /// Layers out of the same parts in other arrangements.
  void relative() {
    const bool layer_norm =
        is("gptneox") || is("phi2") || is("stablelm") || is("starcoder2") || is("falcon") || is("command-r");
    const bool fused = is("gptneox") || is("phi2") || is("phi3") || is("falcon");
    const bool gelu = is("gptneox") || is("phi2") || is("starcoder2") || is("falcon");
    const bool biases = gelu && !is("falcon");
    const bool norm_biases = layer_norm && !is("command-r");
    const std::size_t q = o_.heads * o_.head_dim, k = o_.kv_heads * o_.head_dim;
    const std::size_t v = o_.kv_heads * o_.value_dim;
    const bool gemma = is("gemma2") || is("gemma3");
    set(layer_norm ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon", 1e-5f);
    number("attention.head_count_kv", o_.kv_heads);
    number("attention.key_length", o_.head_dim);
    number("attention.value_length", o_.value_dim);
    if (o_.window != 0) number("attention.sliding_window", o_.window);
    if ((gemma || is("gpt-oss")) && o_.window == 0) number("attention.sliding_window", 20);
    if (is("olmo2") && o_.window != 0) {
      std::vector<bool> local(o_.layers, true);
      for (std::size_t i = 3; i < o_.layers; i += 4) local[i] = false;
      set("attention.sliding_window_pattern", GgufArray(local));
    }
    if (is("gemma2")) {
      set("attn_logit_softcapping", 5.0f);
      set("final_logit_softcapping", 3.0f);
    }
    if (is("gptneox")) set("use_parallel_residual", o_.parallel);
    if (is("command-r")) {
      o_.separate_output = false;
      set("logit_scale", 0.0625f);
      set("rope.scaling.type", std::string("none"));
    }
    rope();
    for (std::size_t i = 0; i < o_.layers; ++i) {
      const std::string blk = "blk." + std::to_string(i) + ".";
      if (!is("olmo2")) norm(blk + "attn_norm", norm_biases);
      if (fused) {
        if (is("falcon") && !o_.parallel) norm(blk + "attn_norm_2", true);
        linear(blk + "attn_qkv", q + k + v, o_.width, biases);
      } else {
        const bool qkv_biases =
            is("qwen2") || is("qwen2moe") || is("starcoder2") || is("gpt-oss") || o_.biases;
        linear(blk + "attn_q", q, o_.width, qkv_biases);
        linear(blk + "attn_k", k, o_.width, qkv_biases);
        linear(blk + "attn_v", v, o_.width, qkv_biases);
      }
      if (is("qwen3") || is("qwen3moe") || is("gemma3")) {
        vector(blk + "attn_q_norm.weight", o_.head_dim, 1, 0.25f);
        vector(blk + "attn_k_norm.weight", o_.head_dim, 1, 0.25f);
      }
      if (is("command-r") && o_.head_norms) {
        table(blk + "attn_q_norm.weight", o_.heads, o_.head_dim, 1, 0.25f);
        table(blk + "attn_k_norm.weight", o_.kv_heads, o_.head_dim, 1, 0.25f);
      }
      if (is("olmo2")) {
        vector(blk + "attn_q_norm.weight", q, 1, 0.25f);
        vector(blk + "attn_k_norm.weight", k, 1, 0.25f);
      }
      linear(blk + "attn_output", o_.width, o_.heads * o_.value_dim, biases || is("gpt-oss"));
      if (is("gpt-oss")) vector(blk + "attn_sinks.weight", o_.heads, 0.5f, 2);
      if (is("gpt-oss")) norm(blk + "post_attention_norm", false);
      if (gemma || is("olmo2")) norm(blk + "post_attention_norm", false);
      if (gemma || is("olmo2")) norm(blk + "post_ffw_norm", false);
      if (!is("olmo2") && !is("phi2") && !is("falcon") && !is("command-r") && !is("gpt-oss") &&
          !(is("stablelm") && o_.parallel))
        norm(blk + "ffn_norm", layer_norm);
      if (o_.experts > 0) {
        mixture(blk);
        continue;
      }
      if (!gelu && !fused) linear(blk + "ffn_gate", o_.hidden, o_.width, false);
      linear(blk + "ffn_up", is("phi3") ? 2 * o_.hidden : o_.hidden, o_.width, biases);
      linear(blk + "ffn_down", o_.width, o_.hidden, biases);
    }
    norm("output_norm", norm_biases);
  }

  void mixture(const std::string& blk) {
    number("expert_count", o_.experts);
    number("expert_used_count", 2);
    const std::size_t hidden = is("llama") ? o_.hidden : o_.expert_hidden;
    if (!is("llama")) number("expert_feed_forward_length", hidden);
    model_.add(blk + "ffn_gate_inp.weight", "f32", {o_.experts, o_.width}, o_.seed);
    const auto experts = [&](const std::string& name, std::size_t rows, std::size_t k) {
      if (o_.stacked_experts) {
        matrix(blk + name + "_exps", rows, k, o_.experts);
      } else {
        for (std::size_t e = 0; e < o_.experts; ++e) matrix(blk + name + "." + std::to_string(e), rows, k);
      }
    };
    if (is("gpt-oss")) {
      vector(blk + "ffn_gate_inp.bias", o_.experts, 0, 0.25f);
      table(blk + "ffn_gate_exps.bias", o_.experts, hidden, 0, 2);
      table(blk + "ffn_up_exps.bias", o_.experts, hidden, 0, 9);  // beyond the limit of 7
      table(blk + "ffn_down_exps.bias", o_.experts, o_.width, 0, 0.25f);
    }
    experts("ffn_gate", hidden, o_.width);
    experts("ffn_up", hidden, o_.width);
    experts("ffn_down", o_.width, hidden);
    if (!is("qwen2moe")) return;
    number("expert_shared_feed_forward_length", o_.hidden);
    vector(blk + "ffn_gate_inp_shexp.weight", o_.width, 0, 0.25f);
    matrix(blk + "ffn_gate_shexp", o_.hidden, o_.width);
    matrix(blk + "ffn_up_shexp", o_.hidden, o_.width);
    matrix(blk + "ffn_down_shexp", o_.width, o_.hidden);
  }

  void rope() {
    number("rope.dimension_count", o_.rope_dims);
    set("rope.freq_base", 10000.0f);
    switch (o_.rope) {
      case TinyRope::kPlain:
        break;
      case TinyRope::kLinear:
        set("rope.scaling.type", std::string("linear"));
        set("rope.scaling.factor", 4.0f);
        break;
      case TinyRope::kOldLinear:
        set("rope.scale_linear", 4.0f);
        break;
      case TinyRope::kYarn:
        set("rope.scaling.type", std::string("yarn"));
        set("rope.scaling.factor", 4.0f);
        number("rope.scaling.original_context_length", 64);
        break;
      case TinyRope::kFactors:
        vector("rope_freqs.weight", o_.rope_dims / 2, 4.5f, 3.5f);
        break;
      case TinyRope::kLong:
        set("rope.scaling.type", std::string("longrope"));
        set("rope.scaling.attn_factor", 1.05f);
        number("rope.scaling.original_context_length", 64);
        vector("rope_factors_short.weight", o_.rope_dims / 2, 1.25f, 0.25f);
        vector("rope_factors_long.weight", o_.rope_dims / 2, 4.5f, 3.5f);
        break;
    }
  }

  bool is(const char* architecture) const { return o_.architecture == architecture; }
  void set(const std::string& key, GgufValue value) {
    model_.set(o_.architecture + "." + key, std::move(value));
  }
  void number(const std::string& key, std::size_t value) { set(key, static_cast<std::uint32_t>(value)); }

  void matrix(const std::string& name, std::size_t rows, std::size_t k, std::size_t count = 0) {
    const std::string type = o_.weights == "mixed"
                                 ? kWeightTypes[model_.tensors.size() % std::size(kWeightTypes)].name
                                 : o_.weights;
    std::vector<std::uint64_t> shape = {rows, k};
    if (count > 0) shape.insert(shape.begin(), count);
    model_.add(name + ".weight", type, shape, o_.seed);
  }
  void vector(const std::string& name, std::size_t size, float centre, float spread) {
    model_.tensors.push_back({name, 0, {size}, draw_vector(size, centre, spread, Draws(o_.seed, name))});
  }
  void table(const std::string& name, std::size_t rows, std::size_t size, float centre, float spread) {
    vector(name, rows * size, centre, spread);
    model_.tensors.back().shape = {rows, size};
  }
  void linear(const std::string& name, std::size_t rows, std::size_t k, bool bias) {
    matrix(name, rows, k);
    if (bias) vector(name + ".bias", rows, 0, 0.25f);
  }
  void norm(const std::string& name, bool bias) {
    vector(name + ".weight", o_.width, 1, 0.25f);
    if (bias) vector(name + ".bias", o_.width, 0, 0.25f);
  }

  TinyOptions o_;
  TinyModel model_;
};

}  // namespace

float TinyTensor::get(std::size_t i) const {
  float value;
  std::memcpy(&value, data.data() + i * sizeof value, sizeof value);
  return value;
}

void TinyTensor::set(std::size_t i, float value) {
  std::memcpy(data.data() + i * sizeof value, &value, sizeof value);
}

TinyModel TinyModel::make(const TinyOptions& options) {
  return Builder(options).build();
}

void TinyModel::set(const std::string& key, GgufValue value) {
  for (auto& [name, old] : keys) {
    if (name != key) continue;
    old = std::move(value);
    return;
  }
  keys.emplace_back(key, std::move(value));
}

void TinyModel::erase(const std::string& key) {
  std::erase_if(keys, [&](const auto& entry) { return entry.first == key; });
}

TinyTensor& TinyModel::tensor(const std::string& name) {
  for (TinyTensor& tensor : tensors) {
    if (tensor.name == name) return tensor;
  }
  throw std::invalid_argument("tiny model: no tensor " + name);
}

void TinyModel::drop(const std::string& name) {
  std::erase_if(tensors, [&](const TinyTensor& tensor) { return tensor.name == name; });
}

void TinyModel::add(const std::string& name, const std::string& type, std::vector<std::uint64_t> shape,
                    std::uint64_t seed) {
  std::size_t count = 1;
  for (const std::uint64_t dimension : shape) count *= dimension;
  const float amplitude = amplitude_of(name, shape.empty() ? 1 : shape.back());
  const std::uint32_t id = type_id(type);
  tensors.push_back({name, id, std::move(shape), draw_matrix(id, count, amplitude, Draws(seed, name))});
}

void TinyModel::write(const std::string& path) const {
  GgufWriter writer;
  for (const auto& [key, value] : keys) writer.add(key, value);
  for (const TinyTensor& t : tensors) {
    writer.add_tensor(t.name, t.type, {t.shape.rbegin(), t.shape.rend()}, t.data);
  }
  writer.write(path);
}

std::vector<std::int32_t> tiny_tokens(std::size_t count, std::size_t vocab, std::uint64_t seed) {
  Draws draws(seed, "tokens");
  std::vector<std::int32_t> tokens(count);
  for (std::int32_t& token : tokens) {
    token = static_cast<std::int32_t>(draws.below(static_cast<std::uint32_t>(vocab)));
  }
  return tokens;
}

}  // namespace garam::test
