// Formats whose integers take eight bits, with AVX-VNNI.
#include "kernels/avx2/matmul_blocks_avxvnni.h"
#include "kernels/avx2/parts.h"

namespace garam::kernels::avx2 {

void fill_bytes_avxvnni(Table& table) {
  set_vnni<Q8_0>(table);
  set_vnni<Iq4Nl>(table);
  set_vnni<Iq4Xs>(table);
}

}  // namespace garam::kernels::avx2
