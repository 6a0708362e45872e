// From the tokenizer.ggml.* keys of a GGUF file to a vocabulary and a Tokenizer. The one place that knows
// both rooms, io and text.
#pragma once

#include <optional>

#include "text/vocab.h"

namespace garam {

class ModelFile;

/// The file's vocabulary, not yet checked; nothing when it has none (no tokenizer.ggml.model, or "none" or
/// "no_vocab"). Throws Error(kFormat) for keys of the wrong type. Takes the vocabulary's arrays out of
/// `file`.
std::optional<VocabData> vocab_from_gguf(ModelFile& file);

/// The same as a tokenizer. Throws Error also as make_tokenizer() does: kFormat for contradictory data,
/// kUnsupported for a family or pre-tokenizer that garam does not have.
std::optional<Tokenizer> tokenizer_from_gguf(ModelFile& file);

}  // namespace garam
