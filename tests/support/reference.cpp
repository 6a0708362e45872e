// Mirrors the published architectures, with RoPE scaling after Chen et al. 2023 (linear), Peng et al. 2023
// (YaRN) and Ding et al. 2024 (LongRoPE). One token row after the other. What a layer has is seen in the
// file.
#include "support/reference.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <stdexcept>

#include "support/file_block.h"

namespace garam::test {
namespace {

constexpr double kPi = 3.14159265358979323846;

/// [rows][width] activations.
struct Table {
  std::size_t rows = 0;
  std::size_t width = 0;
  std::vector<double> values;
  Table(std::size_t r, std::size_t w) : rows(r), width(w), values(r * w) {}
  double* row(std::size_t i) { return values.data() + i * width; }
  const double* row(std::size_t i) const { return values.data() + i * width; }
};

/// To a float format with `bits` bits of mantissa and smallest normal exponent `lowest`, nearest even.
double round_to(double x, int bits, int lowest) {
  if (x == 0) return x;
  const double step = std::ldexp(1.0, std::max(std::ilogb(x), lowest) - bits);
  return std::nearbyint(x / step) * step;
}

double round_half(double x) {
  return std::clamp(round_to(x, 10, -14), -65504.0, 65504.0);
}

void round_bf16(double* x, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) x[i] = std::fabs(x[i]) < 0x1p-50 ? 0 : round_to(x[i], 7, -126);
}

void round_q8(double* x, std::size_t n) {
  for (std::size_t block = 0; block < n; block += 32) {
    double largest = 0;
    for (std::size_t i = block; i < block + 32; ++i) largest = std::max(largest, std::fabs(x[i]));
    for (std::size_t i = block; i < block + 32; ++i) {
      x[i] = largest < 0x1p-100 ? 0 : std::nearbyint(x[i] * (127 / largest)) * (largest / 127);
    }
  }
}

/// A key or value of one head as a q8_0 cache keeps it.
void round_q8_kv(double* x, std::size_t n) {
  for (std::size_t block = 0; block < n; block += 32) {
    const std::size_t end = std::min(n, block + 32);
    double largest = 0;
    for (std::size_t i = block; i < end; ++i) largest = std::max(largest, std::fabs(x[i]));
    const double scale = round_half(largest / 127);
    for (std::size_t i = block; i < end; ++i) {
      x[i] = scale == 0 ? 0 : std::clamp(std::nearbyint(x[i] / scale), -127.0, 127.0) * scale;
    }
  }
}

class Forward {
 public:
  Forward(const ReferenceFile& file, std::size_t tokens, const ReferenceOptions& options)
      : file_(file), options_(options), tokens_(tokens), name_(file.strings.at("general.architecture")) {
    width_ = size("embedding_length");
    layers_ = size("block_count");
    heads_ = size("attention.head_count");
    kv_heads_ = size("attention.head_count_kv", heads_);
    key_dim_ = size("attention.key_length", width_ / heads_);
    value_dim_ = size("attention.value_length", key_dim_);
    window_ =
        name_ == "qwen2" || name_ == "qwen2moe" || name_ == "qwen3" ? 0 : size("attention.sliding_window", 0);
  }

