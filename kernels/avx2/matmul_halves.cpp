// Formats with a scale for every 16 k.
#include "kernels/avx2/matmul_blocks.h"
#include "kernels/avx2/parts.h"

namespace garam::kernels::avx2 {

void matmul_q2_K(const Matmul& m) {
  blocks_matmul<Q2_K>(m);
}

void matmul_q3_K(const Matmul& m) {
  blocks_matmul<Q3_K>(m);
}

void matmul_q6_K(const Matmul& m) {
  blocks_matmul<Q6_K>(m);
}

}  // namespace garam::kernels::avx2
