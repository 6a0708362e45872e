// The two ends of every network: declarations, and the loss with its gradient. Logits are made for 256 rows
// at a time, so that a vocabulary of 128,256 takes 131 MB and not that times the batch; sums over rows go on
// from slice to slice, so the slices decide no bit.
#include "train/network.h"

#include <algorithm>
#include <cstring>

#include "base/fail.h"
#include "ops/elementwise.h"

namespace garam::training {
namespace {

constexpr std::size_t kHeadRows = 256;

bool targets(const LoraOptions& lora, const std::string& name) {
  return std::any_of(lora.targets.begin(), lora.targets.end(), [&](const std::string& target) {
    return name == target || (name.size() > target.size() && name.ends_with("." + target));
  });
}

}  // namespace

void Shape::check(const std::string& where) const {
  const auto within = [&](const char* name, std::size_t value, std::size_t low, std::size_t high) {
    if (value < low || value > high) {
      fail(ErrorCode::kArgument, "{}: {}: expected {} to {}, found {}", where, name, low, high, value);
    }
  };
  within("vocabulary", vocab, 2, std::size_t{1} << 23);
  within("context", context, 1, std::size_t{1} << 20);
  within("layers", layers, 1, 1000);
  within("width", width, 1, std::size_t{1} << 17);
  within("hidden", hidden, 1, std::size_t{1} << 20);
  within("heads", attention.heads, 1, 4096);
  within("kv_heads", attention.kv_heads, 1, attention.heads);
  within("head_dim", attention.head_dim, 1, 1024);
  if (attention.heads % attention.kv_heads != 0) {
    fail(ErrorCode::kArgument, "{}: kv_heads: expected a divisor of heads ({}), found {}", where,
         attention.heads, attention.kv_heads);
  }
  if (architecture != "gpt2" && attention.head_dim % 2 != 0) {
    fail(ErrorCode::kArgument, "{}: head_dim: expected an even number, found {}", where, attention.head_dim);
  }
}

std::size_t Batch::labelled() const {
  return static_cast<std::size_t>(
      std::count_if(labels.begin(), labels.end(), [](std::int32_t label) { return label != kNoLabel; }));
}

std::vector<std::int32_t> Batch::positions() const {
  std::vector<std::int32_t> positions;
  positions.reserve(rows());
  for (const Segment& segment : segments) {
    for (std::size_t i = 0; i < segment.length; ++i) positions.push_back(static_cast<std::int32_t>(i));
  }
  return positions;
}

std::unique_ptr<Network> Network::make(const Shape& shape, std::size_t rows,
                                       const std::optional<LoraOptions>& lora) {
  std::unique_ptr<Network> network =
      shape.architecture == "gpt2" ? make_gpt2(shape, rows, lora) : make_llama(shape, rows, lora);
  if (lora && network->adapters_ == 0) {
    std::string names;
    for (const std::string& target : lora->targets) names += (names.empty() ? "" : ", ") + target;
    fail(ErrorCode::kArgument, "lora: no matrix of {} is called {}; attn_q and ffn_up are such names",
         shape.architecture, names);
  }
  return network;
}

LinearWeights Network::linear_weights(const std::string& name, std::size_t outputs, std::size_t inputs,
                                      bool bias) {
  LinearWeights weights;
  weights.weight = &parameters_.add(name + ".weight", outputs, inputs, true);
  if (bias) weights.bias = &parameters_.add(name + ".bias", 1, outputs, false);
  if (lora_ && targets(*lora_, name)) {
    weights.lora = {.a = &parameters_.add(name + ".weight.lora_a", lora_->rank, inputs, true),
                    .b = &parameters_.add(name + ".weight.lora_b", outputs, lora_->rank, true),
                    .scale = static_cast<float>(lora_->alpha / static_cast<double>(lora_->rank))};
    ++adapters_;
  }
  return weights;
}

NormWeights Network::norm_weights(const std::string& name, bool bias) {
  NormWeights weights;
  weights.weight = &parameters_.add(name + ".weight", 1, shape_.width, false);
  if (bias) weights.bias = &parameters_.add(name + ".bias", 1, shape_.width, false);
  return weights;
}

Parameter& Network::embedding() {
  return parameters_.add("token_embd.weight", shape_.vocab, shape_.width, true);
}

void Network::finish() {
  std::vector<const Parameter*> frozen;
  if (lora_) {
    for (const Parameter& p : parameters_.all()) {
      if (!p.name.ends_with(".lora_a") && !p.name.ends_with(".lora_b")) frozen.push_back(&p);
    }
  }
  parameters_.allocate(frozen);
  if (shape_.tied && !embedding_->frozen()) {
    lookups_ = embedding_->gradient;
    lookup_memory_ = Memory(lookups_.rows * lookups_.stride * sizeof(float), "gradients");
    lookups_.data = reinterpret_cast<float*>(lookup_memory_.data());
  }
  const auto cut = [&] {
    workspace_.rewind();
    const std::size_t slice = std::min(rows_, kHeadRows);
    normed_ = workspace_.rows(slice, shape_.width);
    dnormed_ = workspace_.rows(slice, shape_.width);
    logits_ = workspace_.rows(slice, shape_.vocab);
    dx_ = workspace_.rows(rows_, shape_.width);
    carve(workspace_, rows_);
  };
  cut();
  workspace_.reserve(workspace_.used());
  cut();
}

double Network::run(const Context& context, Scratch& scratch, const Batch& batch, float scale) {
  const Rows x = forward(context, scratch, batch);
  const double loss = head(context, scratch, batch, x, scale);
  if (scale != 0) backward(context, scratch, batch, dx_.slice(0, batch.rows()));
  return loss;
}

void Network::end_gradients(const Context& context) {
  if (lookups_.data == nullptr) return;
  ops::add(context, embedding_->gradient, lookups_);
  std::memset(lookups_.data, 0, lookup_memory_.size());
}

double Network::head(const Context& context, Scratch& scratch, const Batch& batch, const Rows& x,
                     float scale) {
  double loss = 0;
  for (std::size_t first = 0; first < x.rows; first += kHeadRows) {
    const std::size_t count = std::min(kHeadRows, x.rows - first);
    const Rows slice = x.slice(first, count), normed = normed_.slice(0, count),
               logits = logits_.slice(0, count);
    const Rows dnormed = dnormed_.slice(0, count), dx = dx_.slice(first, count);
    norm(context, output_norm_, slice, shape_.eps, normed);
    linear(context, scratch, output_, normed, logits);
    loss += cross_entropy(context, scratch, logits, std::span(batch.labels).subspan(first, count), scale);
    if (scale == 0) continue;
    linear_backward(context, scratch, output_, normed, logits, dnormed, Start::kZero);
    for (std::size_t t = 0; t < count; ++t) std::fill(dx.row(t), dx.row(t) + dx.width, 0.0f);
    norm_backward(context, scratch, output_norm_, slice, shape_.eps, dnormed, dx);
  }
  return loss;
}

}  // namespace garam::training