  std::vector<double> run(std::span<const std::int32_t> ids) {
    const bool gpt2 = name_ == "gpt2";
    const bool plain_gelu =
        gpt2 || name_ == "gptneox" || name_ == "phi2" || name_ == "starcoder2" || name_ == "falcon";
    if (!gpt2) make_angles();
    const bool gemma = name_.starts_with("gemma");
    const double embedding_scale = gemma ? std::sqrt(static_cast<double>(width_)) : 1;
    const ReferenceTensor& embedding = file_.tensor("token_embd.weight");
    Table x(tokens_, width_);
    for (std::size_t t = 0; t < tokens_; ++t) {
      const double* from = embedding.values.data() + static_cast<std::size_t>(ids[t]) * width_;
      for (std::size_t i = 0; i < width_; ++i) x.row(t)[i] = from[i] * embedding_scale;
      if (!gpt2) continue;
      const double* position = file_.tensor("position_embd.weight").values.data() + t * width_;
      for (std::size_t i = 0; i < width_; ++i) x.row(t)[i] += position[i];
    }
    for (std::size_t i = 0; i < layers_; ++i) {
      const std::string blk = "blk." + std::to_string(i) + ".";
      local_ = (name_ == "gemma2" && i % 2 == 0) || (name_ == "gemma3" && i % 6 != 5) ||
               (name_ == "olmo2" && i % 4 != 3) || (name_ == "gpt-oss" && i % 2 == 0);
      const bool norms_behind = name_ == "olmo2";
      const Table input = norms_behind ? x : norm(x, blk + "attn_norm");
      const bool two_norms = file_.find(blk + "attn_norm_2.weight") != nullptr;  // of attention, Falcon 40B
      Table attended = attention(blk, two_norms ? norm(x, blk + "attn_norm_2") : input);
      const bool gpt_oss = name_ == "gpt-oss";  // whose norm of this name is in front of the experts
      if (!gpt_oss && file_.find(blk + "post_attention_norm.weight") != nullptr) {
        attended = norm(attended, blk + "post_attention_norm");
      }
      const std::string ffn_norm = blk + (gpt_oss ? "post_attention_norm" : "ffn_norm");
      const bool own_norm = file_.find(ffn_norm + ".weight") != nullptr;
      const bool parallel =
          (!own_norm && !norms_behind) || (name_ == "gptneox" && number("use_parallel_residual", 1) != 0);
      if (!parallel) add(x, attended);
      const Table ffn_input = own_norm ? norm(x, ffn_norm) : norms_behind ? x : input;
      const bool mixed = file_.find(blk + "ffn_gate_inp.weight") != nullptr;
      Table ffn = mixed        ? mixture(blk, ffn_input)
                  : plain_gelu ? gelu_block(blk, ffn_input)
                               : gated_block(blk, ffn_input, gemma);
      if (file_.find(blk + "post_ffw_norm.weight") != nullptr) ffn = norm(ffn, blk + "post_ffw_norm");
      add(x, ffn);
      if (parallel) add(x, attended);
    }
    const Table last = norm(x, "output_norm");
    if (options_.scores) return scores(last);
    Table logits = linear(last, file_.find("output.weight") != nullptr ? "output" : "token_embd");
    const double cap = number("final_logit_softcapping", 0);
    for (double& logit : logits.values) logit = cap > 0 ? std::tanh(logit / cap) * cap : logit;
    const double scale = number("logit_scale", 1);
    for (double& logit : logits.values) logit *= scale;
    return logits.values;
  }

 private:
  double number(const std::string& key, double fallback) const {
    return file_.number(name_ + "." + key).value_or(fallback);
  }
  std::size_t size(const std::string& key, std::size_t fallback = 0) const {
    return static_cast<std::size_t>(number(key, static_cast<double>(fallback)));
  }

  /// Of a classification head: softmax of several, a single one as it is.
  std::vector<double> scores(const Table& last) const {
    Table y = linear(last, "cls.output");
    for (std::size_t t = 0; y.width > 1 && t < y.rows; ++t) {
      double sum = 0;
      for (std::size_t i = 0; i < y.width; ++i) sum += y.row(t)[i] = std::exp(y.row(t)[i]);
      for (std::size_t i = 0; i < y.width; ++i) y.row(t)[i] /= sum;
    }
    return y.values;
  }

  static void add(Table& x, const Table& y) {
    for (std::size_t i = 0; i < x.values.size(); ++i) x.values[i] += y.values[i];
  }

  /// LayerNorm where the file gives its epsilon, else RMSNorm.
  Table norm(const Table& x, const std::string& name) const {
    const auto layer_eps = file_.number(name_ + ".attention.layer_norm_epsilon");
    const double eps = layer_eps ? *layer_eps : number("attention.layer_norm_rms_epsilon", 0);
    const std::vector<double>& weight = file_.tensor(name + ".weight").values;
    const ReferenceTensor* bias = file_.find(name + ".bias");
    Table y(x.rows, x.width);
    for (std::size_t t = 0; t < x.rows; ++t) {
      const auto n = static_cast<double>(x.width);
      double mean = 0, square = 0;
      for (std::size_t i = 0; layer_eps && i < x.width; ++i) mean += x.row(t)[i] / n;
      for (std::size_t i = 0; i < x.width; ++i) square += (x.row(t)[i] - mean) * (x.row(t)[i] - mean) / n;
      for (std::size_t i = 0; i < x.width; ++i) {
        y.row(t)[i] = (x.row(t)[i] - mean) / std::sqrt(square + eps) * weight[i];
        if (bias != nullptr) y.row(t)[i] += bias->values[i];
      }
    }
    return y;
  }

