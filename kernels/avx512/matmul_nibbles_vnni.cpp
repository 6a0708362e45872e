// Formats of four bits, under one scale for every 32 k, with vpdpbusd.
#include "kernels/avx512/dots_vnni.h"
#include "kernels/avx512/parts.h"

namespace garam::kernels::avx512 {

void fill_nibbles_vnni(Table& table) {
  set_blocks<Q4_0, Vnni>(table);
  set_blocks<Q4_1, Vnni>(table);
  set_blocks<Q4_K, Vnni>(table);
  set_blocks<Mxfp4, Vnni>(table);
}

}  // namespace garam::kernels::avx512
