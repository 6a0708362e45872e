// The makers of all architectures, one per file of this folder.
#pragma once

#include <memory>

#include "arch/architecture.h"

namespace garam {

using ArchitectureFactory = std::unique_ptr<Architecture> (*)(const Metadata&, const Config&, Weights&);

std::unique_ptr<Architecture> make_command_r(const Metadata& metadata, const Config& config,
                                             Weights& weights);
std::unique_ptr<Architecture> make_falcon(const Metadata& metadata, const Config& config, Weights& weights);
std::unique_ptr<Architecture> make_gemma(const Metadata& metadata, const Config& config, Weights& weights);
std::unique_ptr<Architecture> make_gemma2(const Metadata& metadata, const Config& config, Weights& weights);
std::unique_ptr<Architecture> make_gemma3(const Metadata& metadata, const Config& config, Weights& weights);
std::unique_ptr<Architecture> make_gpt_oss(const Metadata& metadata, const Config& config, Weights& weights);
std::unique_ptr<Architecture> make_gpt2(const Metadata& metadata, const Config& config, Weights& weights);
std::unique_ptr<Architecture> make_gptneox(const Metadata& metadata, const Config& config, Weights& weights);
std::unique_ptr<Architecture> make_llama(const Metadata& metadata, const Config& config, Weights& weights);
std::unique_ptr<Architecture> make_olmo2(const Metadata& metadata, const Config& config, Weights& weights);
std::unique_ptr<Architecture> make_phi2(const Metadata& metadata, const Config& config, Weights& weights);
std::unique_ptr<Architecture> make_phi3(const Metadata& metadata, const Config& config, Weights& weights);
std::unique_ptr<Architecture> make_qwen2(const Metadata& metadata, const Config& config, Weights& weights);
std::unique_ptr<Architecture> make_qwen2moe(const Metadata& metadata, const Config& config, Weights& weights);
std::unique_ptr<Architecture> make_qwen3(const Metadata& metadata, const Config& config, Weights& weights);
std::unique_ptr<Architecture> make_stablelm(const Metadata& metadata, const Config& config, Weights& weights);
std::unique_ptr<Architecture> make_starcoder2(const Metadata& metadata, const Config& config,
                                              Weights& weights);

}  // namespace garam
