// Formats whose integers take eight bits, without vpdpbusd.
#include "kernels/avx512/dots_pairs.h"
#include "kernels/avx512/parts.h"

namespace garam::kernels::avx512 {

void fill_bytes(Table& table, const Features& features) {
  set_blocks<Q8_0, Pairs>(table, features);
  set_blocks<Iq4Nl, Pairs>(table, features);
  set_blocks<Iq4Xs, Pairs>(table, features);
}

}  // namespace garam::kernels::avx512
