// Formats of five bits, with vpdpbusd.
#include "kernels/avx512/dots_vnni.h"
#include "kernels/avx512/parts.h"

namespace garam::kernels::avx512 {

void fill_five_bits_vnni(Table& table) {
  set_blocks<Q5_0, Vnni>(table);
  set_blocks<Q5_1, Vnni>(table);
  set_blocks<Q5_K, Vnni>(table);
}

}  // namespace garam::kernels::avx512
