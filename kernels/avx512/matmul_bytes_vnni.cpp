// Formats whose integers take eight bits, with vpdpbusd.
#include "kernels/avx512/dots_vnni.h"
#include "kernels/avx512/parts.h"

namespace garam::kernels::avx512 {

template <>
void matmul_vnni<Format::kQ8_0>(const Matmul& m) {
  blocks_matmul<Q8_0, Vnni, true>(m);
}
template <>
void matmul_vnni<Format::kIq4Nl>(const Matmul& m) {
  blocks_matmul<Iq4Nl, Vnni, true>(m);
}
template <>
void matmul_vnni<Format::kIq4Xs>(const Matmul& m) {
  blocks_matmul<Iq4Xs, Vnni, true>(m);
}

void fill_bytes_vnni(Table& table, const Features& features) {
  set_blocks<Q8_0, Vnni>(table, features);
  set_blocks<Iq4Nl, Vnni>(table, features);
  set_blocks<Iq4Xs, Vnni>(table, features);
}

}  // namespace garam::kernels::avx512
