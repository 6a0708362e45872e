// The portable table: every entry set, the starting point of every other table.
#include "kernels/portable/parts.h"

namespace garam::kernels::portable {

void fill(Table& table) {
  table.name = "portable";
  fill_vector(table);
  fill_fit(table);
  fill_training(table);
  fill_float_matmul(table);
  fill_block_matmul(table);
  fill_attention(table);
}

}  // namespace garam::kernels::portable
