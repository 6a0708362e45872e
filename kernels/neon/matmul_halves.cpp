// Products on every AArch64 of formats with a scale for every 16 k.
#include "kernels/neon/dots_widening.h"
#include "kernels/neon/matmul_blocks.h"
#include "kernels/neon/parts.h"

namespace garam::kernels::neon {

void fill_halves_matmul(Table& table) {
  fill_formats<Widening, Q2_K, Q3_K, Q6_K>(table, "neon");
}

}  // namespace garam::kernels::neon
