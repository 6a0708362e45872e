// garam-bench: every kernel beside the limits of the machine. The flags are Google Benchmark's, for instance
//   garam-bench --benchmark_filter='matmul/.*/q4_0' --benchmark_out=result.json
// A whole model is measured by `garam bench`.
#include "machine.h"

int main(int argc, char** argv) {
  using namespace garam::bench;
  benchmark::AddCustomContext("cpu", cpu_name());
  benchmark::AddCustomContext("workers", std::to_string(rigs().front()->context().workers()));
  add_matmul_benchmarks();
  add_attention_benchmarks();
  add_vector_benchmarks();
  add_sampler_benchmarks();
  add_tokenizer_benchmarks();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
