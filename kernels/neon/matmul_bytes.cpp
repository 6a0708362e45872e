// Products on every AArch64 of formats whose integers take eight bits.
#include "kernels/neon/dots_widening.h"
#include "kernels/neon/matmul_blocks.h"
#include "kernels/neon/parts.h"

namespace garam::kernels::neon {

void fill_bytes_matmul(Table& table) {
  fill_formats<Widening, Q8_0, Iq4Nl, Iq4Xs>(table, "neon");
}

}  // namespace garam::kernels::neon
