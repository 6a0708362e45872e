// The makers of all architectures, one per file of this folder.
#pragma once

#include <memory>

#include "arch/architecture.h"

namespace garam {

using ArchitectureFactory = std::unique_ptr<Architecture> (*)(const Metadata&, const Config&, Weights&);

std::unique_ptr<Architecture> make_gpt2(const Metadata& metadata, const Config& config, Weights& weights);
std::unique_ptr<Architecture> make_llama(const Metadata& metadata, const Config& config, Weights& weights);

}  // namespace garam
