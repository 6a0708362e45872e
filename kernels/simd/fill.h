// The vector entries of a table, all from the bodies of this folder.
#pragma once

#include "kernels/kernels.h"
#include "kernels/simd/convert.h"
#include "kernels/simd/elementwise.h"
#include "kernels/simd/exp.h"
#include "kernels/simd/fit.h"
#include "kernels/simd/norm.h"
#include "kernels/simd/training.h"

namespace garam::kernels::simd {

template <typename L>
void fill_vector(Table& table) {
  constexpr auto kF16 = static_cast<std::size_t>(KvFormat::kF16);
  constexpr auto kF32 = static_cast<std::size_t>(KvFormat::kF32);
  constexpr auto kQ8_0 = static_cast<std::size_t>(KvFormat::kQ8_0);
  table.store_k[kF16] = store_k<L, std::uint16_t>;
  table.store_k[kF32] = store_k<L, float>;
  table.store_k[kQ8_0] = store_k_q8_0<L>;
  table.store_v[kF16] = store_v<L, std::uint16_t>;
  table.store_v[kF32] = store_v<L, float>;
  table.store_v[kQ8_0] = store_v_q8_0<L>;
  table.quantize_q8 = quantize_q8<L>;
  table.round_bf16 = round_bf16<L>;
  table.rms_norm = rms_norm<L>;
  table.layer_norm = layer_norm<L>;
  table.add = add<L>;
  table.silu_mul = silu_mul<L>;
  table.swiglu_clamped = swiglu_clamped<L>;
  table.gelu_tanh = gelu_tanh<L>;
  table.exp = exp_each<L>;
  table.rope_adjacent = rope_adjacent<L>;
  table.rope_halves = rope_halves<L>;
  table.divide = divide<L>;
  table.multiply = multiply<L>;
  table.add_scaled = add_scaled<L>;
  table.scale = scale<L>;
  table.soft_cap = soft_cap<L>;
  table.all_finite = all_finite<L>;
  table.fit_integers = fit<L, NearestInteger<L>>;
  table.fit_levels = fit<L, NearestLevel<L>>;
  fill_training<L>(table.training);
}

}  // namespace garam::kernels::simd
