// What the table of this set is put together from: each part overrides its own entries of a table that
// already holds the next weaker set. Private to kernels/avx2.
#pragma once

#include "kernels/kernels.h"

namespace garam::kernels::avx2 {

/// Everything but matmul and attention.
void fill_vector(Table& table);
/// matmul and matmul_name.
void fill_matmul(Table& table);
/// attention.
void fill_attention(Table& table);

// Products by format.
void matmul_f32(const Matmul& m);
void matmul_f16(const Matmul& m);
void matmul_bf16(const Matmul& m);
void matmul_q8_0(const Matmul& m);
void matmul_q4_0(const Matmul& m);
void matmul_q4_1(const Matmul& m);
void matmul_q5_0(const Matmul& m);
void matmul_q5_1(const Matmul& m);
void matmul_q2_K(const Matmul& m);
void matmul_q3_K(const Matmul& m);
void matmul_q4_K(const Matmul& m);
void matmul_q5_K(const Matmul& m);
void matmul_q6_K(const Matmul& m);
void matmul_iq4_nl(const Matmul& m);
void matmul_iq4_xs(const Matmul& m);
void matmul_mxfp4(const Matmul& m);

// Products of the block formats with features.avx_vnni: they set matmul and matmul_name.
void fill_nibbles_avxvnni(Table& table);
void fill_five_bits_avxvnni(Table& table);
void fill_halves_avxvnni(Table& table);
void fill_bytes_avxvnni(Table& table);

}  // namespace garam::kernels::avx2
