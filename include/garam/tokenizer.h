// Text to token ids and back. A tokenizer knows nothing about weights or sessions; it comes with a model
// file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace garam {

/// Options of Tokenizer::encode().
struct EncodeOptions {
  bool add_special = true;  ///< add BOS before, SEP and EOS behind the text, where the vocabulary says so
  /// Read control tokens written out in the text ("<|eot_id|>"). Off by default, so that text from a user
  /// cannot forge them. User-defined tokens are ordinary text and recognised either way.
  bool parse_special = false;
};

/// Options of Tokenizer::decode() and TextStream.
struct DecodeOptions {
  bool special = false;  ///< write control and unknown tokens out ("<|eot_id|>") instead of nothing
};

/// A token and where it lies: bytes begin..end of the text that was encoded.
struct TokenSpan {
  std::int32_t id;
  std::size_t begin, end;
};

/// A vocabulary and its rule for cutting text into tokens. Immutable: any number of threads may use one at
/// once. Copies are cheap and share the vocabulary. Every id argument must lie in [0, size()); others are
/// Error(kArgument).
///
/// Families (`tokenizer.ggml.model` of GGUF): "gpt2", byte-level BPE with a pre-tokenizer named by
/// `tokenizer.ggml.pre`; "llama", SentencePiece-type BPE with scores and byte tokens; "gemma4", the same with
/// merges; "bert", WordPiece; "t5", Unigram. docs/tokenizers.md says where each rule comes from. Ids equal
/// those of llama.cpp.
class Tokenizer {
 public:
  /// The ids of `text`: any bytes, embedded NUL included, up to 2^30 of them. Bytes that are not UTF-8 become
  /// U+FFFD in byte-level BPE and byte tokens in SentencePiece vocabularies, as in the reference tokenizers.
  /// A byte for which a byte-level vocabulary has no token is dropped. Time grows as n log n at worst, memory
  /// linearly. Throws Error(kArgument) for longer texts, for more than 2^31-1 ids, and for text that a
  /// SentencePiece vocabulary cannot spell when it has no unknown token either; std::bad_alloc when memory is
  /// short.
  std::vector<std::int32_t> encode(std::string_view text, EncodeOptions options = {}) const;

  /// As encode(), with the place of each token in `text`. Tokens that encode() adds (BOS, EOS, SEP) have
  /// empty ranges; the bytes of one character may belong to several tokens. Ranges ascend and do not overlap,
  /// except where a text is rewritten (several tokens made of one replaced byte have its range). White space
  /// that a special token swallows belongs to it; text that the vocabulary drops belongs to none. Slower than
  /// encode(): nothing is taken from a cache, and memory is some 20 bytes per byte of text.
  std::vector<TokenSpan> encode_spans(std::string_view text, EncodeOptions options = {}) const;

  /// The bytes that `ids` stand for: the inverse of encode() for valid UTF-8, where the vocabulary can spell
  /// every byte and the text has no control tokens. What encode() does not keep is lost: white space that a
  /// token swallows (phi-3), the difference between a space and U+2581 (SentencePiece).
  /// May end in half a UTF-8 character, if ids do; see TextStream for output that never does.
  /// With add_space_prefix() one leading space is dropped at the start and behind control and user-defined
  /// tokens, where encode() put it.
  std::string decode(std::span<const std::int32_t> ids, DecodeOptions options = {}) const;

  /// The raw bytes of one token, leading space included: "\n" for "<0x0A>", " the" for U+2581 "the". Control
  /// and unknown tokens give their text.
  std::string piece(std::int32_t id) const;
  /// The token as the vocabulary writes it. Valid as long as any copy of this tokenizer lives.
  std::string_view text(std::int32_t id) const;
  /// The id whose vocabulary text is `text`, as text() gives it.
  std::optional<std::int32_t> find(std::string_view text) const;

  /// Tokens in the vocabulary.
  std::size_t size() const noexcept;

  /// Begin of text.
  std::optional<std::int32_t> bos() const noexcept;
  /// End of text.
  std::optional<std::int32_t> eos() const noexcept;
  /// End of turn.
  std::optional<std::int32_t> eot() const noexcept;
  /// End of message.
  std::optional<std::int32_t> eom() const noexcept;
  /// What stands for text that the vocabulary cannot spell.
  std::optional<std::int32_t> unknown() const noexcept;
  /// Between and behind texts (BERT's "[SEP]").
  std::optional<std::int32_t> separator() const noexcept;
  /// Filler.
  std::optional<std::int32_t> padding() const noexcept;

  /// Whether the token steers the model instead of being text (BOS, EOS, "<|im_start|>", ...).
  bool is_control(std::int32_t id) const;
  /// Whether generation ends here: EOS, EOT, EOM and tokens with well-known names such as "<|im_end|>".
  bool is_end_of_generation(std::int32_t id) const;

  /// Whether encode() puts BOS first.
  bool add_bos() const noexcept;
  /// Whether encode() puts EOS last.
  bool add_eos() const noexcept;
  /// Whether encode() puts SEP last, before EOS.
  bool add_sep() const noexcept;
  /// Whether encode() puts a space before text (SentencePiece's dummy prefix, WordPiece's before each word).
  bool add_space_prefix() const noexcept;

  /// The family, e.g. "gpt2".
  std::string_view model() const noexcept;
  /// The pre-tokenizer as the file names it, e.g. "llama-bpe"; empty where the family has none.
  std::string_view pre_tokenizer() const noexcept;

  struct Impl;
  /// For the library's own classes; tokenizers come from Model::tokenizer().
  explicit Tokenizer(std::shared_ptr<const Impl> impl) noexcept : impl_(std::move(impl)) {}
  /// For the library's own classes.
  const Impl& impl() const noexcept { return *impl_; }

 private:
  std::shared_ptr<const Impl> impl_;
};

/// Turns ids into text as they come, whole UTF-8 characters only: an incomplete character is held back until
/// its last byte arrives. Bytes that cannot become valid UTF-8 any more come out as U+FFFD, one for each
/// maximal subpart (Unicode 15, section 3.9, "U+FFFD Substitution of Maximal Subparts"). What all calls
/// return, joined, is decode() of the same ids wherever that is valid UTF-8. Not thread-safe: one stream, one
/// thread.
class TextStream {
 public:
  /// A stream that goes on behind `context`, ids whose text was shown already (a prompt, or the session's
  /// tokens): nothing of it is returned, except a character that its last ids leave incomplete, which comes
  /// with the first push that completes it. An empty context, or only BOS, is the start of a text: there the
  /// space that encode() adds is dropped. Throws Error(kArgument) for an id out of range.
  explicit TextStream(Tokenizer tokenizer, DecodeOptions options = {},
                      std::span<const std::int32_t> context = {});

  /// The characters that `id` completes, possibly none. Throws Error(kArgument) for an id out of range; the
  /// stream is then unchanged.
  std::string push(std::int32_t id);
  /// What is held back, as U+FFFD. The stream may go on afterwards.
  std::string finish();

 private:
  Tokenizer tokenizer_;
  DecodeOptions options_;
  bool strip_space_ = false;  // the next token's leading space is encode()'s, not the text's
  std::string pending_;       // the first 1 to 3 bytes of a character
};

}  // namespace garam
