// The end of a pass: a row that is not finite shows in the residual stream, which only ever adds.
#include "core/forward.h"

#include <algorithm>

namespace garam {

Rows gather_logit_rows(Forward& forward, const Rows& x, const Rows& out) {
  for (std::size_t t = 0; t < x.rows; ++t) {
    if (!forward.context.table().all_finite(x.row(t), x.width)) {
      forward.finite.store(false, std::memory_order_relaxed);
    }
  }
  Rows gathered = out;
  gathered.rows = forward.logit_rows.size();
  for (std::size_t i = 0; i < gathered.rows; ++i) {
    std::copy_n(x.row(forward.logit_rows[i]), x.width, gathered.row(i));
  }
  return gathered;
}

}  // namespace garam
