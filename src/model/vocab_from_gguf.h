// From the tokenizer.ggml.* keys of a GGUF file to a Tokenizer. The one place that knows both rooms, io and
// text.
#pragma once

#include <optional>

#include "garam/tokenizer.h"

namespace garam {

class GgufFile;

/// The file's tokenizer; nothing when it has no vocabulary (no tokenizer.ggml.model, or "none" or
/// "no_vocab"). Throws Error: kFormat for keys of the wrong type and contradictory data, kUnsupported for a
/// family or pre-tokenizer that garam does not have. Takes the vocabulary's arrays out of `file`.
std::optional<Tokenizer> tokenizer_from_gguf(GgufFile& file);

}  // namespace garam
