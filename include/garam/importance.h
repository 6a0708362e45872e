// Importance matrices: which columns of a model's weights meet large activations. A quantiser that knows them
// spends its bits there (QuantizeOptions::importance).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stop_token>
#include <string>

#include "garam/model.h"

namespace garam {

/// How to measure.
struct ImportanceOptions {
  std::size_t chunk = 512;  ///< tokens of a sequence, 1 to the model's context; each begins with BOS where
                            ///< the vocabulary adds one
  std::size_t chunks = 0;   ///< at most this many; 0 = all whole chunks
  std::string dataset{};    ///< name of the text, kept in the file; empty = none
  Progress progress{};      ///< share of the chunks done
  std::stop_token stop{};   ///< ends with Error(kCancelled); nothing is written then
};

/// What measure_importance() did.
struct ImportanceReport {
  std::size_t chunks = 0;   ///< sequences computed
  std::size_t tensors = 0;  ///< matrices in the file
  std::size_t unseen = 0;   ///< of them mixtures with an expert that no token chose
};

/// Runs the model over `tokens` (of its tokenizer, without BOS and EOS) in chunks and writes the mean square
/// of every activation that meets a column of a matrix: llama.cpp's GGUF form (tools/imatrix; general.type
/// "imatrix", for each matrix NAME f32 tensors NAME.in_sum2 [experts, columns] and NAME.counts [experts, 1]).
/// Without the output matrix, as there. Sums are in double and in the order of the tokens: the file is the
/// same bytes for any number of threads and any kernel set. `out` appears whole or not at all.
///
/// Throws Error: kArgument for fewer tokens than one chunk or a chunk the context cannot hold, kIo,
/// kCancelled, kNonFinite. Memory: 8 bytes for each column of each matrix, beside a session's.
ImportanceReport measure_importance(const Model& model, std::span<const std::int32_t> tokens,
                                    const std::string& out, const ImportanceOptions& options = {});

}  // namespace garam
