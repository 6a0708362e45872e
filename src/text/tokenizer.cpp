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

/// What `tokenizer.ggml.model` may say.
struct Family {
  std::string_view name;
  bool has_scores;
  VocabularyDefaults defaults;
  std::unique_ptr<const TokenModel> (*make)(const Vocabulary& vocabulary, VocabData& data);
};

// Where a file of a byte-level family says nothing, there is no special token; the others were written by
// trainers that put theirs at fixed ids.
const Family kFamilies[] = {
    {"gpt2",
     false,
     {},
     [](const Vocabulary& vocabulary, VocabData& data) -> std::unique_ptr<const TokenModel> {
       return make_byte_level_bpe(vocabulary, data.merges);
     }},
    {"llama",
     true,
     {.bos = 1, .eos = 2, .unknown = 0, .add_bos = true, .add_space_prefix = true},
     [](const Vocabulary& vocabulary, VocabData& data) -> std::unique_ptr<const TokenModel> {
       if (vocabulary.by_tokenizer_json) return make_merged_sentencepiece(vocabulary, data.merges, false);
       return make_sentencepiece_bpe(vocabulary);
     }},
    {"gemma4",
     false,
     {.add_bos = true},
     [](const Vocabulary& vocabulary, VocabData& data) -> std::unique_ptr<const TokenModel> {
       return make_merged_sentencepiece(vocabulary, data.merges, true);
     }},
    {"bert",
     false,
     {.bos = 101,
      .unknown = 100,
      .separator = 102,
      .padding = 0,
      .add_bos = true,
      .add_sep = true,
      .add_space_prefix = true},
     [](const Vocabulary& vocabulary, VocabData&) -> std::unique_ptr<const TokenModel> {
       return make_wordpiece(vocabulary);
     }},
    {"t5",
     true,
     {.eos = 1, .unknown = 2, .padding = 0, .add_eos = true},
     [](const Vocabulary& vocabulary, VocabData& data) -> std::unique_ptr<const TokenModel> {
       return make_unigram(vocabulary, std::move(data.precompiled_charsmap));
     }},
};

const Family& find_family(std::string_view model, std::string_view source) {
  std::string names;
  for (const Family& family : kFamilies) {
    if (family.name == model) return family;
    names += names.empty() ? "" : ", ";
    names += family.name;
  }
  fail(ErrorCode::kUnsupported, "{}: tokenizer.ggml.model: expected one of {}, found {}", source, names,
       model.empty() ? "none" : formatted("\"{}\"", printable(model)));
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
  const Family& family = find_family(data.model, source);
  if (family.has_scores) require_scores_and_types(data, source);
  VocabularyDefaults defaults = family.defaults;
  const bool byte_level = family.name == "gpt2";
  if (byte_level) {
    const PreTokenizer* rule = find_pre_tokenizer(data.pre);
    if (rule != nullptr) {
      defaults.add_bos = rule->add_bos;
      defaults.add_sep = rule->add_sep;
    }
    data.add_space_prefix = false;  // the family has no such thing, though some files carry the key
  } else {
    data.pre.clear();  // converters write "default" there
  }
  // Gemma 4's files say the opposite of what the model was trained with.
  if (family.name == "gemma4") data.add_bos.reset();
  check_vocabulary(data, defaults, source, vocabulary);
  apply_known_names(data, vocabulary);
  model = family.make(vocabulary, data);
  user_tokens.emplace(vocabulary, false);
  all_tokens.emplace(vocabulary, true);

  pieces.reserve(vocabulary.tokens.size(), vocabulary.tokens.bytes());
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    pieces.write_back([&](std::string& out) { append_piece(id, out); });
  }
}

void Tokenizer::Impl::append_piece(std::size_t id, std::string& out) const {
  const std::string_view text = vocabulary.tokens[id];
  switch (vocabulary.kind(id)) {
    case TokenKind::kNormal:
    case TokenKind::kUnused:
      return model->append_piece(text, out);
    case TokenKind::kByte:
      out += static_cast<char>(*parse_byte_token(text));
      return;
    case TokenKind::kUnknown:
    case TokenKind::kControl:
    case TokenKind::kUserDefined:
      out += text;
      return;
  }
}

std::size_t Tokenizer::Impl::checked(std::int32_t id) const {
  if (id < 0 || static_cast<std::size_t>(id) >= vocabulary.tokens.size()) {
    fail(ErrorCode::kArgument, "token id: expected 0 to {}, found {}", vocabulary.tokens.size() - 1, id);
  }
  return static_cast<std::size_t>(id);
}

std::string_view Tokenizer::Impl::next_piece(std::int32_t id, DecodeOptions options,
                                             bool& strip_space) const {
  const std::size_t index = checked(id);
  const TokenKind kind = vocabulary.kind(index);
  std::string_view text = piece(index);
  if (kind == TokenKind::kControl || kind == TokenKind::kUserDefined) {
    strip_space = vocabulary.add_space_prefix && !vocabulary.prefix_first_only;
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

void Tokenizer::Impl::encode(std::string_view text, EncodeOptions options, TokenOutput& out) const {
  if (text.size() > kMaxTextBytes) {
    fail(ErrorCode::kArgument, "text: expected at most {} bytes, found {}", kMaxTextBytes, text.size());
  }
  out.ids.reserve(text.size() / 4 + 4);
  if (options.add_special && vocabulary.add_bos) out.add(*vocabulary.bos, 0, 0);
  std::vector<Segment> segments;
  (options.parse_special ? all_tokens : user_tokens)->split(text, segments);
  bool at_start = true;
  for (const Segment& segment : segments) {
    out.base = static_cast<std::uint32_t>(segment.text.data() - text.data());
    if (segment.id == Segment::kText) {
      model->encode(segment.text, at_start, out);
    } else {
      out.add(segment.id, 0, segment.text.size());
    }
    at_start = segment.id != Segment::kText;
  }
  out.base = static_cast<std::uint32_t>(text.size());
  if (options.add_special && vocabulary.add_sep) out.add(*vocabulary.separator, 0, 0);
  if (options.add_special && vocabulary.add_eos) out.add(*vocabulary.eos, 0, 0);
  if (out.ids.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    fail(ErrorCode::kArgument, "text: expected at most 2^31-1 tokens, found {}", out.ids.size());
  }
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  std::vector<std::int32_t> ids;
  TokenOutput out{ids};
  impl_->encode(text, options, out);
  return ids;
}

std::vector<TokenSpan> Tokenizer::encode_spans(std::string_view text, EncodeOptions options) const {
  std::vector<std::int32_t> ids;
  std::vector<TextRange> ranges;
  TokenOutput out{ids, &ranges};
  impl_->encode(text, options, out);
  std::vector<TokenSpan> spans;
  spans.reserve(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) spans.push_back({ids[i], ranges[i].begin, ranges[i].end});
  return spans;
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
std::optional<std::int32_t> Tokenizer::separator() const noexcept {
  return impl_->vocabulary.separator;
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
bool Tokenizer::add_sep() const noexcept {
  return impl_->vocabulary.add_sep;
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
