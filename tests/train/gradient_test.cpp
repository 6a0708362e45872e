// Gradients of whole models against central differences of the double-precision reference.
#include <gtest/gtest.h>

#include <cmath>

#include "runtime/kernel_choice.h"
#include "support/random.h"
#include "support/refusal.h"
#include "train/reference_model.h"

namespace garam::test {
namespace {

using training::Batch;
using training::Network;
using training::Shape;

// Of every tensor; the reference takes a second for each where sanitizers watch it.
constexpr std::size_t kElements = kSanitized ? 1 : 6;

Shape tiny(const std::string& architecture) {
  Shape shape;
  shape.architecture = architecture;
  shape.vocab = 50;
  shape.context = 80;
  shape.layers = 2;
  shape.width = 40;
  shape.hidden = 56;
  shape.attention = {.heads = 4, .kv_heads = architecture == "gpt2" ? 4u : 2u, .head_dim = 10};
  shape.rope.dims = 10;
  shape.biases = architecture == "qwen2";
  shape.tied = architecture != "qwen2";
  return shape;
}

void randomise(training::Parameters& parameters, std::uint64_t seed) {
  Random random(seed);
  for (training::Parameter& p : parameters.all()) {
    const bool norm = p.name.ends_with("norm.weight");
    for (std::size_t r = 0; r < p.value.rows; ++r) {
      for (std::size_t i = 0; i < p.value.width; ++i) {
        p.value.row(r)[i] = (norm ? 1.0f : 0.0f) + random.uniform() * (norm ? 0.3f : 0.25f);
      }
    }
  }
}

/// Three texts, one longer than a block of queries, some rows without a label.
Batch random_batch(const Shape& shape, std::uint64_t seed) {
  Random random(seed);
  Batch batch;
  for (const std::size_t length : {66, 1, 5}) {
    batch.segments.push_back({batch.rows(), length});
    for (std::size_t i = 0; i < length; ++i) {
      batch.tokens.push_back(static_cast<std::int32_t>(random.below(shape.vocab)));
      batch.labels.push_back(random.below(4) == 0 ? training::kNoLabel
                                                  : static_cast<std::int32_t>(random.below(shape.vocab)));
    }
  }
  return batch;
}

void check_gradients(const Shape& shape, const std::optional<training::LoraOptions>& lora) {
  const std::unique_ptr<Network> network = Network::make(shape, 80, lora);
  randomise(network->parameters(), 7);
  const Batch batch = random_batch(shape, 11);
  const KernelChoice choice = choose_kernels(KernelSet::kAuto);
  const Context context(choice.table, nullptr, 1);
  training::Scratch scratch(1);
  ReferenceModel reference(shape, tensors_of(network->parameters()),
                           lora ? lora->alpha / static_cast<double>(lora->rank) : 0);
  const double exact = reference.loss(batch);
  const double loss = network->run(context, scratch, batch, 1.0f);
  network->end_gradients(context);
  EXPECT_NEAR(loss, exact, 1e-6 * exact);

  Random random(3);
  std::size_t checked = 0;
  for (const training::Parameter& p : network->parameters().all()) {
    if (p.frozen()) continue;
    double square = 0;
    for (std::size_t r = 0; r < p.gradient.rows; ++r) {
      for (std::size_t i = 0; i < p.gradient.width; ++i) {
        square += std::pow(static_cast<double>(p.gradient.row(r)[i]), 2);
      }
    }
    const double rms = std::sqrt(square / static_cast<double>(p.gradient.rows * p.gradient.width));
    EXPECT_GT(rms, 0) << p.name;
    Vector& values = reference.tensors()[p.name];
    for (std::size_t i = 0; i < kElements; ++i, ++checked) {
      const std::size_t row = random.below(p.value.rows), column = random.below(p.value.width);
      double& value = values[row * p.value.width + column];
      const double at = value;
      // The error is about step^2 for the difference and 1e-13 / step for rounding.
      constexpr double kStep = 1e-4;
      value = at + kStep;
      const double above = reference.loss(batch);
      value = at - kStep;
      const double below = reference.loss(batch);
      value = at;
      const double expected = (above - below) / (2 * kStep);
      // An element far below the others of its tensor is a small difference of large terms.
      EXPECT_NEAR(p.gradient.row(row)[column], expected, 1e-4 * std::max(std::abs(expected), 0.1 * rms))
          << p.name << " [" << row << "][" << column << "]";
    }
  }
  EXPECT_GT(checked, 4u * kElements);
}

TEST(Gradients, OfLlama) {
  check_gradients(tiny("llama"), {});
}

TEST(Gradients, OfQwen2WithItsOwnOutputMatrix) {
  check_gradients(tiny("qwen2"), {});
}

TEST(Gradients, OfGpt2) {
  check_gradients(tiny("gpt2"), {});
}

TEST(Gradients, OfLowRankChanges) {
  check_gradients(
      tiny("llama"),
      training::LoraOptions{.rank = 3, .alpha = 6, .targets = {"attn_q", "attn_output", "ffn_down"}});
  check_gradients(tiny("gpt2"),
                  training::LoraOptions{.rank = 2, .alpha = 4, .targets = {"attn_qkv", "ffn_up"}});
}

}  // namespace
}  // namespace garam::test
