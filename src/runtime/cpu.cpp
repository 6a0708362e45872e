// cpuid, read directly because compilers' __builtin_cpu_supports know different names; on AArch64 what the
// system says, since user programs may not read the processor's registers.
#include "runtime/cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>

#include <cstdint>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace garam {

#if defined(__x86_64__)
namespace {

struct Registers {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers cpuid(unsigned leaf, unsigned subleaf) {
  Registers r;
  __get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx);
  return r;
}

std::uint64_t saved_registers() {
  unsigned low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return static_cast<std::uint64_t>(high) << 32 | low;
}

bool bit(unsigned word, int index) {
  return (word >> index & 1) != 0;
}

}  // namespace

kernels::Features detect_features() {
  kernels::Features f;
  const Registers one = cpuid(1, 0);
  if (!bit(one.ecx, 27)) return f;  // OSXSAVE: without it xgetbv is illegal
  const std::uint64_t saved = saved_registers();
  const bool ymm = (saved & 0x6) == 0x6;
  const bool zmm = ymm && (saved & 0xe0) == 0xe0;
  const Registers seven = cpuid(7, 0);
  const Registers seven_one = cpuid(7, 1);
  f.avx2 = ymm && bit(one.ecx, 12) && bit(one.ecx, 29) && bit(seven.ebx, 5);  // FMA, F16C, AVX2
  f.avx512 = f.avx2 && zmm && bit(seven.ebx, 16) && bit(seven.ebx, 17) && bit(seven.ebx, 30) &&
             bit(seven.ebx, 31);  // F, DQ, BW, VL
  f.avx512_vnni = f.avx512 && bit(seven.ecx, 11);
  f.avx512_bf16 = f.avx512 && bit(seven_one.eax, 5);
  f.avx_vnni = f.avx2 && bit(seven_one.eax, 4);
  return f;
}
#elif defined(__aarch64__)
kernels::Features detect_features() {
  const unsigned long capabilities = getauxval(AT_HWCAP);
  kernels::Features f;
  f.neon = (capabilities & HWCAP_ASIMD) != 0;
  f.dotprod = f.neon && (capabilities & HWCAP_ASIMDDP) != 0;
  return f;
}
#else
kernels::Features detect_features() {
  return {};
}
#endif

}  // namespace garam
