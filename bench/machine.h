// What the machine can do at most, measured beside every benchmark: on shared machines the figure of another
// minute is the figure of another machine.
#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/memory.h"
#include "runtime/context.h"
#include "runtime/kernel_choice.h"
#include "runtime/thread_pool.h"

namespace garam::bench {

/// Workers and one kernel table.
class Rig {
 public:
  Rig(KernelSet set, unsigned threads)
      : choice_(choose_kernels(set)), pool_(threads), context_(choice_.table, &pool_, threads) {}

  const Context& context() const { return context_; }
  const kernels::Table& table() const { return choice_.table; }
  KernelSet set() const { return choice_.set; }

 private:
  KernelChoice choice_;
  ThreadPool pool_;
  Context context_;
};

/// A rig for every set that this CPU runs, fastest last. Workers as the system grants them.
std::vector<Rig*> rigs();

/// The name of the processor.
std::string cpu_name();

/// In operations (a multiplication and an addition are two) or bytes per second, all workers together.
struct Limits {
  double read;      // bytes of memory, one ascending stream a worker
  double floats;    // f32 fma
  double bf16;      // vdpbf16ps where the set has it, else f32 fma
  double integers;  // 8-bit products: vpdpbusd, or vpmaddubsw alone where the set has no dots
};

/// Measured now; takes about 50 ms. For the portable set those of AVX2 where there is one.
Limits measure_limits(const Rig& rig);

/// Adds the counters of a benchmark that computed `operations` and read `bytes` of memory per iteration:
/// rates, and shares of the limits. Zero leaves a counter out.
void report(benchmark::State& state, const Limits& limits, double limit_of_operations, double operations,
            double bytes);

// Each adds its benchmarks.
void add_matmul_benchmarks();
void add_attention_benchmarks();
void add_vector_benchmarks();
void add_sampler_benchmarks();
void add_tokenizer_benchmarks();

}  // namespace garam::bench
