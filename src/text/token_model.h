// What a tokenizer family has to offer. One class per family: byte-level BPE, SentencePiece-type BPE.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/vocabulary.h"

namespace garam {

/// Cuts plain text into tokens. Immutable after construction; refers to the vocabulary it was made from.
class TokenModel {
 public:
  virtual ~TokenModel() = default;
  /// Appends the ids of `text` (not empty, no special tokens in it) to `out`. `at_start`: nothing or a
  /// special token comes before it. Throws Error(kArgument) for text that the vocabulary cannot spell.
  virtual void encode(std::string_view text, bool at_start, std::vector<std::int32_t>& out) const = 0;
  /// Appends the bytes that a token of kind kNormal or kUnused stands for.
  virtual void append_piece(std::string_view token_text, std::string& out) const = 0;
};

/// Byte-level BPE. Throws Error: kFormat for malformed merges, kUnsupported for an unknown pre-tokenizer.
std::unique_ptr<TokenModel> make_byte_level_bpe(const Vocabulary& vocabulary,
                                                const std::optional<std::vector<std::string>>& merges);

/// SentencePiece-type BPE. The vocabulary must have scores.
std::unique_ptr<TokenModel> make_sentencepiece_bpe(const Vocabulary& vocabulary);

/// The unknown token, which stands for `text`. Throws Error(kArgument) when the vocabulary has none.
std::int32_t unknown_token(const Vocabulary& vocabulary, std::string_view text);

}  // namespace garam
