// Norms, activations, RoPE, conversions and KV stores: the bodies of kernels/simd on this set's lanes.
#include "kernels/neon/lanes.h"
#include "kernels/neon/parts.h"
#include "kernels/simd/fill.h"

namespace garam::kernels::neon {

void fill_vector(Table& table) {
  simd::fill_vector<Lanes>(table);
}

}  // namespace garam::kernels::neon
