// What a Model holds. Immutable after load, but for the pool that lends its workers to one pass at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "arch/architecture.h"
#include "base/memory.h"
#include "garam/model.h"
#include "io/model_file.h"
#include "model/adapters.h"
#include "model/pending_tokenizer.h"
#include "runtime/kernel_choice.h"
#include "runtime/thread_pool.h"

namespace garam {

struct Model::Impl {
  static std::shared_ptr<const Impl> load(std::unique_ptr<ModelFile> opened, const LoadOptions& options);

  std::string path;
  ModelInfo info;
  KernelChoice kernels;
  std::unique_ptr<ThreadPool> pool;
  Memory arena;  // all packed matrices; perhaps mapped, never written after load
  AdapterWeights adapters;
  std::optional<Weights> weights;  // the views that the architecture refers to
  std::unique_ptr<Architecture> architecture;
  PendingTokenizer tokenizer;
  std::uint64_t fingerprint = 0;
  PackCacheInfo pack_cache;
};

}  // namespace garam
