// Formats with a scale for every 16 k, with AVX-VNNI.
#include "kernels/avx2/matmul_blocks_avxvnni.h"
#include "kernels/avx2/parts.h"

namespace garam::kernels::avx2 {

void fill_halves_avxvnni(Table& table) {
  set_vnni<Q2_K>(table);
  set_vnni<Q3_K>(table);
  set_vnni<Q6_K>(table);
}

}  // namespace garam::kernels::avx2
