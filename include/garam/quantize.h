// Model files with smaller weights: every weight type garam computes, and the mixes of types that files are
// known by.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "garam/kernel_set.h"
#include "garam/model.h"

namespace garam {

/// How to quantise. Nothing but `importance`, `pure` and the types decides a byte of the result.
struct QuantizeOptions {
  /// File with an importance matrix as `garam imatrix` writes it (GGUF), or as llama.cpp does (GGUF or its
  /// older .dat); empty: none. It weighs the squared error of each weight by the mean square of the
  /// activation that meets it. Tensors it does not name are quantised without.
  std::string importance{};
  /// Also from types with scales. Without it such a tensor is an Error: its errors would add up.
  bool requantize = false;
  /// The named type for every tensor that is quantised, instead of the mix (larger types for the output and
  /// for some layers) that llama.cpp's files of that name have.
  bool pure = false;
  /// Types for two tensors, e.g. "q8_0"; empty: as the mix has it.
  std::string output_type{};
  std::string embedding_type{};
  unsigned threads = 0;                  ///< as LoadOptions::threads
  KernelSet kernels = KernelSet::kAuto;  ///< as LoadOptions::kernels
  Progress progress{};                   ///< share of the weights done
  std::stop_token stop{};                ///< ends with Error(kCancelled); nothing is written then
};

/// One tensor of the result.
struct QuantizedTensor {
  std::string name;
  std::string from, to;  ///< ggml's names of the types; the same where it was copied
  std::uint64_t bytes_from = 0, bytes_to = 0;
  bool important = false;  ///< the importance matrix was used
};

/// What quantize() wrote.
struct QuantizeReport {
  std::vector<QuantizedTensor> tensors;        ///< in the order of the file
  std::uint64_t bytes_from = 0, bytes_to = 0;  ///< of all tensors
};

/// Names that quantize() takes, in any case: "f32", "q4_0", .. and "Q2_K", "Q3_K_S", "Q3_K_M", "Q3_K_L",
/// "Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M", "Q6_K", "IQ4_XS" and others.
std::vector<std::string_view> quantize_types();

/// Writes the model `in` to `out` with weights of `type`. Which tensors are quantised and to what follows
/// llama.cpp (src/llama-quant.cpp): matrices whose name ends in .weight, without norms, routers of experts
/// and position tables; a type whose blocks do not divide a row gives way to one whose blocks do. All other
/// tensors and all keys are copied. Scales are searched for least weighted squared error. `in` is read piece
/// by piece: peak memory is some tens of MB, and the size of the importance matrix. `out` appears whole or
/// not at all. The same bytes come out for any number of threads and with any kernel set.
///
/// Throws Error: kIo, kFormat, kUnsupported (a type garam does not read), kArgument (unknown type, a tensor
/// that is quantised already without `requantize`, weights that are not finite or beyond what f16 scales
/// hold), kCancelled. Any number of threads may call it at once with different `out`.
QuantizeReport quantize(const std::string& in, const std::string& out, std::string_view type,
                        const QuantizeOptions& options = {});

}  // namespace garam
