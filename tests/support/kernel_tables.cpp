// Variants differ in the features they are told about, not only in the set: a kernel that serves CPUs
// without VNNI is also tested on one that has it.
#include "support/kernel_tables.h"

#include <array>

#include "runtime/cpu.h"

namespace garam::test {
namespace {

using kernels::Features;
using kernels::Table;

#if defined(__x86_64__)
KernelVariant avx2(const char* name, const Features& wanted, const char* missing) {
  KernelVariant variant{name, missing, portable_table()};
  if (missing == nullptr) kernels::avx2::fill(variant.table, wanted);
  return variant;
}

KernelVariant avx512(const char* name, const Features& wanted, const char* missing) {
  KernelVariant variant = avx2(name, wanted, missing);
  if (missing == nullptr) kernels::avx512::fill(variant.table, wanted);
  return variant;
}
#elif defined(__aarch64__)
KernelVariant neon(const char* name, const Features& wanted, const char* missing) {
  KernelVariant variant{name, missing, portable_table()};
  if (missing == nullptr) kernels::neon::fill(variant.table, wanted);
  return variant;
}
#endif

auto build() {
#if defined(__x86_64__)
  const Features cpu = detect_features();
  Features plain_avx2;
  plain_avx2.avx2 = true;
  Features avx2_vnni = plain_avx2;
  avx2_vnni.avx_vnni = true;
  Features plain_avx512 = plain_avx2;
  plain_avx512.avx512 = true;
  Features all_avx512 = plain_avx512;
  all_avx512.avx512_vnni = all_avx512.avx512_bf16 = true;
  all_avx512.avx_vnni = cpu.avx_vnni;
  Features plain_intel = plain_avx512, all_intel = all_avx512;  // other choices, for any CPU to check
  plain_intel.intel = all_intel.intel = true;
  Features amx = all_intel;
  amx.amx_int8 = true;
  const char* no_avx512 = cpu.avx512 ? nullptr : "this CPU lacks AVX-512 F, BW, DQ or VL";
  const char* no_vnni = cpu.avx512_vnni && cpu.avx512_bf16 ? nullptr : "this CPU lacks AVX-512 VNNI or BF16";
  return std::array{
      KernelVariant{"portable", nullptr, portable_table()},
      avx2("avx2", plain_avx2, cpu.avx2 ? nullptr : "this CPU lacks AVX2, FMA or F16C"),
      avx2("avx2_vnni", avx2_vnni, cpu.avx_vnni ? nullptr : "this CPU lacks AVX-VNNI"),
      avx512("avx512", plain_avx512, no_avx512),
      avx512("avx512_intel", plain_intel, no_avx512),
      avx512("avx512_vnni_bf16", all_avx512, no_vnni),
      avx512("avx512_vnni_bf16_intel", all_intel, no_vnni),
      avx512("avx512_amx", amx,
             cpu.amx_int8 ? nullptr : "this CPU lacks AMX int8, or the system does not grant it"),
  };
#elif defined(__aarch64__)
  const Features cpu = detect_features();
  Features plain_neon;
  plain_neon.neon = true;
  Features neon_dotprod = plain_neon;
  neon_dotprod.dotprod = true;
  return std::array{
      KernelVariant{"portable", nullptr, portable_table()},
      neon("neon", plain_neon, cpu.neon ? nullptr : "this CPU lacks Advanced SIMD"),
      neon("neon_dotprod", neon_dotprod, cpu.dotprod ? nullptr : "this CPU lacks sdot"),
  };
#else
  return std::array{KernelVariant{"portable", nullptr, portable_table()}};
#endif
}

}  // namespace

std::span<const KernelVariant> kernel_variants() {
  static const auto variants = build();
  return variants;
}

const kernels::Table& portable_table() {
  static const Table table = [] {
    Table t{};
    kernels::portable::fill(t);
    return t;
  }();
  return table;
}

}  // namespace garam::test
