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
  set(Format::kQ4_1, matmul_q4_1);
  set(Format::kQ5_0, matmul_q5_0);
  set(Format::kQ5_1, matmul_q5_1);
  set(Format::kQ2_K, matmul_q2_K);
  set(Format::kQ3_K, matmul_q3_K);
  set(Format::kQ4_K, matmul_q4_K);
  set(Format::kQ5_K, matmul_q5_K);
  set(Format::kQ6_K, matmul_q6_K);
  set(Format::kIq4Nl, matmul_iq4_nl);
  set(Format::kIq4Xs, matmul_iq4_xs);
  set(Format::kMxfp4, matmul_mxfp4);
}

}  // namespace garam::kernels::avx2
