// What a CPU (and its operating system) offers, as far as kernel tables care. Filled by src/runtime.
#pragma once

namespace garam::kernels {

struct Features {
  bool avx2 = false;         // AVX2 + FMA + F16C, registers saved by the system
  bool avx512 = false;       // AVX-512 F, BW, DQ, VL, registers saved by the system
  bool avx512_vnni = false;  // vpdpbusd on zmm
  bool avx512_bf16 = false;  // vdpbf16ps on zmm
  bool amx_int8 = false;     // tiles and their int8 dots, granted to this process by the system
  bool intel = false;        // whose own prefetching loses most streams of weights (avx512/matmul_blocks.h)
  bool avx_vnni = false;     // vpdpbusd on ymm, VEX encoded
  bool neon = false;         // AArch64 Advanced SIMD, which is f32 fma and f16 conversions too
  bool dotprod = false;      // sdot, from Armv8.2 on
};

}  // namespace garam::kernels
