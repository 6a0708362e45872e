// How config.json scales rotary positions.
#pragma once

#include "hf/family.h"

namespace garam {

/// Which scalings an architecture's GGUF files can say.
struct RopeSupport {
  bool llama3 = false;    // a tensor of factors
  bool longrope = false;  // two of them
};

/// Writes the rope.* keys and tensors for heads of which `dims` values are rotated. Reads rope_theta and
/// rope_scaling, or rope_parameters, which newer files have in their place (`layers`: where it has parameters
/// for each type of layer, those). Throws Error(kUnsupported) for a scaling that is not one of default,
/// linear, yarn and what `support` says: guessing one gives silently worse text.
void add_rope(HfModel& model, const Decoder& decoder, std::uint64_t dims, const RopeSupport& support,
              std::string_view layers = "full_attention");

/// The parameters of layers of type `layers`, where config.json has rope_parameters.
std::optional<JsonValue> rope_parameters(const HfConfig& config, std::string_view layers);

}  // namespace garam
