// Writing a model as a GGUF file: what a Hugging Face folder holds, for garam and for every other reader of
// GGUF.
#pragma once

#include <stop_token>
#include <string>

#include "garam/model.h"

namespace garam {

/// How convert() writes.
struct ConvertOptions {
  /// Type of the weights: any that quantize() takes (quantize.h), which then decides what becomes what;
  /// empty: each tensor as it is stored. Norms and biases become f32 with any of them.
  std::string type{};
  Progress progress{};     ///< share of the bytes written
  std::stop_token stop{};  ///< ends with Error(kCancelled); nothing is written then
};

/// Writes the model at `from` (what Model::load() takes) to the GGUF file `to`, which appears whole or not at
/// all. Tensors pass through in pieces of 1 MB: memory is that of keys and vocabulary, not of weights.
/// Written as stored, the file computes the same bits as the folder. Throws Error: kIo, kFormat and
/// kUnsupported as Model::load() does, kUnsupported also for weights with scales that should get another
/// type, kArgument for another type or weights that it cannot hold, kCancelled. Any number of threads may
/// call it at once with different `to`.
void convert(const std::string& from, const std::string& to, const ConvertOptions& options = {});

}  // namespace garam
