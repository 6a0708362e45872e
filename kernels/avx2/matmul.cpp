// The products of this set, one per format.
#include "kernels/avx2/parts.h"

namespace garam::kernels::avx2 {

void fill_matmul(Table& table) {
  const auto set = [&](Format format, MatmulFn kernel) {
    table.matmul[static_cast<std::size_t>(format)] = kernel;
    table.matmul_name[static_cast<std::size_t>(format)] = "avx2";
  };
  set(Format::kF32, matmul_f32);
  set(Format::kF16, matmul_f16);
  set(Format::kBf16, matmul_bf16);
  set(Format::kQ8_0, matmul_q8_0);
  set(Format::kQ4_0, matmul_q4_0);
}

}  // namespace garam::kernels::avx2
