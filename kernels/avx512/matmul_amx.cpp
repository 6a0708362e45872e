// Many rows of the block formats that have one scale a block, with AMX. Those with two would take two dots
// and six float steps, no fewer than vpdpbusd.
#include "kernels/avx512/dots_amx.h"
#include "kernels/avx512/parts.h"

namespace garam::kernels::avx512 {

void fill_amx(Table& table) {
  set_amx<Q8_0>(table);
  set_amx<Q4_0>(table);
  set_amx<Q4_1>(table);
  set_amx<Q5_0>(table);
  set_amx<Q5_1>(table);
  set_amx<Q4_K>(table);
  set_amx<Q5_K>(table);
  set_amx<Iq4Nl>(table);
  set_amx<Iq4Xs>(table);
  set_amx<Mxfp4>(table);
}

}  // namespace garam::kernels::avx512
