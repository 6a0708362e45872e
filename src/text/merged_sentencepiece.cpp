// SentencePiece-type BPE by a list of merges: spaces become marks, characters merge by the rank of the pair.
// For `tokenizer.ggml.model` = gemma4, where lines stand apart (source: tokenizer.json of Gemma 4; details as
// in llama.cpp), and for vocabularies of tokenizer.json (source: huggingface/tokenizers, models/bpe).
#include <algorithm>

#include "text/sentencepiece.h"
#include "text/symbols.h"

namespace garam {
namespace {

std::string_view last_character(std::string_view text) {
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); i += utf8_length(text[i])) begin = i;
  return text.substr(begin);
}

class MergedSentencePiece final : public SentencePieceModel {
 public:
  MergedSentencePiece(const Vocabulary& vocabulary, const std::vector<std::string>& merges, bool by_lines);

 private:
  std::size_t merge(std::string_view text, Work& work) const override;
  bool repairs() const override { return true; }
  bool by_lines() const override { return by_lines_; }
  void spell(std::string_view text, std::size_t begin, TokenOutput& out) const override;

  bool by_lines_;
  TextTable tokens_;  // texts that merging may make, to id
  Symbols symbols_;
  PairTable pairs_;
  std::array<std::uint32_t, 256> byte_tokens_;
};

MergedSentencePiece::MergedSentencePiece(const Vocabulary& vocabulary, const std::vector<std::string>& merges,
                                         bool by_lines)
    : SentencePieceModel(vocabulary, merges.size()),
      by_lines_(by_lines),
      tokens_(vocabulary.tokens, vocabulary.tokens.size()),
      symbols_(tokens_, vocabulary.tokens.size()),
      pairs_(merges.size()),
      byte_tokens_(find_byte_tokens()) {
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const std::string_view text = vocabulary.tokens[id];
    if (!text.empty() && is_text_kind(vocabulary.kind(id))) tokens_.insert(static_cast<std::uint32_t>(id));
  }
  std::string both;
  for (std::size_t i = 0; i < merges.size(); ++i) {
    const MergeRule rule = parse_merge(vocabulary, merges[i], i);
    joins.add(packed_char(last_character(rule.left), 0).value, packed_char(rule.right, 0).value);
    both = rule.left;
    both += rule.right;
    const std::uint32_t left = symbols_.number(rule.left);
    const std::uint32_t right = symbols_.number(rule.right);
    pairs_.insert(left, right, {static_cast<std::uint32_t>(i), symbols_.number(both)});
  }
}

std::size_t MergedSentencePiece::merge(std::string_view text, Work& work) const {
  const auto size = static_cast<std::uint32_t>(text.size());
  if (by_lines_ && text[0] == '\n') {
    const std::uint32_t id = tokens_.find(text);
    if (id != kAbsent) {
      if (work.parts.size() < 2) work.parts.resize(2);
      work.parts[0] = {0, id};
      work.parts[1].begin = size;
      return 1;
    }
  }
  auto& parts = work.parts;
  std::size_t count = set_characters(text, work);
  for (std::size_t i = 0; i < count; ++i) {
    parts[i].symbol = symbols_.find(text.substr(parts[i].begin, parts[i + 1].begin - parts[i].begin));
  }
  const auto lookup = [this](const MergePart& left, const MergePart& right, std::uint32_t) {
    return pairs_.find(left.symbol, right.symbol);
  };
  count = merge_parts(parts.data(), count, lookup, work.scratch);
  for (std::size_t i = 0; i < count; ++i) {
    if (parts[i].symbol >= vocabulary.tokens.size()) parts[i].symbol = kAbsent;
  }
  return count;
}

void MergedSentencePiece::spell(std::string_view text, std::size_t begin, TokenOutput& out) const {
  if (!by_lines_ && std::any_of(text.begin(), text.end(), [this](char c) {
        return byte_tokens_[static_cast<unsigned char>(c)] == kAbsent;
      })) {
    return out.add(unknown_token(vocabulary, text), begin, begin + text.size());
  }
  for (const char c : text) {
    const std::uint32_t id = byte_tokens_[static_cast<unsigned char>(c)];
    if (id != kAbsent) out.add(static_cast<std::int32_t>(id), begin, begin + 1);
    ++begin;
  }
}

}  // namespace

std::unique_ptr<TokenModel> make_merged_sentencepiece(const Vocabulary& vocabulary,
                                                      const std::optional<std::vector<std::string>>& merges,
                                                      bool by_lines) {
  return std::make_unique<MergedSentencePiece>(vocabulary, require_merges(vocabulary, merges), by_lines);
}

}  // namespace garam
