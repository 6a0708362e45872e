// SentencePiece-type BPE (`tokenizer.ggml.model` = llama): characters merge by the scores of the tokens they
// become; what is no token is spelled in byte tokens. Source: google/sentencepiece, bpe_model.cc; details as
// in llama.cpp.
#include <algorithm>
#include <array>

#include "base/fail.h"
#include "text/merge_parts.h"
#include "text/token_model.h"
#include "text/unicode.h"

namespace garam {
namespace {

constexpr std::uint32_t kAbsent = TextTable::kAbsent;
constexpr std::string_view kSpaceMark = "\xe2\x96\x81";  // U+2581, which stands for a space

/// `text` with each `from` replaced, appended to `out`.
void append_replaced(std::string_view text, std::string_view from, std::string_view to, std::string& out) {
  for (;;) {
    const std::size_t at = text.find(from);
    out += text.substr(0, at);
    if (at == std::string_view::npos) return;
    out += to;
    text.remove_prefix(at + from.size());
  }
}

class SentencePieceBpe final : public TokenModel {
 public:
  explicit SentencePieceBpe(const Vocabulary& vocabulary);

  void encode(std::string_view text, bool at_start, std::vector<std::int32_t>& out) const override;

  void append_piece(std::string_view token_text, std::string& out) const override {
    append_replaced(token_text, kSpaceMark, " ", out);
  }

 private:
  struct Work {
    std::vector<MergePart> parts;
    MergeScratch scratch;
  };

  void rank_scores();
  void find_byte_tokens();
  std::size_t merge(std::string_view text, Work& work) const;
  std::size_t word_length(std::string_view text) const;
  void encode_word(std::string_view word, Work& work, std::vector<std::int32_t>& out) const;
  void append_character(std::string_view text, std::vector<std::int32_t>& out) const;

  const Vocabulary& vocabulary_;
  TextTable tokens_;                  // texts that merging may make, to id
  std::vector<std::uint32_t> ranks_;  // by id; the highest score has rank 0, equal scores are equal
  std::vector<bool> whole_;           // by id: a word of exactly this text is this one token
  std::array<std::uint32_t, 256> byte_tokens_;
  std::size_t longest_ = 0;
  // No token holds a space mark behind anything but space marks, so that no merge crosses the start of a word
  // and each word can be merged alone.
  bool words_are_separate_ = true;
};

SentencePieceBpe::SentencePieceBpe(const Vocabulary& vocabulary)
    : vocabulary_(vocabulary), tokens_(vocabulary.tokens.size()), whole_(vocabulary.tokens.size()) {
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const std::string& text = vocabulary.tokens[id];
    const TokenKind kind = vocabulary.kind(id);
    // Text never becomes a control token, whatever the scores say.
    if (text.empty() || kind == TokenKind::kControl || kind == TokenKind::kUnknown ||
        kind == TokenKind::kByte) {
      continue;
    }
    tokens_.insert(text, static_cast<std::uint32_t>(id));
    longest_ = std::max(longest_, text.size());
    for (std::size_t at = text.find(kSpaceMark, 1); at != std::string::npos;
         at = text.find(kSpaceMark, at + 1)) {
      const bool mark_before = at >= kSpaceMark.size() && text.compare(at - 3, 3, kSpaceMark) == 0;
      if (!mark_before) words_are_separate_ = false;
    }
  }
  rank_scores();
  find_byte_tokens();
  Work work;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const std::string& text = vocabulary.tokens[id];
    if (text.empty() || tokens_.find(text) != id) continue;
    whole_[id] = merge(text, work) == 1 && (work.parts[0].symbol == id || work.parts[0].symbol == kAbsent);
  }
}

void SentencePieceBpe::rank_scores() {
  const std::vector<float>& scores = vocabulary_.scores;
  std::vector<float> sorted(scores);
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  ranks_.reserve(scores.size());
  for (const float score : scores) {
    const auto at = std::lower_bound(sorted.begin(), sorted.end(), score, std::greater<>());
    ranks_.push_back(static_cast<std::uint32_t>(at - sorted.begin()));
  }
}

