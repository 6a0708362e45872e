// Formats of four bits, under one scale for every 32 k, with vpdpbusd.
#include "kernels/avx512/dots_vnni.h"
#include "kernels/avx512/parts.h"

namespace garam::kernels::avx512 {

template <>
void matmul_vnni<Format::kQ4_0>(const Matmul& m) {
  blocks_matmul<Q4_0, Vnni, true>(m);
}
template <>
void matmul_vnni<Format::kQ4_1>(const Matmul& m) {
  blocks_matmul<Q4_1, Vnni, true>(m);
}
template <>
void matmul_vnni<Format::kQ4_K>(const Matmul& m) {
  blocks_matmul<Q4_K, Vnni, true>(m);
}
template <>
void matmul_vnni<Format::kMxfp4>(const Matmul& m) {
  blocks_matmul<Mxfp4, Vnni, true>(m);
}

void fill_nibbles_vnni(Table& table, const Features& features) {
  set_blocks<Q4_0, Vnni>(table, features);
  set_blocks<Q4_1, Vnni>(table, features);
  set_blocks<Q4_K, Vnni>(table, features);
  set_blocks<Mxfp4, Vnni>(table, features);
}

}  // namespace garam::kernels::avx512
