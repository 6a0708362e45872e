// Products by sdot of formats whose integers take eight bits.
#include "kernels/neon/dots_dotprod.h"
#include "kernels/neon/matmul_blocks.h"
#include "kernels/neon/parts.h"

namespace garam::kernels::neon {

void fill_bytes_matmul_dotprod(Table& table) {
  fill_formats<DotProduct, Q8_0, Iq4Nl, Iq4Xs>(table, "neon-dotprod");
}

}  // namespace garam::kernels::neon