  Table linear(const Table& input, const std::string& name) const {
    return linear(input, file_.tensor(name + ".weight"), file_.find(name + ".bias"));
  }

  Table linear(const Table& input, const ReferenceTensor& weight,
               const ReferenceTensor* bias = nullptr) const {
    Table x = input;
    for (std::size_t t = 0; options_.round_activations && t < x.rows; ++t) {
      const kernels::Format format = format_of_ggml(weight.type).value();
      if (file_block(format).values > 1) round_q8(x.row(t), x.width);
      if (format == kernels::Format::kBf16) round_bf16(x.row(t), x.width);
    }
    Table y(x.rows, weight.shape[0]);
    for (std::size_t t = 0; t < x.rows; ++t) {
      for (std::size_t r = 0; r < y.width; ++r) {
        const double* w = weight.values.data() + r * x.width;
        const double* in = x.row(t);
        double sum = bias != nullptr ? bias->values[r] : 0;
        for (std::size_t i = 0; i < x.width; ++i) sum += w[i] * in[i];
        y.row(t)[r] = sum;
      }
    }
    return y;
  }

  static Table columns(const Table& x, std::size_t first, std::size_t count) {
    Table y(x.rows, count);
    for (std::size_t t = 0; t < x.rows; ++t) std::copy_n(x.row(t) + first, count, y.row(t));
    return y;
  }

  Table attention(const std::string& blk, const Table& x) const {
    const std::size_t q_width = heads_ * key_dim_, k_width = kv_heads_ * key_dim_;
    const std::size_t v_width = kv_heads_ * value_dim_;
    Table q(0, 0), k(0, 0), v(0, 0);
    if (file_.find(blk + "attn_qkv.weight") != nullptr) {
      const Table qkv = linear(x, blk + "attn_qkv");
      q = columns(qkv, 0, q_width);
      k = columns(qkv, q_width, k_width);
      v = columns(qkv, q_width + k_width, v_width);
    } else {
      q = linear(x, blk + "attn_q");
      k = linear(x, blk + "attn_k");
      v = linear(x, blk + "attn_v");
    }
    if (file_.find(blk + "attn_q_norm.weight") != nullptr) {
      norm_heads(q, file_.tensor(blk + "attn_q_norm.weight"));
      norm_heads(k, file_.tensor(blk + "attn_k_norm.weight"));
    }
    rotate(q);
    rotate(k);
    if (options_.f16_kv) {
      for (double& value : k.values) value = round_half(value);
      for (double& value : v.values) value = round_half(value);
    }
    for (std::size_t t = 0; options_.q8_kv && t < tokens_; ++t) {
      for (std::size_t h = 0; h < kv_heads_; ++h) {
        round_q8_kv(k.row(t) + h * key_dim_, key_dim_);
        round_q8_kv(v.row(t) + h * value_dim_, value_dim_);
      }
    }
    Table out(tokens_, heads_ * value_dim_);
    const ReferenceTensor* sinks = file_.find(blk + "attn_sinks.weight");
    for (std::size_t t = 0; t < tokens_; ++t) {
      for (std::size_t h = 0; h < heads_; ++h) {
        attend(q, k, v, t, h, sinks != nullptr ? &sinks->values[h] : nullptr, out.row(t) + h * value_dim_);
      }
    }
    return linear(out, blk + "attn_output");
  }

