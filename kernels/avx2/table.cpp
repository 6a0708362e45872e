// The avx2 table: starts from a table filled with the next weaker set and overrides it part by part.
#include "kernels/avx2/parts.h"

namespace garam::kernels::avx2 {

void fill(Table& table, const Features& features) {
  table.name = "avx2";
  fill_vector(table);
  fill_matmul(table);
  if (features.avx_vnni) {
    fill_nibbles_avxvnni(table);
    fill_five_bits_avxvnni(table);
    fill_halves_avxvnni(table);
    fill_bytes_avxvnni(table);
  }
  fill_attention(table);
}

}  // namespace garam::kernels::avx2
