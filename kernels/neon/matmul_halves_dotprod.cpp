// Products by sdot of formats with a scale for every 16 k.
#include "kernels/neon/dots_dotprod.h"
#include "kernels/neon/matmul_blocks.h"
#include "kernels/neon/parts.h"

namespace garam::kernels::neon {

void fill_halves_matmul_dotprod(Table& table) {
  fill_formats<DotProduct, Q2_K, Q3_K, Q6_K>(table, "neon-dotprod");
}

}  // namespace garam::kernels::neon