  /// RMSNorm of every head, or of all together, by the size of the weight; with a weight for each head
  /// LayerNorm without bias (Command-R+).
  void norm_heads(Table& x, const ReferenceTensor& tensor) const {
    const std::vector<double>& weight = tensor.values;
    if (tensor.shape.size() == 2) {
      const double eps = number("attention.layer_norm_epsilon", 0), n = static_cast<double>(key_dim_);
      for (std::size_t head = 0; head < x.values.size(); head += key_dim_) {
        double* v = x.values.data() + head;
        const double mean = std::accumulate(v, v + key_dim_, 0.0) / n;
        double square = 0;
        for (std::size_t i = 0; i < key_dim_; ++i) square += (v[i] - mean) * (v[i] - mean) / n;
        const double* own = weight.data() + head % weight.size();
        for (std::size_t i = 0; i < key_dim_; ++i) v[i] = (v[i] - mean) / std::sqrt(square + eps) * own[i];
      }
      return;
    }
    const std::size_t n = weight.size();
    for (std::size_t head = 0; head < x.values.size(); head += n) {
      double square = number("attention.layer_norm_rms_epsilon", 0);
      for (std::size_t i = head; i < head + n; ++i) {
        square += x.values[i] * x.values[i] / static_cast<double>(n);
      }
      for (std::size_t i = 0; i < n; ++i) x.values[head + i] *= weight[i] / std::sqrt(square);
    }
  }

  /// A sink is one more score in the softmax, of which nothing is taken.
  void attend(const Table& q, const Table& k, const Table& v, std::size_t t, std::size_t h,
              const double* sink, double* out) const {
    const std::size_t kv_head = h * kv_heads_ / heads_;
    const bool windowed =
        window_ > 0 && (local_ || (name_ != "olmo2" && name_ != "gpt-oss" && !name_.starts_with("gemma")));
    const std::size_t first = windowed && t + 1 > window_ ? t + 1 - window_ : 0;
    const double cap = number("attn_logit_softcapping", 0);
    std::vector<double> p;
    for (std::size_t s = first; s <= t; ++s) {
      double dot = 0;
      for (std::size_t i = 0; i < key_dim_; ++i) {
        dot += q.row(t)[h * key_dim_ + i] * k.row(s)[kv_head * key_dim_ + i];
      }
      dot /= std::sqrt(static_cast<double>(key_dim_));
      p.push_back(cap > 0 ? std::tanh(dot / cap) * cap : dot);
    }
    const double largest = *std::max_element(p.begin(), p.end());
    double sum = 0;
    for (double& score : p) sum += score = std::exp(score - largest);
    if (sink != nullptr) sum += std::exp(*sink - largest);
    for (std::size_t s = first; s <= t; ++s) {
      const double* value = v.row(s) + kv_head * value_dim_;
      for (std::size_t i = 0; i < value_dim_; ++i) out[i] += p[s - first] / sum * value[i];
    }
  }

  /// The best experts of each row by the router, weighted by softmax over all, which is scaled to the sum 1
  /// but in Qwen2-MoE. That has one more expert, weighted by the sigmoid of its own product.
  Table mixture(const std::string& blk, const Table& x) const {
    const std::size_t count = size("expert_count"), used = size("expert_used_count");
    const Table router = linear(x, blk + "ffn_gate_inp");
    Table out(x.rows, width_);
    std::vector<std::vector<double>> share(x.rows, std::vector<double>(count, 0.0));
    for (std::size_t t = 0; t < x.rows; ++t) {
      std::vector<std::size_t> order(count);
      std::iota(order.begin(), order.end(), 0u);
      std::stable_sort(order.begin(), order.end(),
                       [&](std::size_t a, std::size_t b) { return router.row(t)[a] > router.row(t)[b]; });
      double sum = 0;
      const std::size_t summed = name_ == "qwen2moe" ? count : used;
      for (std::size_t i = 0; i < summed; ++i)
        sum += std::exp(router.row(t)[order[i]] - router.row(t)[order[0]]);
      for (std::size_t i = 0; i < used; ++i) {
        share[t][order[i]] = std::exp(router.row(t)[order[i]] - router.row(t)[order[0]]) / sum;
      }
    }
    for (std::size_t e = 0; e < count; ++e) {
      Table gate = linear(x, expert(blk + "ffn_gate", e), expert_bias(blk + "ffn_gate", e).get());
      const Table up = linear(x, expert(blk + "ffn_up", e), expert_bias(blk + "ffn_up", e).get());
      for (std::size_t i = 0; i < gate.values.size(); ++i) {
        const double g = gate.values[i], u = up.values[i];
        gate.values[i] = name_ == "gpt-oss" ? clamped_gate(g, u) : g / (1 + std::exp(-g)) * u;
      }
      const Table down = linear(gate, expert(blk + "ffn_down", e), expert_bias(blk + "ffn_down", e).get());
      for (std::size_t t = 0; t < x.rows; ++t) {
        for (std::size_t i = 0; i < width_; ++i) out.row(t)[i] += share[t][e] * down.row(t)[i];
      }
    }
    if (file_.find(blk + "ffn_gate_inp_shexp.weight") == nullptr) return out;
    ReferenceTensor row = file_.tensor(blk + "ffn_gate_inp_shexp.weight");
    row.shape.insert(row.shape.begin(), 1);
    const Table gate = linear(x, row);
    const Table shared = gated_block(blk, x, false, "_shexp");
    for (std::size_t t = 0; t < x.rows; ++t) {
      const double weight = 1 / (1 + std::exp(-gate.row(t)[0]));
      for (std::size_t i = 0; i < width_; ++i) out.row(t)[i] += weight * shared.row(t)[i];
    }
    return out;
  }

