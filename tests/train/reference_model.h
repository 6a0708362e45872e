// A second opinion on training: the loss of llama, qwen2 and gpt2 in double precision, from plain loops that
// share nothing with src/train but the names of tensors. Gradients are taken from it by central differences.
#pragma once

#include <cmath>
#include <map>
#include <numbers>
#include <string>
#include <vector>

#include "train/network.h"

namespace garam::test {

using Vector = std::vector<double>;
using Tensors = std::map<std::string, Vector>;  // row-major, without padding

/// The loss summed over the labels of a batch.
class ReferenceModel {
 public:
  ReferenceModel(training::Shape shape, Tensors tensors, double lora_scale = 0)
      : shape_(std::move(shape)), tensors_(std::move(tensors)), lora_scale_(lora_scale) {}

  Tensors& tensors() { return tensors_; }

  double loss(const training::Batch& batch) const {
    double sum = 0;
    for (const training::Segment& s : batch.segments) sum += segment_loss(batch, s);
    return sum;
  }

 private:
  const Vector& at(const std::string& name) const { return tensors_.at(name); }

  Vector linear(const std::string& name, const Vector& x) const {
    const Vector& w = at(name + ".weight");
    Vector y = product(w, x);
    if (tensors_.contains(name + ".bias")) {
      for (std::size_t i = 0; i < y.size(); ++i) y[i] += at(name + ".bias")[i];
    }
    if (tensors_.contains(name + ".weight.lora_a")) {
      const Vector change = product(at(name + ".weight.lora_b"), product(at(name + ".weight.lora_a"), x));
      for (std::size_t i = 0; i < y.size(); ++i) y[i] += lora_scale_ * change[i];
    }
    return y;
  }

  static Vector product(const Vector& w, const Vector& x) {
    Vector y(w.size() / x.size());
    for (std::size_t i = 0; i < y.size(); ++i) {
      for (std::size_t k = 0; k < x.size(); ++k) y[i] += w[i * x.size() + k] * x[k];
    }
    return y;
  }

  Vector norm(const std::string& name, const Vector& x) const {
    const auto n = static_cast<double>(x.size());
    const bool layer_norm = tensors_.contains(name + ".bias");
    double mean = 0, square = 0;
    if (layer_norm) {
      for (const double v : x) mean += v / n;
    }
    for (const double v : x) square += (v - mean) * (v - mean) / n;
    Vector y(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      y[i] = (x[i] - mean) / std::sqrt(square + static_cast<double>(shape_.eps)) * at(name + ".weight")[i];
      if (layer_norm) y[i] += at(name + ".bias")[i];
    }
    return y;
  }

  void rotate(Vector& x, std::size_t position) const {
    const std::size_t dim = shape_.attention.head_dim;
    const bool halves = shape_.architecture == "qwen2";
    for (std::size_t head = 0; head < x.size(); head += dim) {
      for (std::size_t i = 0; i < dim / 2; ++i) {
        const double angle =
            static_cast<double>(position) *
            std::pow(shape_.rope.base, -2.0 * static_cast<double>(i) / static_cast<double>(dim));
        double& a = x[head + (halves ? i : 2 * i)];
        double& b = x[head + (halves ? i + dim / 2 : 2 * i + 1)];
        const double turned = a * std::cos(angle) - b * std::sin(angle);
        b = a * std::sin(angle) + b * std::cos(angle);
        a = turned;
      }
    }
  }

  Vector attend(const Vector& q, const std::vector<Vector>& keys, const std::vector<Vector>& values) const {
    const training::AttentionShape& a = shape_.attention;
    Vector out(q.size());
    for (std::size_t head = 0; head < a.heads; ++head) {
      const std::size_t from = head * a.head_dim, kv = head / (a.heads / a.kv_heads) * a.head_dim;
      Vector p;
      double sum = 0;
      for (const Vector& key : keys) {
        double dot = 0;
        for (std::size_t d = 0; d < a.head_dim; ++d) dot += q[from + d] * key[kv + d];
        p.push_back(std::exp(dot / std::sqrt(static_cast<double>(a.head_dim))));
        sum += p.back();
      }
      for (std::size_t j = 0; j < values.size(); ++j) {
        for (std::size_t d = 0; d < a.head_dim; ++d) out[from + d] += p[j] / sum * values[j][kv + d];
      }
    }
    return out;
  }

