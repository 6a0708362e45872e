// Peaks are loops of independent instructions on registers; reading is plain loads of more than any cache.
#include "machine.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>

#include "garam/kernel_set.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace garam::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kReadBytes = std::size_t{256} << 20;
constexpr int kRounds = 2'000'000;
constexpr int kRepetitions = 3;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Keeps the compiler from dropping what was computed.
template <typename T>
void use(const T& value) {
  asm volatile("" : : "r"(&value) : "memory");
}

#if defined(__x86_64__)

// Twelve chains hide the latency of either instruction on every x86 CPU so far. Written in assembly: the
// compiler would merge equal chains or store them in every round. All registers are zero.
#define GARAM_ROUND(instruction, set) \
  ".irp n, 0,1,2,3,4,5,6,7,8,9,10,11\n" instruction " %%" set "15, %%" set "\\n, %%" set "\\n\n.endr\n"
#define GARAM_LOOP(name, instruction, set)                                                               \
  void name() {                                                                                          \
    int left = kRounds;                                                                                  \
    asm volatile("vzeroall\n1:\n" GARAM_ROUND(instruction, set) "dec %0\njne 1b\nvzeroupper"             \
                 : "+r"(left)                                                                            \
                 :                                                                                       \
                 : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", \
                   "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");                                \
  }

GARAM_LOOP(floats_avx2, "vfmadd231ps", "ymm")
GARAM_LOOP(integers_avx2, "vpmaddubsw", "ymm")
GARAM_LOOP(floats_avx512, "vfmadd231ps", "zmm")
GARAM_LOOP(bf16_avx512, "vdpbf16ps", "zmm")
GARAM_LOOP(integers_avx512, "vpmaddubsw", "zmm")
GARAM_LOOP(integers_vnni, "vpdpbusd", "zmm")

#undef GARAM_LOOP
#undef GARAM_ROUND

[[gnu::target("avx2")]] void read(const std::byte* from, std::size_t bytes) {
  __m256i acc[4] = {};
  for (std::size_t i = 0; i + 128 <= bytes; i += 128) {
    const auto* p = reinterpret_cast<const __m256i*>(from + i);
    for (int j = 0; j < 4; ++j) acc[j] = _mm256_add_epi64(acc[j], _mm256_load_si256(p + j));
  }
  use(acc);
}

#else

void read(const std::byte* from, std::size_t bytes) {
  std::uint64_t acc[8] = {};
  for (std::size_t i = 0; i + sizeof acc <= bytes; i += sizeof acc) {
    std::uint64_t x[8];
    std::memcpy(x, from + i, sizeof x);
    for (int j = 0; j < 8; ++j) acc[j] += x[j];
  }
  use(acc);
}

#endif

/// `amount` of each worker over the shortest time that all of them took.
template <typename Body>
double rate(const Context& context, double amount, const Body& body) {
  double best = 1e9;
  for (int i = 0; i < kRepetitions; ++i) {
    const auto start = Clock::now();
    context.split(context.workers(), 1,
                  [&](std::size_t share, std::size_t, unsigned) { body(static_cast<unsigned>(share)); });
    best = std::min(best, seconds_since(start));
  }
  return amount * context.workers() / best;
}

}  // namespace

std::vector<Rig*> rigs() {
  static const auto all = [] {
    std::vector<std::unique_ptr<Rig>> made;
    for (const KernelSet set : available_kernel_sets()) {
      made.push_back(std::make_unique<Rig>(set, default_threads()));
    }
    return made;
  }();
  std::vector<Rig*> list;
  for (const auto& rig : all) list.push_back(rig.get());
  return list;
}

std::string cpu_name() {
  std::ifstream info("/proc/cpuinfo");
  std::string line;
  while (std::getline(info, line)) {
    const std::size_t colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

Limits measure_limits(const Rig& rig) {
  static const Memory memory = [] {
    Memory m(kReadBytes, "benchmark");
    std::memset(m.data(), 1, m.size());
    return m;
  }();
  const Context& context = rig.context();
  const std::size_t share = kReadBytes / context.workers() / 4096 * 4096;
  Limits limits{};
#if defined(__x86_64__)
  const bool has_avx2 = available_kernel_sets().size() > 1;
  if (has_avx2) {
    limits.read = rate(context, static_cast<double>(share),
                       [&](unsigned worker) { read(memory.data() + worker * share, share); });
  }
  const auto served_by = [&](kernels::Format format) {
    return std::string(rig.table().matmul_name[static_cast<std::size_t>(format)]);
  };
  if (rig.set() == KernelSet::kAvx512) {
    limits.floats = rate(context, 12.0 * 32 * kRounds, [](unsigned) { floats_avx512(); });
    limits.bf16 = served_by(kernels::Format::kBf16) == "avx512-bf16"
                      ? rate(context, 12.0 * 64 * kRounds, [](unsigned) { bf16_avx512(); })
                      : limits.floats;
    limits.integers = served_by(kernels::Format::kQ8_0) == "avx512-vnni"
                          ? rate(context, 12.0 * 128 * kRounds, [](unsigned) { integers_vnni(); })
                          : rate(context, 12.0 * 128 * kRounds, [](unsigned) { integers_avx512(); });
  } else if (has_avx2) {
    limits.floats = limits.bf16 = rate(context, 12.0 * 16 * kRounds, [](unsigned) { floats_avx2(); });
    limits.integers = rate(context, 12.0 * 64 * kRounds, [](unsigned) { integers_avx2(); });
  }
#else
  limits.read = rate(context, static_cast<double>(share),
                     [&](unsigned worker) { read(memory.data() + worker * share, share); });
#endif
  return limits;
}

void report(benchmark::State& state, const Limits& limits, double limit_of_operations, double operations,
            double bytes) {
  using benchmark::Counter;
  constexpr auto kRate = Counter::kIsIterationInvariantRate;
  if (operations > 0) {
    state.counters["op/s"] = Counter(operations, kRate);
    if (limit_of_operations > 0) {
      state.counters["of_peak"] = Counter(operations / limit_of_operations, kRate);
    }
  }
  if (bytes > 0) {
    state.counters["bytes/s"] = Counter(bytes, kRate);
    if (limits.read > 0) state.counters["of_read"] = Counter(bytes / limits.read, kRate);
  }
}

}  // namespace garam::bench
