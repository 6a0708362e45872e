// What the table of this set is put together from: each part overrides its own entries of a table that
// already holds the portable one. Private to kernels/neon.
#pragma once

#include "kernels/kernels.h"

namespace garam::kernels::neon {

/// Everything but matmul and attention.
void fill_vector(Table& table);
/// attention_f16 and attention_f32.
void fill_attention(Table& table);

}  // namespace garam::kernels::neon
