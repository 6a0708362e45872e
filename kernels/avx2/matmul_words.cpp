// Formats whose integers take eight bits.
#include "kernels/avx2/matmul_blocks.h"
#include "kernels/avx2/parts.h"

namespace garam::kernels::avx2 {

void matmul_q8_0(const Matmul& m) {
  blocks_matmul<Q8_0>(m);
}

void matmul_iq4_nl(const Matmul& m) {
  blocks_matmul<Iq4Nl>(m);
}

void matmul_iq4_xs(const Matmul& m) {
  blocks_matmul<Iq4Xs>(m);
}

}  // namespace garam::kernels::avx2
