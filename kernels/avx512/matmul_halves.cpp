// Formats with a scale for every 16 k, without vpdpbusd.
#include "kernels/avx512/dots_pairs.h"
#include "kernels/avx512/parts.h"

namespace garam::kernels::avx512 {

void fill_halves(Table& table, const Features& features) {
  set_blocks<Q2_K, Pairs>(table, features);
  set_blocks<Q3_K, Pairs>(table, features);
  set_blocks<Q6_K, Pairs>(table, features);
}

}  // namespace garam::kernels::avx512
