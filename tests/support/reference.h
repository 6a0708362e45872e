// The exact logits of a model: a plain double-precision forward of every architecture over the unpacked rows
// of a file. Slow, short and without any code of the engine, so that the two can only agree by being right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "support/reference_file.h"

namespace garam::test {

/// Which of the engine's deliberate roundings the reference takes part in. With all of them off the result is
/// the mathematical one; with them on, what is left between engine and reference is f32 arithmetic, so a
/// tight bound applies to quantised models too.
struct ReferenceOptions {
  bool round_activations = false;  // to q8 blocks or bf16 where the weight type asks for it (rules 3 and 4)
  bool f16_kv = false;             // keys and values to f16 (rule 8)
  bool q8_kv = false;              // keys and values to q8_0 (rule 8)
  bool scores = false;             // those of the classification head instead, [tokens][scores]
  std::size_t context = 512;       // of the session, which chooses between LongRoPE's factors
};

/// Logits after every token, [tokens][vocab].
std::vector<double> reference_logits(const ReferenceFile& file, std::span<const std::int32_t> tokens,
                                     const ReferenceOptions& options = {});

/// sqrt(mean((found - exact)^2) / mean(exact^2)) over everything; infinite when the sizes differ.
double relative_rms(std::span<const float> found, std::span<const double> exact);

}  // namespace garam::test
