// The neon table: starts from the portable table and overrides it part by part.
#include "kernels/neon/parts.h"

namespace garam::kernels::neon {

void fill(Table& table, [[maybe_unused]] const Features& features) {
  table.name = "neon";
  fill_vector(table);
  fill_attention(table);
}

}  // namespace garam::kernels::neon
