// Formats whose integers take eight bits, with vpdpbusd.
#include "kernels/avx512/dots_vnni.h"
#include "kernels/avx512/parts.h"

namespace garam::kernels::avx512 {

void fill_bytes_vnni(Table& table) {
  set_blocks<Q8_0, Vnni>(table);
  set_blocks<Iq4Nl, Vnni>(table);
  set_blocks<Iq4Xs, Vnni>(table);
}

}  // namespace garam::kernels::avx512
