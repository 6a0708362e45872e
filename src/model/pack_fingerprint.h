// What packed weights depend on, as one number.
#pragma once

#include <cstdint>

#include "core/weights.h"
#include "io/model_file.h"

namespace garam {

/// Changes with the model file (size, time of the last write and samples of every part, and what `metadata`
/// and `vectors` are hashes of), with the version of the library, and with how each format in use is packed.
std::uint64_t pack_fingerprint(const ModelFile& file, const Weights& weights, std::uint64_t metadata,
                               std::uint64_t vectors);

}  // namespace garam
