// Formats with a scale for every 16 k, with vpdpbusd.
#include "kernels/avx512/dots_vnni.h"
#include "kernels/avx512/parts.h"

namespace garam::kernels::avx512 {

void fill_halves_vnni(Table& table, const Features& features) {
  set_blocks<Q2_K, Vnni>(table, features);
  set_blocks<Q3_K, Vnni>(table, features);
  set_blocks<Q6_K, Vnni>(table, features);
}

}  // namespace garam::kernels::avx512
