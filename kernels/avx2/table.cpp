// The avx2 table: starts from a table filled with the next weaker set and overrides it part by part.
#include "kernels/avx2/parts.h"

namespace garam::kernels::avx2 {

void fill(Table& table, [[maybe_unused]] const Features& features) {
  table.name = "avx2";
  fill_vector(table);
  fill_matmul(table);
  fill_attention(table);
}

}  // namespace garam::kernels::avx2
