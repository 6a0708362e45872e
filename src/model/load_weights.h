// Fills declared weights from a file: bounded reads, packed once, in parallel, tensor by tensor.
#pragma once

#include <cstdint>
#include <functional>

#include "base/memory.h"
#include "core/weights.h"
#include "garam/model.h"
#include "io/model_file.h"
#include "runtime/thread_pool.h"

namespace garam {

/// Bytes of the arena that holds every declared matrix. Throws Error(kFormat) when the sum does not fit.
std::uint64_t arena_bytes(const Weights& weights, const std::string& file);

/// Gives every declared matrix its place in `arena`, one behind the other in the order of declaration.
void place_matrices(Weights& weights, Memory& arena);

/// Reads every declared vector and returns a hash of what was read. Refuses values that are not finite.
std::uint64_t load_vectors(const ModelFile& file, Weights& weights);

/// Reads, checks and packs every declared matrix into its place and returns a hash of what was read. Refuses
/// scales and weights that are not finite. Peak memory beyond the arena: about 1 MB a worker. One worker
/// first does `beside`, which may throw and whose exception comes before others.
std::uint64_t load_matrices(const ModelFile& file, const Weights& weights, ThreadPool& pool,
                            const LoadOptions& options, const std::function<void()>& beside);

/// The hash that load_matrices() would return; nothing is packed.
std::uint64_t hash_matrices(const ModelFile& file, const Weights& weights, ThreadPool& pool,
                            const LoadOptions& options);

}  // namespace garam
