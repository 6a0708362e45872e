// SentencePiece-type BPE (`tokenizer.ggml.model` = llama): characters merge by the scores of the tokens they
// become; what is no token is spelled in byte tokens. Source: google/sentencepiece, bpe_model.cc; details as
// in llama.cpp.
#include <algorithm>

#include "text/sentencepiece.h"

namespace garam {
namespace {

class SentencePieceBpe final : public SentencePieceModel {
 public:
  explicit SentencePieceBpe(const Vocabulary& vocabulary);

 private:
  std::size_t merge(std::string_view text, Work& work) const override;
  void spell(std::string_view text, std::size_t begin, TokenOutput& out) const override;
  void rank_scores();

  TextTable tokens_;                  // texts that merging may make, to id
  std::vector<std::uint32_t> ranks_;  // by id; the highest score has rank 0, equal scores are equal
  std::array<std::uint32_t, 256> byte_tokens_;
  std::size_t longest_ = 0;
};

SentencePieceBpe::SentencePieceBpe(const Vocabulary& vocabulary)
    : SentencePieceModel(vocabulary, vocabulary.tokens.bytes()),
      tokens_(vocabulary.tokens, vocabulary.tokens.size()),
      byte_tokens_(find_byte_tokens()) {
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const std::string_view text = vocabulary.tokens[id];
    if (text.empty() || !is_text_kind(vocabulary.kind(id))) continue;
    tokens_.insert(static_cast<std::uint32_t>(id));
    longest_ = std::max(longest_, text.size());
    PackedChar left = packed_char(text, 0);
    for (std::size_t i = left.length; i < text.size();) {
      const PackedChar right = packed_char(text, i);
      joins.add(left.value, right.value);
      i += right.length;
      left = right;
    }
  }
  rank_scores();
  // Vocabularies without byte tokens may still have the byte itself as a token.
  for (std::size_t b = 0; b < 256; ++b) {
    const char byte = static_cast<char>(b);
    if (byte_tokens_[b] == kAbsent) byte_tokens_[b] = tokens_.find({&byte, 1});
  }
}

void SentencePieceBpe::rank_scores() {
  const std::vector<float>& scores = vocabulary.scores;
  std::vector<float> sorted(scores);
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  ranks_.reserve(scores.size());
  for (const float score : scores) {
    const auto at = std::lower_bound(sorted.begin(), sorted.end(), score, std::greater<>());
    ranks_.push_back(static_cast<std::uint32_t>(at - sorted.begin()));
  }
}

std::size_t SentencePieceBpe::merge(std::string_view text, Work& work) const {
  const auto lookup = [&](const MergePart& left, const MergePart&, std::uint32_t end) {
    const std::size_t length = end - left.begin;
    if (length > longest_) return Merge{};
    const std::uint32_t id = tokens_.find(text.substr(left.begin, length));
    return id == kAbsent ? Merge{} : Merge{ranks_[id], id};
  };
  const std::size_t count = set_characters(text, work);
  return merge_parts(work.parts.data(), count, lookup, work.scratch);
}

void SentencePieceBpe::spell(std::string_view text, std::size_t begin, TokenOutput& out) const {
  const std::uint32_t id = tokens_.find(text);
  if (id != kAbsent) {
    out.add(static_cast<std::int32_t>(id), begin, begin + text.size());
    return;
  }
  const auto token_of = [this](char c) { return byte_tokens_[static_cast<unsigned char>(c)]; };
  if (std::any_of(text.begin(), text.end(), [&](char c) { return token_of(c) == kAbsent; })) {
    out.add(unknown_token(vocabulary, text), begin, begin + text.size());
    return;
  }
  for (const char c : text) {
    out.add(static_cast<std::int32_t>(token_of(c)), begin, begin + 1);
    ++begin;
  }
}

}  // namespace

std::unique_ptr<TokenModel> make_sentencepiece_bpe(const Vocabulary& vocabulary) {
  return std::make_unique<SentencePieceBpe>(vocabulary);
}

}  // namespace garam
