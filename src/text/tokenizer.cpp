// The public Tokenizer: special tokens around a family's plain text, and decoding.
#include "garam/tokenizer.h"

#include <limits>

#include "base/fail.h"
#include "base/printable.h"
#include "text/tokenizer_impl.h"

namespace garam {
namespace {

// Repairing and escaping can triple a text, and positions in it are 32-bit.
constexpr std::size_t kMaxTextBytes = std::size_t{1} << 30;

const VocabularyDefaults& defaults_of(std::string_view model, std::string_view pre, std::string_view source) {
  // Where a file of the first family says nothing, there is no special token; those of the second were
  // written by SentencePiece, whose trainer puts these ids there.
  static const VocabularyDefaults byte_level{};
  static const VocabularyDefaults byte_level_with_bos{.add_bos = true};
  static const VocabularyDefaults sentencepiece{
      .bos = 1, .eos = 2, .unknown = 0, .add_bos = true, .add_space_prefix = true};
  if (model == "llama") return sentencepiece;
  if (model != "gpt2") {
    fail(ErrorCode::kUnsupported, "{}: tokenizer.ggml.model: expected one of gpt2, llama, found {}", source,
         model.empty() ? "none" : formatted("\"{}\"", printable(model)));
  }
  const PreTokenizer* rule = find_pre_tokenizer(pre);
  return rule != nullptr && rule->add_bos ? byte_level_with_bos : byte_level;
}

/// Without scores nothing says how text merges, without types nothing tells byte tokens from text.
void require_scores_and_types(const VocabData& data, std::string_view source) {
  const char* missing = !data.scores ? "scores" : !data.types ? "token_type" : nullptr;
  if (missing == nullptr) return;
  fail(ErrorCode::kFormat, "{}: tokenizer.ggml.{}: expected {} values (one per token), found none", source,
       missing, data.tokens.size());
}

}  // namespace

Tokenizer::Impl::Impl(VocabData data, std::string_view source) {
  const VocabularyDefaults& defaults = defaults_of(data.model, data.pre, source);
  if (data.model == "llama") require_scores_and_types(data, source);
  check_vocabulary(data, defaults, source, vocabulary);
  apply_known_names(data, vocabulary);
  if (vocabulary.model == "gpt2") {
    vocabulary.add_space_prefix = false;  // the family has no such thing, though some files carry the key
    model = make_byte_level_bpe(vocabulary, data.merges);
  } else {
    vocabulary.pre.clear();  // converters write "default" there
    model = make_sentencepiece_bpe(vocabulary);
  }
  user_tokens.emplace(vocabulary, false);
  all_tokens.emplace(vocabulary, true);

  piece_ends.reserve(vocabulary.tokens.size());
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const std::string& text = vocabulary.tokens[id];
    switch (vocabulary.kind(id)) {
      case TokenKind::kNormal:
      case TokenKind::kUnused:
        model->append_piece(text, pieces);
        break;
      case TokenKind::kByte:
        pieces += static_cast<char>(*parse_byte_token(text));
        break;
      case TokenKind::kUnknown:
      case TokenKind::kControl:
      case TokenKind::kUserDefined:
        pieces += text;
        break;
    }
    piece_ends.push_back(static_cast<std::uint32_t>(pieces.size()));
  }
}

std::size_t Tokenizer::Impl::checked(std::int32_t id) const {
  if (id < 0 || static_cast<std::size_t>(id) >= vocabulary.tokens.size()) {
    fail(ErrorCode::kArgument, "token id: expected 0 to {}, found {}", vocabulary.tokens.size() - 1, id);
  }
  return static_cast<std::size_t>(id);
}

std::string_view Tokenizer::Impl::piece(std::size_t id) const {
  const std::size_t begin = id == 0 ? 0 : piece_ends[id - 1];
  return std::string_view(pieces).substr(begin, piece_ends[id] - begin);
}

std::string_view Tokenizer::Impl::next_piece(std::int32_t id, DecodeOptions options,
                                             bool& strip_space) const {
  const std::size_t index = checked(id);
  const TokenKind kind = vocabulary.kind(index);
  std::string_view text = piece(index);
  if (kind == TokenKind::kControl || kind == TokenKind::kUserDefined) {
    strip_space = vocabulary.add_space_prefix;
    return kind == TokenKind::kControl && !options.special ? std::string_view() : text;
  }
  if (strip_space && !text.empty() && text[0] == ' ') text.remove_prefix(1);
  strip_space = false;
  return kind == TokenKind::kUnknown && !options.special ? std::string_view() : text;
}

