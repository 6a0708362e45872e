// Formats of five bits, with vpdpbusd.
#include "kernels/avx512/dots_vnni.h"
#include "kernels/avx512/parts.h"

namespace garam::kernels::avx512 {

template <>
void matmul_vnni<Format::kQ5_0>(const Matmul& m) {
  blocks_matmul<Q5_0, Vnni, true>(m);
}
template <>
void matmul_vnni<Format::kQ5_1>(const Matmul& m) {
  blocks_matmul<Q5_1, Vnni, true>(m);
}
template <>
void matmul_vnni<Format::kQ5_K>(const Matmul& m) {
  blocks_matmul<Q5_K, Vnni, true>(m);
}

void fill_five_bits_vnni(Table& table, const Features& features) {
  set_blocks<Q5_0, Vnni>(table, features);
  set_blocks<Q5_1, Vnni>(table, features);
  set_blocks<Q5_K, Vnni>(table, features);
}

}  // namespace garam::kernels::avx512
