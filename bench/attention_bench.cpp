// Attention of one layer in the shape of a 1-billion-parameter model: 32 heads of 64 dimensions over 8 kv
// heads, queries at the end of a context. One query is bound by reading K and V, many by arithmetic.
//
//   attention/<set>/<kv type>/queries:<n>/context:<n>
#include <vector>

#include "base/format.h"
#include "machine.h"
#include "ops/attention.h"

namespace garam::bench {
namespace {

constexpr std::size_t kHeads = 32, kKvHeads = 8, kHeadDim = 64;
/// So many copies of a context that no cache holds them all: a model has as many layers.
constexpr std::size_t kTotalBytes = std::size_t{192} << 20;

struct KvType {
  const char* name;
  kernels::KvFormat format;
};
constexpr KvType kTypes[] = {
    {"f16", kernels::KvFormat::kF16}, {"f32", kernels::KvFormat::kF32}, {"q8_0", kernels::KvFormat::kQ8_0}};

class Pages {
 public:
  Pages(const Rig& rig, const ops::KvLayout& layout, std::size_t context)
      : memory_(context / kernels::kPagePositions * layout.page_bytes(), "KV pages") {
    for (std::size_t i = 0; i < context / kernels::kPagePositions; ++i) {
      addresses_.push_back(memory_.data() + i * layout.page_bytes());
    }
    std::vector<float> row(kKvHeads * kHeadDim);
    for (std::size_t i = 0; i < row.size(); ++i) row[i] = 0.01f * static_cast<float>(i % 37) - 0.2f;
    std::vector<float> rows;
    for (std::size_t t = 0; t < context; ++t) rows.insert(rows.end(), row.begin(), row.end());
    const Rows all{rows.data(), context, row.size(), row.size()};
    const ops::SequenceRows sequence{addresses_, 0, context, 0};
    std::atomic<bool> finite{true};
    for (std::size_t layer = 0; layer < layout.layers; ++layer) {
      ops::store_kv(rig.context(), layout, layer, {&sequence, 1}, all, all, finite);
    }
  }
  std::span<std::byte* const> addresses() const { return addresses_; }

 private:
  Memory memory_;
  std::vector<std::byte*> addresses_;
};

void attention(benchmark::State& state, const Rig& rig, KvType type, std::size_t queries,
               std::size_t context) {
  ops::KvLayout layout{
      .layers = 1, .kv_heads = kKvHeads, .key_dim = kHeadDim, .value_dim = kHeadDim, .format = type.format};
  const std::size_t layer_bytes = context / kernels::kPagePositions * layout.page_bytes();
  layout.layers = queries == 1 ? std::max<std::size_t>(1, kTotalBytes / layer_bytes) : 1;
  const Pages pages(rig, layout, context);
  std::vector<float> q(queries * kHeads * kHeadDim, 0.125f), out(q.size());
  const Rows in{q.data(), queries, kHeads * kHeadDim, kHeads * kHeadDim};
  const Rows to{out.data(), queries, kHeads * kHeadDim, kHeads * kHeadDim};
  const ops::SequenceRows sequence{pages.addresses(), 0, queries,
                                   static_cast<std::int32_t>(context - queries)};
  const Memory scratch(ops::attention_scratch_bytes(layout, rig.context().workers()), "scratch");
  std::size_t layer = 0;
  const auto run = [&] {
    ops::attention(rig.context(), layout, {.layer = layer, .heads = kHeads, .scale = 0.125f}, {&sequence, 1},
                   in, scratch.data(), to);
    layer = (layer + 1) % layout.layers;
  };
  run();
  const Limits limits = measure_limits(rig);
  for (auto _ : state) run();
  const double keys = static_cast<double>(context) - static_cast<double>(queries - 1) / 2;  // causal
  report(state, limits, limits.floats, 4.0 * keys * static_cast<double>(queries * kHeads * kHeadDim),
         queries == 1 ? static_cast<double>(layer_bytes) : 0);
}

}  // namespace

void add_attention_benchmarks() {
  for (const Rig* rig : rigs()) {
    if (rig->set() == KernelSet::kPortable) continue;
    for (const KvType type : kTypes) {
      for (const std::size_t queries : {1, 64}) {
        for (const std::size_t context : {256, 1024, 4096, 8192, 32768}) {
          const std::string name = formatted("attention/{}/{}/queries:{}/context:{}", to_string(rig->set()),
                                             type.name, queries, context);
          benchmark::RegisterBenchmark(
              name.c_str(), [=](benchmark::State& state) { attention(state, *rig, type, queries, context); })
              ->UseRealTime()
              ->Unit(benchmark::kMicrosecond);
        }
      }
    }
  }
}

}  // namespace garam::bench
