// Norms, activations, RoPE, conversions and KV stores: the bodies of kernels/simd on this set's lanes.
#include "kernels/avx2/lanes.h"
#include "kernels/avx2/parts.h"
#include "kernels/avx2/transpose.h"
#include "kernels/simd/fill.h"

namespace garam::kernels::avx2 {

void fill_vector(Table& table) {
  simd::fill_vector<Lanes>(table);
  table.training.transpose = transpose;
}

}  // namespace garam::kernels::avx2
