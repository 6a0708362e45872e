// Formats of four bits, under one scale for every 32 k, without vpdpbusd.
#include "kernels/avx512/dots_pairs.h"
#include "kernels/avx512/parts.h"

namespace garam::kernels::avx512 {

void fill_nibbles(Table& table) {
  set_blocks<Q4_0, Pairs>(table);
  set_blocks<Q4_1, Pairs>(table);
  set_blocks<Q4_K, Pairs>(table);
  set_blocks<Mxfp4, Pairs>(table);
}

}  // namespace garam::kernels::avx512
