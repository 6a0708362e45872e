// The vector entries of a table, all from the bodies of this folder.
#pragma once

#include "kernels/kernels.h"
#include "kernels/simd/convert.h"
#include "kernels/simd/elementwise.h"
#include "kernels/simd/exp.h"
#include "kernels/simd/norm.h"

namespace garam::kernels::simd {

template <typename L>
void fill_vector(Table& table) {
  table.store_k_f16 = store_k<L, std::uint16_t>;
  table.store_k_f32 = store_k<L, float>;
  table.store_v_f16 = store_v<L, std::uint16_t>;
  table.store_v_f32 = store_v<L, float>;
  table.quantize_q8 = quantize_q8<L>;
  table.round_bf16 = round_bf16<L>;
  table.rms_norm = rms_norm<L>;
  table.layer_norm = layer_norm<L>;
  table.add = add<L>;
  table.silu_mul = silu_mul<L>;
  table.gelu_tanh = gelu_tanh<L>;
  table.exp = exp_each<L>;
  table.rope_adjacent = rope_adjacent<L>;
  table.rope_halves = rope_halves<L>;
  table.divide = divide<L>;
  table.all_finite = all_finite<L>;
}

}  // namespace garam::kernels::simd
