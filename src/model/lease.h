// The workers of a model, for as long as one computation needs them.
#pragma once

#include <algorithm>

#include "model/model_impl.h"
#include "runtime/context.h"

namespace garam {

/// The model's workers when they are free, else just the calling thread: the same bits either way.
class Lease {
 public:
  /// At most `limit` of them; 0: all.
  Lease(const Model::Impl& model, unsigned limit) : pool_(*model.pool), held_(pool_.try_acquire()) {
    workers_ = !held_ ? 1 : limit == 0 ? pool_.workers() : std::min(limit, pool_.workers());
  }
  ~Lease() {
    if (held_) pool_.release();
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  /// `observer` sees what products read (ops/linear.h); null: nobody.
  Context context(const kernels::Table& table, ops::LinearObserver* observer = nullptr) const {
    return {table, held_ ? &pool_ : nullptr, workers_, observer};
  }

 private:
  ThreadPool& pool_;
  bool held_;
  unsigned workers_;
};

}  // namespace garam
