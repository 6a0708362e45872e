// The avx512 table: starts from a table filled with the next weaker set and overrides it part by part.
#include "kernels/avx512/parts.h"

namespace garam::kernels::avx512 {

void fill(Table& table, const Features& features) {
  table.name = "avx512";
  fill_vector(table);
  fill_matmul(table, features);
  fill_attention(table, features);
}

}  // namespace garam::kernels::avx512