  double segment_loss(const training::Batch& batch, const training::Segment& s) const {
    const bool gpt2 = shape_.architecture == "gpt2";
    const std::size_t w = shape_.width;
    const auto row = [&](const std::string& name, std::size_t index) {
      const auto from = at(name).begin() + static_cast<std::ptrdiff_t>(index * w);
      return Vector(from, from + static_cast<std::ptrdiff_t>(w));
    };
    std::vector<Vector> x;
    for (std::size_t t = 0; t < s.length; ++t) {
      x.push_back(row("token_embd.weight", static_cast<std::size_t>(batch.tokens[s.first + t])));
      if (gpt2) add(x.back(), row("position_embd.weight", t));
    }
    for (std::size_t i = 0; i < shape_.layers; ++i) {
      const std::string blk = "blk." + std::to_string(i) + ".";
      std::vector<Vector> keys, values;
      for (std::size_t t = 0; t < s.length; ++t) {
        const Vector h = norm(blk + "attn_norm", x[t]);
        Vector q, k, v;
        if (gpt2) {
          const Vector qkv = linear(blk + "attn_qkv", h);
          const auto part = [&](std::size_t n) {
            return Vector(qkv.begin() + static_cast<std::ptrdiff_t>(n * w),
                          qkv.begin() + static_cast<std::ptrdiff_t>((n + 1) * w));
          };
          q = part(0), k = part(1), v = part(2);
        } else {
          q = linear(blk + "attn_q", h), k = linear(blk + "attn_k", h), v = linear(blk + "attn_v", h);
          rotate(q, t);
          rotate(k, t);
        }
        keys.push_back(k);
        values.push_back(v);
        add(x[t], linear(blk + "attn_output", attend(q, keys, values)));
        add(x[t], feed_forward(blk, norm(blk + "ffn_norm", x[t])));
      }
    }
    double loss = 0;
    for (std::size_t t = 0; t < s.length; ++t) {
      const std::int32_t label = batch.labels[s.first + t];
      if (label == training::kNoLabel) continue;
      const Vector logits = shape_.tied ? product(at("token_embd.weight"), norm("output_norm", x[t]))
                                        : linear("output", norm("output_norm", x[t]));
      double sum = 0;
      for (const double z : logits) sum += std::exp(z);
      loss += std::log(sum) - logits[static_cast<std::size_t>(label)];
    }
    return loss;
  }

  Vector feed_forward(const std::string& blk, const Vector& h) const {
    Vector up = linear(blk + "ffn_up", h);
    if (shape_.architecture == "gpt2") {
      for (double& v : up) {
        v = 0.5 * v * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (v + 0.044715 * v * v * v)));
      }
    } else {
      const Vector gate = linear(blk + "ffn_gate", h);
      for (std::size_t i = 0; i < up.size(); ++i) up[i] *= gate[i] / (1 + std::exp(-gate[i]));
    }
    return linear(blk + "ffn_down", up);
  }

  static void add(Vector& x, const Vector& y) {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += y[i];
  }

  training::Shape shape_;
  Tensors tensors_;
  double lora_scale_;
};

/// The values of all parameters, in double.
inline Tensors tensors_of(const training::Parameters& parameters) {
  Tensors tensors;
  for (const training::Parameter& p : parameters.all()) {
    Vector& values = tensors[p.name];
    for (std::size_t r = 0; r < p.value.rows; ++r) {
      values.insert(values.end(), p.value.row(r), p.value.row(r) + p.value.width);
    }
  }
  return tensors;
}

}  // namespace garam::test
