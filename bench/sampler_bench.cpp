// Choosing one token out of a vocabulary of 128,256, as long as that of Llama 3.
//
//   sampler/<chain>
#include <random>
#include <vector>

#include "garam/sampler.h"
#include "machine.h"

namespace garam::bench {
namespace {

constexpr std::size_t kVocab = 128256;

void sample(benchmark::State& state, const SamplerOptions& options) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0.0f, 3.0f);
  std::vector<float> logits(kVocab);
  for (float& x : logits) x = normal(random);
  std::vector<std::int32_t> history(256);
  for (std::int32_t& id : history) id = static_cast<std::int32_t>(random() % kVocab);
  Sampler sampler(options);
  for (auto _ : state) benchmark::DoNotOptimize(sampler.sample(logits, history));
}

}  // namespace

void add_sampler_benchmarks() {
  const auto add = [](const char* name, const SamplerOptions& options) {
    benchmark::RegisterBenchmark(name, [options](benchmark::State& state) {
      sample(state, options);
    })->Unit(benchmark::kMicrosecond);
  };
  add("sampler/greedy", {.temperature = 0});
  add("sampler/default", {});
  add("sampler/top_p_of_all", {.top_k = 0, .top_p = 0.95f, .min_p = 0});
  add("sampler/penalties", {.repeat_penalty = 1.1f, .frequency_penalty = 0.1f});
}

}  // namespace garam::bench
