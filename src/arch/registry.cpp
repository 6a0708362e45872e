// One line per architecture.
#include "arch/registry.h"

#include "arch/architecture.h"
#include "base/fail.h"
#include "base/printable.h"

namespace garam {
namespace {

enum class Experts { kNone, kMaybe, kAlways };

struct Entry {
  std::string_view name;
  ArchitectureFactory make;
  Experts experts = Experts::kNone;
};

// clang-format off
constexpr Entry kEntries[] = {
    {"command-r", make_command_r},
    {"falcon", make_falcon},
    {"gemma", make_gemma},
    {"gemma2", make_gemma2},
    {"gemma3", make_gemma3},
    {"gpt-oss", make_gpt_oss, Experts::kAlways},
    {"gpt2", make_gpt2},
    {"gptneox", make_gptneox},
    {"llama", make_llama, Experts::kMaybe},
    {"olmo2", make_olmo2},
    {"phi2", make_phi2},
    {"phi3", make_phi3},
    {"qwen2", make_qwen2},
    {"qwen2moe", make_qwen2moe, Experts::kAlways},
    {"qwen3", make_qwen3},
    {"qwen3moe", make_qwen3, Experts::kAlways},
    {"stablelm", make_stablelm},
    {"starcoder2", make_starcoder2},
};
// clang-format on

}  // namespace

std::string known_architectures() {
  std::string list;
  for (const Entry& entry : kEntries) {
    if (!list.empty()) list += ", ";
    list += entry.name;
  }
  return list;
}

std::unique_ptr<Architecture> make_architecture(std::string_view name, const KeySource& keys,
                                                const TensorSource& tensors, Weights& weights) {
  for (const Entry& entry : kEntries) {
    if (entry.name != name) continue;
    const Metadata metadata(keys, std::string(name));
    const auto embedding = tensors.find("token_embd.weight");
    if (!embedding || embedding->shape.size() != 2) {
      fail(ErrorCode::kFormat, "{}: tensor token_embd.weight: expected a matrix, found {}", tensors.file(),
           embedding ? "another shape" : "none");
    }
    const Config config = Config::read(metadata, embedding->shape[0]);
    if ((config.experts > 0 && entry.experts == Experts::kNone) ||
        (config.experts == 0 && entry.experts == Experts::kAlways)) {
      fail(ErrorCode::kUnsupported, "{}: key {}: expected {} in a file of {}, found {}", metadata.file(),
           metadata.name("expert_count"), config.experts > 0 ? "0" : "at least 1", name, config.experts);
    }
    return entry.make(metadata, config, weights);
  }
  fail(ErrorCode::kUnsupported, "{}: key general.architecture: expected one of {}, found \"{}\"", keys.file(),
       known_architectures(), printable(name));
}

}  // namespace garam