Tokenizer make_tokenizer(VocabData data, std::string_view source) {
  return Tokenizer(std::make_shared<const Tokenizer::Impl>(std::move(data), source));
}

std::int32_t unknown_token(const Vocabulary& vocabulary, std::string_view text) {
  // Some files name their end of text as the unknown token; text must not end the text.
  if (vocabulary.unknown &&
      !vocabulary.infos[static_cast<std::size_t>(*vocabulary.unknown)].end_of_generation) {
    return *vocabulary.unknown;
  }
  std::string bytes;
  for (const char c : text) bytes += formatted(" {:02X}", static_cast<unsigned char>(c));
  fail(ErrorCode::kArgument,
       "text: the vocabulary of {} has neither tokens for the bytes{} nor an unknown token",
       vocabulary.source, bytes);
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  const Vocabulary& vocabulary = impl_->vocabulary;
  if (text.size() > kMaxTextBytes) {
    fail(ErrorCode::kArgument, "text: expected at most {} bytes, found {}", kMaxTextBytes, text.size());
  }
  std::vector<std::int32_t> ids;
  ids.reserve(text.size() / 4 + 4);
  if (options.add_special && vocabulary.add_bos) ids.push_back(*vocabulary.bos);
  std::vector<Segment> segments;
  (options.parse_special ? impl_->all_tokens : impl_->user_tokens)->split(text, segments);
  bool at_start = true;
  for (const Segment& segment : segments) {
    if (segment.id == Segment::kText) {
      impl_->model->encode(segment.text, at_start, ids);
    } else {
      ids.push_back(segment.id);
    }
    at_start = segment.id != Segment::kText;
  }
  if (options.add_special && vocabulary.add_eos) ids.push_back(*vocabulary.eos);
  if (ids.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    fail(ErrorCode::kArgument, "text: expected at most 2^31-1 tokens, found {}", ids.size());
  }
  return ids;
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids, DecodeOptions options) const {
  std::string text;
  bool strip_space = impl_->vocabulary.add_space_prefix;
  for (const std::int32_t id : ids) text += impl_->next_piece(id, options, strip_space);
  return text;
}

std::string Tokenizer::piece(std::int32_t id) const {
  return std::string(impl_->piece(impl_->checked(id)));
}

std::string_view Tokenizer::text(std::int32_t id) const {
  return impl_->vocabulary.tokens[impl_->checked(id)];
}

std::optional<std::int32_t> Tokenizer::find(std::string_view text) const {
  const std::uint32_t id = impl_->vocabulary.ids.find(text);
  if (id == TextTable::kAbsent) return std::nullopt;
  return static_cast<std::int32_t>(id);
}

std::size_t Tokenizer::size() const noexcept {
  return impl_->vocabulary.tokens.size();
}
std::optional<std::int32_t> Tokenizer::bos() const noexcept {
  return impl_->vocabulary.bos;
}
std::optional<std::int32_t> Tokenizer::eos() const noexcept {
  return impl_->vocabulary.eos;
}
std::optional<std::int32_t> Tokenizer::eot() const noexcept {
  return impl_->vocabulary.eot;
}
std::optional<std::int32_t> Tokenizer::eom() const noexcept {
  return impl_->vocabulary.eom;
}
std::optional<std::int32_t> Tokenizer::unknown() const noexcept {
  return impl_->vocabulary.unknown;
}
std::optional<std::int32_t> Tokenizer::padding() const noexcept {
  return impl_->vocabulary.padding;
}

bool Tokenizer::is_control(std::int32_t id) const {
  return impl_->vocabulary.kind(impl_->checked(id)) == TokenKind::kControl;
}

bool Tokenizer::is_end_of_generation(std::int32_t id) const {
  return impl_->vocabulary.infos[impl_->checked(id)].end_of_generation;
}

bool Tokenizer::add_bos() const noexcept {
  return impl_->vocabulary.add_bos;
}
bool Tokenizer::add_eos() const noexcept {
  return impl_->vocabulary.add_eos;
}
bool Tokenizer::add_space_prefix() const noexcept {
  return impl_->vocabulary.add_space_prefix;
}
std::string_view Tokenizer::model() const noexcept {
  return impl_->vocabulary.model;
}
std::string_view Tokenizer::pre_tokenizer() const noexcept {
  return impl_->vocabulary.pre;
}

}  // namespace garam
