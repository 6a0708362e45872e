// Formats of four bits, under one scale for every 32 k, without vpdpbusd.
#include "kernels/avx512/dots_pairs.h"
#include "kernels/avx512/parts.h"

namespace garam::kernels::avx512 {

void fill_nibbles(Table& table, const Features& features) {
  set_blocks<Q4_0, Pairs>(table, features);
  set_blocks<Q4_1, Pairs>(table, features);
  set_blocks<Q4_K, Pairs>(table, features);
  set_blocks<Mxfp4, Pairs>(table, features);
}

}  // namespace garam::kernels::avx512
