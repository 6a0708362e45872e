// Which product serves which format on this CPU.
#include "kernels/avx512/parts.h"

namespace garam::kernels::avx512 {

void fill_matmul(Table& table, const Features& features) {
  const auto set = [&](Format format, MatmulFn kernel, const char* name) {
    table.matmul[static_cast<std::size_t>(format)] = kernel;
    table.matmul_name[static_cast<std::size_t>(format)] = name;
  };
  set(Format::kF32, features.intel ? matmul_f32_on_intel : matmul_f32, "avx512");
  set(Format::kF16, features.intel ? matmul_f16_on_intel : matmul_f16, "avx512");
  if (features.avx512_bf16 && bf16_dot_agrees()) {
    set(Format::kBf16, features.intel ? matmul_bf16_dot_on_intel : matmul_bf16_dot, "avx512-bf16");
  } else {
    set(Format::kBf16, matmul_bf16_by_fma, "avx512");
  }
  if (features.avx512_vnni) {
    fill_nibbles_vnni(table, features);
    fill_five_bits_vnni(table, features);
    fill_halves_vnni(table, features);
    fill_bytes_vnni(table, features);
    if (features.amx_int8) fill_amx(table);
  } else {
    fill_nibbles(table, features);
    fill_five_bits(table, features);
    fill_halves(table, features);
    fill_bytes(table, features);
  }
}

}  // namespace garam::kernels::avx512
