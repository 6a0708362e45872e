// What a tokenizer family has to offer. One class per family: byte-level BPE, SentencePiece-type BPE (by
// scores, by merges), WordPiece, Unigram.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/vocabulary.h"

namespace garam {

/// Bytes begin..end of a text.
struct TextRange {
  std::uint32_t begin, end;
};

/// Where tokens go: ids, and on request where each lies in the text.
struct TokenOutput {
  std::vector<std::int32_t>& ids;
  std::vector<TextRange>* ranges = nullptr;  ///< one per id, in the caller's text; nullptr: not wanted
  std::uint32_t base = 0;                    ///< where the text of this encode() begins in the caller's
  /// For families that rewrite the text: what each of its bytes was made from, relative to `base`. Empty
  /// where the text is as it came, and where no ranges are wanted.
  std::vector<TextRange> origin{};

  /// Adds a token for bytes begin..end of the text as the family rewrote it.
  void add(std::int32_t id, std::size_t begin, std::size_t end) {
    ids.push_back(id);
    if (ranges != nullptr) add_range(begin, end);
  }
  /// The range alone.
  void add_range(std::size_t begin, std::size_t end) {
    TextRange range{static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
    if (!origin.empty()) range = {origin[begin].begin, origin[end - 1].end};
    ranges->push_back({base + range.begin, base + range.end});
  }
};

/// Cuts plain text into tokens. Immutable after construction; refers to the vocabulary it was made from.
class TokenModel {
 public:
  virtual ~TokenModel() = default;
  /// Appends the tokens of `text` (not empty, no special tokens in it) to `out`. `at_start`: nothing or a
  /// special token comes before it. Throws Error(kArgument) for text that the vocabulary cannot spell.
  virtual void encode(std::string_view text, bool at_start, TokenOutput& out) const = 0;
  /// Appends the bytes that a token of kind kNormal or kUnused stands for.
  virtual void append_piece(std::string_view token_text, std::string& out) const = 0;
};

/// Byte-level BPE. Throws Error: kFormat for malformed merges, kUnsupported for an unknown pre-tokenizer.
std::unique_ptr<TokenModel> make_byte_level_bpe(const Vocabulary& vocabulary,
                                                const std::optional<std::vector<std::string>>& merges);

/// SentencePiece-type BPE that merges by scores. The vocabulary must have scores.
std::unique_ptr<TokenModel> make_sentencepiece_bpe(const Vocabulary& vocabulary);

/// SentencePiece-type BPE that merges by a list of merges. `by_lines`: line breaks stand apart (Gemma 4).
/// Throws Error(kFormat) for malformed merges.
std::unique_ptr<TokenModel> make_merged_sentencepiece(const Vocabulary& vocabulary,
                                                      const std::optional<std::vector<std::string>>& merges,
                                                      bool by_lines);

/// WordPiece (BERT).
std::unique_ptr<TokenModel> make_wordpiece(const Vocabulary& vocabulary);

/// Unigram (T5). The vocabulary must have scores. `character_map` is SentencePiece's precompiled_charsmap,
/// empty for none. Throws Error(kFormat) for a malformed map.
std::unique_ptr<TokenModel> make_unigram(const Vocabulary& vocabulary,
                                         std::vector<std::uint8_t> character_map);

/// The unknown token, which stands for `text`. Throws Error(kArgument) when the vocabulary has none.
std::int32_t unknown_token(const Vocabulary& vocabulary, std::string_view text);

/// Whether merging and matching may make a token of this kind: not of control, unknown and byte tokens,
/// whatever merges and scores say.
inline bool is_text_kind(TokenKind kind) {
  return kind == TokenKind::kNormal || kind == TokenKind::kUserDefined || kind == TokenKind::kUnused;
}

/// Two symbols of `tokenizer.ggml.merges[index]`. Throws Error(kFormat) where it is not two with a space
/// between.
struct MergeRule {
  std::string_view left, right;
};
MergeRule parse_merge(const Vocabulary& vocabulary, std::string_view merge, std::size_t index);
/// The list, which must be there and have fewer than 2^32-1 entries. Throws Error(kFormat).
const std::vector<std::string>& require_merges(const Vocabulary& vocabulary,
                                               const std::optional<std::vector<std::string>>& merges);

}  // namespace garam