void SentencePieceBpe::find_byte_tokens() {
  // "<0x0A>" is a byte token by its text, whatever its type, as in every reader of these files; vocabularies
  // without it may still have the byte itself as a token.
  for (std::size_t b = 0; b < 256; ++b) {
    const char byte = static_cast<char>(b);
    byte_tokens_[b] = vocabulary_.ids.find(formatted("<0x{:02X}>", b));
    if (byte_tokens_[b] == kAbsent) byte_tokens_[b] = tokens_.find({&byte, 1});
  }
}

std::size_t SentencePieceBpe::merge(std::string_view text, Work& work) const {
  auto& parts = work.parts;
  if (parts.size() < text.size() + 1) parts.resize(text.size() + 1);
  std::size_t count = 0;
  // Characters by lead byte alone, cut off at the end of the text: any bytes are text.
  for (std::size_t i = 0; i < text.size(); i += utf8_length(text[i])) {
    parts[count++] = {static_cast<std::uint32_t>(i), kAbsent};
  }
  parts[count].begin = static_cast<std::uint32_t>(text.size());
  const auto lookup = [&](const MergePart& left, const MergePart&, std::uint32_t end) {
    const std::size_t length = end - left.begin;
    if (length > longest_) return Merge{};
    const std::uint32_t id = tokens_.find(text.substr(left.begin, length));
    return id == kAbsent ? Merge{} : Merge{ranks_[id], id};
  };
  return merge_parts(parts.data(), count, lookup, work.scratch);
}

std::size_t SentencePieceBpe::word_length(std::string_view text) const {
  if (!words_are_separate_) return text.size();
  bool inside = false;
  std::size_t i = 0;
  while (i < text.size()) {
    const std::size_t length = utf8_length(text[i]);
    const bool mark = text.substr(i, length) == kSpaceMark;
    if (mark && inside) return i;
    inside = !mark;
    i += length;
  }
  return text.size();
}

void SentencePieceBpe::append_character(std::string_view text, std::vector<std::int32_t>& out) const {
  const std::uint32_t id = tokens_.find(text);
  if (id != kAbsent) {
    out.push_back(static_cast<std::int32_t>(id));
    return;
  }
  const auto token_of = [this](char c) { return byte_tokens_[static_cast<unsigned char>(c)]; };
  if (std::any_of(text.begin(), text.end(), [&](char c) { return token_of(c) == kAbsent; })) {
    out.push_back(unknown_token(vocabulary_, text));
    return;
  }
  for (const char c : text) out.push_back(static_cast<std::int32_t>(token_of(c)));
}

void SentencePieceBpe::encode_word(std::string_view word, Work& work, std::vector<std::int32_t>& out) const {
  const std::uint32_t id = word.size() <= longest_ ? tokens_.find(word) : kAbsent;
  if (id != kAbsent && whole_[id]) {
    out.push_back(static_cast<std::int32_t>(id));
    return;
  }
  const std::size_t count = merge(word, work);
  for (std::size_t i = 0; i < count; ++i) {
    const MergePart& part = work.parts[i];
    if (part.symbol == kAbsent) {
      append_character(word.substr(part.begin, work.parts[i + 1].begin - part.begin), out);
    } else {
      out.push_back(static_cast<std::int32_t>(part.symbol));
    }
  }
}

void SentencePieceBpe::encode(std::string_view text, bool at_start, std::vector<std::int32_t>& out) const {
  std::string marked;
  marked.reserve(text.size() + text.size() / 2 + kSpaceMark.size());
  if (at_start && vocabulary_.add_space_prefix) marked += kSpaceMark;
  append_replaced(text, " ", kSpaceMark, marked);
  Work work;
  for (std::string_view rest = marked; !rest.empty();) {
    const std::size_t length = word_length(rest);
    encode_word(rest.substr(0, length), work, out);
    rest.remove_prefix(length);
  }
}

}  // namespace

std::unique_ptr<TokenModel> make_sentencepiece_bpe(const Vocabulary& vocabulary) {
  return std::make_unique<SentencePieceBpe>(vocabulary);
}

}  // namespace garam
