// Formats of five bits, without vpdpbusd.
#include "kernels/avx512/dots_pairs.h"
#include "kernels/avx512/parts.h"

namespace garam::kernels::avx512 {

void fill_five_bits(Table& table, const Features& features) {
  set_blocks<Q5_0, Pairs>(table, features);
  set_blocks<Q5_1, Pairs>(table, features);
  set_blocks<Q5_K, Pairs>(table, features);
}

}  // namespace garam::kernels::avx512
