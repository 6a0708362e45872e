// Products on every AArch64 of formats of up to 5 bits with one scale for 32 k.
#include "kernels/neon/dots_widening.h"
#include "kernels/neon/matmul_blocks.h"
#include "kernels/neon/parts.h"

namespace garam::kernels::neon {

void fill_whole_matmul(Table& table) {
  fill_formats<Widening, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Mxfp4>(table, "neon");
}

}  // namespace garam::kernels::neon
