// What the table of this set is put together from: each part overrides its own entries of a table that
// already holds the portable one. Private to kernels/neon.
#pragma once

#include "kernels/kernels.h"

namespace garam::kernels::neon {

/// Everything but matmul and attention.
void fill_vector(Table& table);
/// attention.
void fill_attention(Table& table);

// matmul and matmul_name.
/// f32, f16 and bf16.
void fill_float_matmul(Table& table);
/// q4_0, q4_1, q5_0, q5_1, q4_K, q5_K, mxfp4.
void fill_whole_matmul(Table& table);
void fill_whole_matmul_dotprod(Table& table);
/// q2_K, q3_K, q6_K.
void fill_halves_matmul(Table& table);
void fill_halves_matmul_dotprod(Table& table);
/// q8_0, iq4_nl, iq4_xs.
void fill_bytes_matmul(Table& table);
void fill_bytes_matmul_dotprod(Table& table);

}  // namespace garam::kernels::neon
