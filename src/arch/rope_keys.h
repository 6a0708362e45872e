// The rope.* keys of a model file.
#pragma once

#include <span>
#include <string>

#include "core/config.h"
#include "ops/rope.h"

namespace garam {

/// Whether the architecture reads the factors of LongRoPE.
enum class LongFactors { kUnknown, kKnown };

/// Reads rope.dimension_count, rope.freq_base and rope.scaling.*: none, linear, yarn or, where known,
/// longrope; any other scaling is Error(kUnsupported), since guessing one gives silently worse text.
ops::RopeOptions read_rope(const Metadata& metadata, const Config& config,
                           LongFactors long_factors = LongFactors::kUnknown);

/// Throws Error(kFormat) unless every factor is a positive finite number.
void check_rope_factors(const std::string& file, const std::string& tensor, std::span<const float> factors);

}  // namespace garam
