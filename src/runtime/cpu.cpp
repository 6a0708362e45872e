// cpuid, read directly because compilers' __builtin_cpu_supports know different names; on AArch64 what the
// system says, since user programs may not read the processor's registers.
#include "runtime/cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

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

bool is_intel() {
  const Registers name = cpuid(0, 0);  // "Genu" "ineI" "ntel"
  return name.ebx == 0x756e6547 && name.edx == 0x49656e69 && name.ecx == 0x6c65746e;
}

/// Linux saves the tiles of a process that asked for it, once for all of its threads (Documentation/arch/x86/
/// xstate.rst). It refuses where a thread has an alternate signal stack too small for them.
bool tiles_granted() {
#if defined(__linux__)
  static const bool granted = [] {
    constexpr int kRequestPermission = 0x1023, kTileData = 18;
    return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  }();
  return granted;
#else
  return false;
#endif
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
  f.intel = is_intel();
  f.avx512_vnni = f.avx512 && bit(seven.ecx, 11);
  const bool tiles = (saved & 0x60000) == 0x60000;
  f.amx_int8 = f.avx512 && tiles && bit(seven.edx, 24) && bit(seven.edx, 25) && tiles_granted();
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
