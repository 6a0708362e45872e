// LoRA adapters merged into the weights of a model file.
#pragma once

#include <cstddef>
#include <span>
#include <stop_token>
#include <string>

#include "garam/kernel_set.h"
#include "garam/model.h"

namespace garam {

/// How to merge. Nothing but `type` decides a byte of the result.
struct MergeOptions {
  /// Weight type of the matrices that change, e.g. "f16" or "q8_0"; empty: that which they have, which must
  /// be f32, f16 or bf16 then, since the errors of quantising twice would add up.
  std::string type{};
  unsigned threads = 0;                  ///< as LoadOptions::threads
  KernelSet kernels = KernelSet::kAuto;  ///< as LoadOptions::kernels
  Progress progress{};                   ///< share of the weights done
  std::stop_token stop{};                ///< ends with Error(kCancelled); nothing is written then
};

/// What merge_adapters() wrote.
struct MergeReport {
  std::size_t merged = 0;  ///< tensors that changed
  std::size_t copied = 0;  ///< tensors that did not
};

/// Writes the model `base` (what Model::load() takes) with the updates of `adapters` added to its matrices,
/// in their order, W + f B A with f = scale * alpha / rank in f32, rounded to the type once at the end
/// (docs/numerics.md, 15). All other tensors and all keys are copied, but for those that say how a file was
/// split. An adapter whose scale is 0 is checked and changes nothing. Tensors pass through in pieces: peak
/// memory is some tens of MB and the adapter of one tensor. `out` appears whole or not at all. The same bytes
/// come out for any number of threads and with any kernel set.
///
/// Logits of the result are close to those of the adapters applied while loading, not equal: rounding is
/// another, and with weights of less than 32 bits some of what an adapter adds is lost.
///
/// Throws Error: kIo, kFormat, kUnsupported, as Model::load() for the base and each adapter; kArgument for
/// another type, weights that it cannot hold, and quantised matrices without `type`; kCancelled. Any number
/// of threads may call it at once with different `out`.
MergeReport merge_adapters(const std::string& base, std::span<const Adapter> adapters, const std::string& out,
                           const MergeOptions& options = {});

}  // namespace garam
