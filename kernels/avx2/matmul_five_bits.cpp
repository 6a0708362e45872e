// Formats of five bits: the sums of a whole block fit 16 bits once centred.
#include "kernels/avx2/matmul_blocks.h"
#include "kernels/avx2/parts.h"

namespace garam::kernels::avx2 {

void matmul_q5_0(const Matmul& m) {
  blocks_matmul<Q5_0>(m);
}

void matmul_q5_1(const Matmul& m) {
  blocks_matmul<Q5_1>(m);
}

void matmul_q5_K(const Matmul& m) {
  blocks_matmul<Q5_K>(m);
}

}  // namespace garam::kernels::avx2
