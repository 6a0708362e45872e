// What the table of this set is put together from: each part overrides its own entries of a table that
// already holds the next weaker set. Private to kernels/avx512.
#pragma once

#include "kernels/kernels.h"

namespace garam::kernels::avx512 {

/// Everything but matmul and attention.
void fill_vector(Table& table);
/// matmul and matmul_name, by what the CPU has.
void fill_matmul(Table& table, const Features& features);
/// attention_f16 and attention_f32.
void fill_attention(Table& table);

}  // namespace garam::kernels::avx512
