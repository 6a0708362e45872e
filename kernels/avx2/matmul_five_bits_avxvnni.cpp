// Formats of five bits, with AVX-VNNI.
#include "kernels/avx2/matmul_blocks_avxvnni.h"
#include "kernels/avx2/parts.h"

namespace garam::kernels::avx2 {

void fill_five_bits_avxvnni(Table& table) {
  set_vnni<Q5_0>(table);
  set_vnni<Q5_1>(table);
  set_vnni<Q5_K>(table);
}

}  // namespace garam::kernels::avx2
