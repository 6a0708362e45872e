// Stands in for src/runtime/cpu.cpp where AVX-512, AVX-VNNI and AMX are emulated (GARAM_EMULATE_AVX512): a
// CPU that has it all.
#include "runtime/cpu.h"

namespace garam {

kernels::Features detect_features() {
  kernels::Features f;
  f.avx2 = f.avx512 = f.avx512_vnni = f.avx512_bf16 = f.amx_int8 = f.avx_vnni = true;
  return f;
}

}  // namespace garam
