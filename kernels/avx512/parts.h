// What the table of this set is put together from: each part overrides its own entries of a table that
// already holds the next weaker set. Private to kernels/avx512.
#pragma once

#include "kernels/kernels.h"

namespace garam::kernels::avx512 {

/// Everything but matmul and attention.
void fill_vector(Table& table);
/// matmul and matmul_name, by what the CPU has.
void fill_matmul(Table& table, const Features& features);
/// attention.
void fill_attention(Table& table, const Features& features);

// Products by format; those that need more than features.avx512 say so.
void matmul_f32(const Matmul& m);
void matmul_f32_on_intel(const Matmul& m);  // the same, other prefetching
void matmul_f16(const Matmul& m);
/// The same where conversions take the pipes that add: once for many rows (36 rows 1.04, 252 rows 1.11).
void matmul_f16_on_intel(const Matmul& m);
void matmul_bf16_by_fma(const Matmul& m);
void matmul_bf16_dot(const Matmul& m);  // features.avx512_bf16 and bf16_dot_agrees()
/// The same where a vdpbf16ps takes as long as four fma: fma from 3 rows on (3 and 4 rows: 1.03 to 1.07).
void matmul_bf16_dot_on_intel(const Matmul& m);

// Products of the block formats, by what formats have in common: they set matmul and matmul_name. With
// vpdpbusd (features.avx512_vnni) and without.
void fill_nibbles(Table& table, const Features& features);
void fill_nibbles_vnni(Table& table, const Features& features);
void fill_five_bits(Table& table, const Features& features);
void fill_five_bits_vnni(Table& table, const Features& features);
void fill_halves(Table& table, const Features& features);
void fill_halves_vnni(Table& table, const Features& features);
void fill_bytes(Table& table, const Features& features);
void fill_bytes_vnni(Table& table, const Features& features);
/// The products that the *_vnni parts set on Intel CPUs, which alone have AMX.
template <Format kFormat>
void matmul_vnni(const Matmul& m);
/// Many rows of those with one scale a block, with AMX (features.amx_int8 and avx512_vnni).
void fill_amx(Table& table);

}  // namespace garam::kernels::avx512
