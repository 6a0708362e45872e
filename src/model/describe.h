// ModelInfo from a file: for inspect() and for loaded models.
#pragma once

#include "core/config.h"
#include "core/weights.h"
#include "garam/model.h"
#include "io/model_file.h"

namespace garam {

/// What the container says: architecture, keys, tensors, sizes.
ModelInfo describe(const ModelFile& file);

/// Adds what the architecture made of it: dimensions and predicted memory.
void describe_architecture(const Config& config, const Weights& weights, const std::string& file,
                           ModelInfo& info);

}  // namespace garam
