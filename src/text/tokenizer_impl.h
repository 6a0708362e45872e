// What is behind a Tokenizer. For tokenizer.cpp and text_stream.cpp only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "garam/tokenizer.h"
#include "text/pretokenizer.h"
#include "text/special_tokens.h"
#include "text/token_model.h"
#include "text/vocabulary.h"

namespace garam {

struct Tokenizer::Impl {
  Impl(VocabData data, std::string_view source);
  Impl(const Impl&) = delete;  // the parts point into each other
  Impl& operator=(const Impl&) = delete;

  /// What encode() and encode_spans() do. `out` must be empty.
  void encode(std::string_view text, EncodeOptions options, TokenOutput& out) const;
  /// `id` as an index. Throws Error(kArgument) when it is out of range.
  std::size_t checked(std::int32_t id) const;
  /// The bytes of one token.
  std::string_view piece(std::size_t id) const { return pieces[id]; }
  /// The bytes that `id` adds to a text. `strip_space` says whether encode() put a space before what comes
  /// now, and is set for the next token; it starts as add_space_prefix. Throws Error(kArgument), nothing
  /// changed.
  std::string_view next_piece(std::int32_t id, DecodeOptions options, bool& strip_space) const;

  void append_piece(std::size_t id, std::string& out) const;

  Vocabulary vocabulary;
  std::unique_ptr<const TokenModel> model;
  std::optional<SpecialTokens> user_tokens;  // found in every text
  std::optional<SpecialTokens> all_tokens;   // found where the caller asks for control tokens
  TextList pieces;                           // by id: the bytes of the token
};

}  // namespace garam
