// Formats of four bits, under one scale for every 32 k, with AVX-VNNI.
#include "kernels/avx2/matmul_blocks_avxvnni.h"
#include "kernels/avx2/parts.h"

namespace garam::kernels::avx2 {

void fill_nibbles_avxvnni(Table& table) {
  set_vnni<Q4_0>(table);
  set_vnni<Q4_1>(table);
  set_vnni<Q4_K>(table);
  set_vnni<Mxfp4>(table);
}

}  // namespace garam::kernels::avx2