  /// The matrix of one expert, out of a tensor of all of them or its own.
  ReferenceTensor expert(const std::string& name, std::size_t index) const {
    if (const ReferenceTensor* own = file_.find(name + "." + std::to_string(index) + ".weight")) return *own;
    const ReferenceTensor& all = file_.tensor(name + "_exps.weight");
    const auto size = static_cast<std::ptrdiff_t>(all.shape[1] * all.shape[2]);
    const auto first = all.values.begin() + static_cast<std::ptrdiff_t>(index) * size;
    return {{all.shape[1], all.shape[2]}, all.type, {first, first + size}};
  }

  /// Null where experts have none.
  std::unique_ptr<ReferenceTensor> expert_bias(const std::string& name, std::size_t index) const {
    const ReferenceTensor* all = file_.find(name + "_exps.bias");
    if (all == nullptr) return nullptr;
    const auto first = all->values.begin() + static_cast<std::ptrdiff_t>(index * all->shape[1]);
    const auto end = first + static_cast<std::ptrdiff_t>(all->shape[1]);
    return std::make_unique<ReferenceTensor>(ReferenceTensor{{all->shape[1]}, all->type, {first, end}});
  }

  /// gpt-oss's SwiGLU.
  static double clamped_gate(double gate, double up) {
    const double g = std::min(gate, 7.0), u = std::clamp(up, -7.0, 7.0);
    return g / (1 + std::exp(-1.702 * g)) * (u + 1);
  }

  /// The angle of pair i at position t is t * frequency_[i].
  void make_angles() {
    const std::size_t dims = size("rope.dimension_count", key_dim_);
    const double base = number("rope.freq_base", 10000);
    const auto type = file_.strings.find(name_ + ".rope.scaling.type");
    const std::string scaling = type == file_.strings.end() ? "" : type->second;
    const bool yarn = scaling == "yarn";
    double factor = 1;
    if (yarn || scaling == "linear") factor = number("rope.scaling.factor", 1);
    if (scaling.empty()) factor = number("rope.scale_linear", 1);
    magnitude_ = number("rope.scaling.attn_factor", 1) * (yarn ? 1 + 0.1 * std::log(factor) : 1);
    const double original =
        number("rope.scaling.original_context_length", static_cast<double>(size("context_length")));
    const auto pair_turning = [&](double turns) {
      return static_cast<double>(dims) * std::log(original / (turns * 2 * kPi)) / (2 * std::log(base));
    };
    const double low = std::max(0.0, std::floor(pair_turning(number("rope.scaling.yarn_beta_fast", 32))));
    const double high = std::min(static_cast<double>(dims) - 1,
                                 std::ceil(pair_turning(number("rope.scaling.yarn_beta_slow", 1))));
    const ReferenceTensor* factors = file_.find("rope_freqs.weight");
    if (file_.find("rope_factors_long.weight") != nullptr) {
      factors = &file_.tensor(static_cast<double>(options_.context) > original ? "rope_factors_long.weight"
                                                                               : "rope_factors_short.weight");
    }
    for (std::size_t i = 0; i < dims / 2; ++i) {
      double frequency = std::pow(base, -2.0 * static_cast<double>(i) / static_cast<double>(dims));
      if (factors != nullptr) frequency /= factors->values[i];
      const double ramp = (static_cast<double>(i) - low) / std::max(0.001, high - low);
      const double keep = yarn ? 1 - std::clamp(ramp, 0.0, 1.0) : 0;
      frequency_.push_back(frequency / factor * (1 - keep) + frequency * keep);
    }
  }

