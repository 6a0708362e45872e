// The neon table: starts from the portable table and overrides it part by part.
#include "kernels/neon/parts.h"

namespace garam::kernels::neon {

void fill(Table& table, const Features& features) {
  table.name = "neon";
  fill_vector(table);
  fill_attention(table);
  fill_float_matmul(table);
  if (features.dotprod) {
    fill_whole_matmul_dotprod(table);
    fill_halves_matmul_dotprod(table);
    fill_bytes_matmul_dotprod(table);
  } else {
    fill_whole_matmul(table);
    fill_halves_matmul(table);
    fill_bytes_matmul(table);
  }
}

}  // namespace garam::kernels::neon
