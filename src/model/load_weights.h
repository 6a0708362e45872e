// Fills declared weights from a file: bounded reads, packed once, in parallel, tensor by tensor.
#pragma once

#include <cstdint>
#include <stop_token>

#include "base/memory.h"
#include "core/weights.h"
#include "garam/model.h"
#include "io/gguf.h"
#include "runtime/thread_pool.h"

namespace garam {

/// Bytes of the arena that holds every declared matrix. Throws Error(kFormat) when the sum does not fit.
std::uint64_t arena_bytes(const Weights& weights, const std::string& file);

/// Reads, checks and packs every declared weight into `arena` and returns a hash of what was read. Refuses
/// scales and weights that are not finite. Peak memory beyond the arena: about 1 MB a worker.
std::uint64_t load_weights(const GgufFile& file, Weights& weights, Memory& arena, ThreadPool& pool,
                           const LoadOptions& options);

}  // namespace garam
