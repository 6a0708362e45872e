// What the portable table is put together from: each part sets its own entries. Private to kernels/portable.
#pragma once

#include "kernels/kernels.h"

namespace garam::kernels::portable {

/// Everything but matmul, attention, fit_* and training.
void fill_vector(Table& table);
/// training.
void fill_training(Table& table);
/// fit_integers and fit_levels.
void fill_fit(Table& table);
/// matmul and matmul_name.
void fill_float_matmul(Table& table);
void fill_block_matmul(Table& table);
/// attention.
void fill_attention(Table& table);

}  // namespace garam::kernels::portable
