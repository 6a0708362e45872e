// tokenizer.json and its companions as the keys tokenizer.ggml.* of a GGUF file. What GGUF has no key for
// goes into keys tokenizer.garam.*, which other readers pass over: docs/tokenizers.md lists them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "hf/keys.h"
#include "io/json.h"

namespace garam {

/// A vocabulary of 262,144 tokens with its merges takes 35 MB and 2 million values.
inline constexpr JsonLimits kTokenizerLimits{.bytes = std::uint64_t{256} << 20,
                                             .values = std::size_t{6} << 20};

struct VocabularyFiles {
  std::string folder;
  std::optional<JsonDocument> tokenizer, tokenizer_config, generation_config;
  std::optional<std::string> chat_template;  // chat_template.jinja
  std::optional<JsonValue> config, text_config;
  std::optional<std::uint64_t> rows;  // of the token embedding, which the vocabulary is padded to
};

/// Adds nothing where the folder has no vocabulary. Throws Error(kFormat) for files that contradict
/// themselves, Error(kUnsupported) for rules that garam does not have, and for a folder with another kind of
/// vocabulary.
void add_tokenizer_keys(const VocabularyFiles& files, KeyList& keys);

}  // namespace garam
