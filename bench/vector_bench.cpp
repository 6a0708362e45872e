// What a token needs beside products and attention, one row at a time, by one thread.
//
//   vector/<set>/<kernel>/n:2048
#include <functional>
#include <vector>

#include "base/format.h"
#include "machine.h"

namespace garam::bench {
namespace {

constexpr std::size_t kWidth = 2048, kHeadDim = 64;

struct Buffers {
  std::vector<float> x = std::vector<float>(kWidth, 0.5f), y = x, z = x;
  std::vector<float> cos = std::vector<float>(kHeadDim / 2, 1.0f),
                     sin = std::vector<float>(kHeadDim / 2, 0.0f);
  std::vector<kernels::ActivationBlock> blocks =
      std::vector<kernels::ActivationBlock>(kWidth / kernels::kBlock);
  std::vector<std::uint16_t> half = std::vector<std::uint16_t>(kWidth);
};

struct Entry {
  const char* name;
  void (*run)(const kernels::Table&, Buffers&);
};

constexpr Entry kEntries[] = {
    {"rms_norm",
     [](const auto& t, Buffers& b) { t.rms_norm(b.x.data(), b.y.data(), kWidth, 1e-5f, b.z.data()); }},
    {"layer_norm",
     [](const auto& t, Buffers& b) {
       t.layer_norm(b.x.data(), b.y.data(), b.y.data(), kWidth, 1e-5f, b.z.data());
     }},
    {"add", [](const auto& t, Buffers& b) { t.add(b.z.data(), b.y.data(), kWidth); }},
    {"silu_mul", [](const auto& t, Buffers& b) { t.silu_mul(b.x.data(), b.y.data(), kWidth, b.z.data()); }},
    {"swiglu_clamped",
     [](const auto& t, Buffers& b) {
       t.swiglu_clamped(b.x.data(), b.y.data(), kWidth, 1.702f, 7.0f, b.z.data());
     }},
    {"gelu_tanh", [](const auto& t, Buffers& b) { t.gelu_tanh(b.x.data(), kWidth, b.z.data()); }},
    {"exp", [](const auto& t, Buffers& b) { t.exp(b.x.data(), kWidth, b.z.data()); }},
    {"quantize_q8", [](const auto& t, Buffers& b) { t.quantize_q8(b.x.data(), kWidth, b.blocks.data()); }},
    {"round_bf16", [](const auto& t, Buffers& b) { t.round_bf16(b.x.data(), kWidth, b.half.data()); }},
    {"rope_adjacent",
     [](const auto& t, Buffers& b) {
       t.rope_adjacent(b.x.data(), kWidth / kHeadDim, kHeadDim, b.cos.data(), b.sin.data(), kHeadDim / 2);
     }},
    {"rope_halves",
     [](const auto& t, Buffers& b) {
       t.rope_halves(b.x.data(), kWidth / kHeadDim, kHeadDim, b.cos.data(), b.sin.data(), kHeadDim / 2);
     }},
    {"all_finite",
     [](const auto& t, Buffers& b) { benchmark::DoNotOptimize(t.all_finite(b.x.data(), kWidth)); }},
};

}  // namespace

void add_vector_benchmarks() {
  for (const Rig* rig : rigs()) {
    for (const Entry& entry : kEntries) {
      const std::string name = formatted("vector/{}/{}/n:{}", to_string(rig->set()), entry.name, kWidth);
      benchmark::RegisterBenchmark(name.c_str(), [rig, &entry](benchmark::State& state) {
        Buffers buffers;
        for (auto _ : state) entry.run(rig->table(), buffers);
        state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kWidth));
      });
    }
  }
}

}  // namespace garam::bench