  /// Adjacent dimensions make a pair in llama and command-r, those half of the rotated ones apart in all
  /// others.
  void rotate(Table& x) const {
    const bool adjacent = name_ == "llama" || name_ == "command-r";
    const std::size_t pairs = frequency_.size();
    const bool unscaled = local_ && (name_ == "gemma3" || (name_ == "olmo2" && window_ > 0));
    const double local_base = name_ == "gemma3" ? 10000 : number("rope.freq_base", 10000);
    for (std::size_t t = 0; !frequency_.empty() && t < x.rows; ++t) {
      for (std::size_t head = 0; head < x.width; head += key_dim_) {
        for (std::size_t i = 0; i < frequency_.size(); ++i) {
          const double local = std::pow(local_base, -static_cast<double>(i) / static_cast<double>(pairs));
          const double angle = static_cast<double>(t) * (unscaled ? local : frequency_[i]);
          const double magnitude = unscaled ? 1 : magnitude_;
          const double c = std::cos(angle) * magnitude, s = std::sin(angle) * magnitude;
          double& first = x.row(t)[head + (adjacent ? 2 * i : i)];
          double& second = x.row(t)[head + (adjacent ? 2 * i + 1 : i + pairs)];
          const double a = first, b = second;
          first = a * c - b * s;
          second = a * s + b * c;
        }
      }
    }
  }

  static double gelu(double u) {
    return 0.5 * u * (1 + std::tanh(std::sqrt(2 / kPi) * (u + 0.044715 * u * u * u)));
  }

  Table gelu_block(const std::string& blk, const Table& x) const {
    Table up = linear(x, blk + "ffn_up");
    for (double& u : up.values) u = gelu(u);
    return linear(up, blk + "ffn_down");
  }

  Table gated_block(const std::string& blk, const Table& x, bool by_gelu,
                    const std::string& suffix = "") const {
    // The gate may be the first half of up.
    const bool fused = file_.find(blk + "ffn_gate" + suffix + ".weight") == nullptr;
    const Table both = linear(x, blk + "ffn_up" + suffix);
    const std::size_t hidden = fused ? both.width / 2 : both.width;
    Table gate = fused ? columns(both, 0, hidden) : linear(x, blk + "ffn_gate" + suffix);
    const Table up = columns(both, both.width - hidden, hidden);
    for (std::size_t i = 0; i < gate.values.size(); ++i) {
      const double g = gate.values[i];
      gate.values[i] = (by_gelu ? gelu(g) : g / (1 + std::exp(-g))) * up.values[i];
    }
    return linear(gate, blk + "ffn_down" + suffix);
  }

  const ReferenceFile& file_;
  ReferenceOptions options_;
  std::size_t tokens_;
  std::string name_;
  std::size_t width_ = 0, layers_ = 0, heads_ = 0, kv_heads_ = 0, key_dim_ = 0, value_dim_ = 0, window_ = 0;
  bool local_ = false;             // of the layer at work: it sees a window
  std::vector<double> frequency_;  // empty: no rotation
  double magnitude_ = 1;
};

}  // namespace

std::vector<double> reference_logits(const ReferenceFile& file, std::span<const std::int32_t> tokens,
                                     const ReferenceOptions& options) {
  return Forward(file, tokens.size(), options).run(tokens);
}

double relative_rms(std::span<const float> found, std::span<const double> exact) {
  if (found.size() != exact.size()) return std::numeric_limits<double>::infinity();
  double error = 0, square = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    error += (found[i] - exact[i]) * (found[i] - exact[i]);
    square += exact[i] * exact[i];
  }
  return std::sqrt(error / square);
}

}  // namespace garam::test
