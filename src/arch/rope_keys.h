// The rope.* keys of a model file.
#pragma once

#include <span>
#include <string>

#include "core/config.h"
#include "ops/rope.h"

namespace garam {

/// Reads rope.dimension_count, rope.freq_base and rope.scaling.*: none, linear or yarn; any other scaling is
/// Error(kUnsupported), since guessing one gives silently worse text.
ops::RopeOptions read_rope(const Metadata& metadata, const Config& config);

/// Throws Error(kFormat) unless every factor is a positive finite number.
void check_rope_factors(const std::string& file, const std::string& tensor, std::span<const float> factors);

}  // namespace garam
