// Formats of four bits: the sums of a whole block fit 16 bits.
#include "kernels/avx2/matmul_blocks.h"
#include "kernels/avx2/parts.h"

namespace garam::kernels::avx2 {

void matmul_q4_0(const Matmul& m) {
  blocks_matmul<Q4_0>(m);
}

void matmul_q4_1(const Matmul& m) {
  blocks_matmul<Q4_1>(m);
}

void matmul_q4_K(const Matmul& m) {
  blocks_matmul<Q4_K>(m);
}

void matmul_mxfp4(const Matmul& m) {
  blocks_matmul<Mxfp4>(m);
}

}  // namespace garam::kernels::avx2
