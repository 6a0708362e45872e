// The tokens and merges of tokenizer.json.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/json.h"

namespace garam {

// GGUF's token types.
inline constexpr std::int32_t kTypeNormal = 1, kTypeUnknown = 2, kTypeControl = 3, kTypeUserDefined = 4,
                              kTypeUnused = 5, kTypeByte = 6;

struct TokenList {
  std::vector<std::string> tokens;
  std::vector<std::int32_t> types;
  std::vector<float> scores;        // of SentencePiece-type vocabularies: minus the rank of the merge
  std::vector<std::string> merges;  // "left right", best first
  std::vector<std::uint32_t> strip_left, strip_right;  // added tokens that swallow white space, rising

  /// The id of a token that is neither padding nor beyond `tokens`.
  std::optional<std::uint32_t> find(std::string_view text) const;
};

/// Reads `model` and `added_tokens`; `rows`: how many tokens the model has, which the list is padded to.
/// Added tokens beyond them are left out, since the model cannot compute with them.
TokenList read_vocabulary(const JsonValue& root, bool byte_level, std::optional<std::uint64_t> rows);

}  // namespace garam
