// WordPiece (`tokenizer.ggml.model` = bert): text becomes words without white space, each of which is cut
// into the longest tokens, first to last. Source: google-research/bert, tokenization.py; details as in
// llama.cpp.
#include <algorithm>

#include "text/piece_cache.h"
#include "text/space_mark.h"
#include "text/token_model.h"
#include "text/token_trie.h"
#include "text/unicode.h"

namespace garam {
namespace {

constexpr std::uint32_t kAbsent = TextTable::kAbsent;

/// What becomes of a code point.
enum class Role : std::uint8_t {
  kPart,   ///< part of a word
  kAlone,  ///< a word of its own
  kSpace,  ///< ends a word
  kNone,   ///< dropped
};
struct Folded {
  std::uint32_t value;  ///< as the word has it
  Role role;
};

/// As BERT's own code draws the line: Hangul and kana are letters like others. 0x2b920 ought to be 0x2b820,
/// but Hugging Face's tokenizers and llama.cpp have it so.
bool is_ideograph(std::uint32_t c) {
  constexpr std::uint32_t kRanges[][2] = {{0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xf900, 0xfaff},
                                          {0x20000, 0x2a6df}, {0x2a700, 0x2b73f}, {0x2b740, 0x2b81f},
                                          {0x2b920, 0x2ceaf}, {0x2f800, 0x2fa1f}};
  return std::any_of(std::begin(kRanges), std::end(kRanges),
                     [c](const auto& range) { return c >= range[0] && c <= range[1]; });
}

/// What a code point is, is asked of the one without accents, but before capitals are lowered.
Folded fold(std::uint32_t code_point, bool lowercase, bool strip_accents) {
  const std::uint32_t c = strip_accents ? decomposition_lead(code_point) : code_point;
  const std::uint8_t classes = character_classes()[c];
  const auto is = [classes](unsigned mask) { return (classes & mask) != 0; };
  const std::uint32_t value = lowercase ? to_lowercase(c) : c;
  if (is(kSpace)) return {value, Role::kSpace};
  if (c == 0 || c == 0xfffd || is(kControl) || (strip_accents && is(kMark))) return {value, Role::kNone};
  const bool alone = is(kPunctuation) || (c < 0x7f && is(kSymbol)) || is_ideograph(c);
  return {value, alone ? Role::kAlone : Role::kPart};
}

class WordPiece final : public TokenModel {
 public:
  explicit WordPiece(const Vocabulary& vocabulary);

  void encode(std::string_view text, bool at_start, TokenOutput& out) const override;

  void append_piece(std::string_view token_text, std::string& out) const override {
    append_unmarked(token_text, out);
  }

 private:
  Folded folded(std::uint32_t code_point) const {
    return code_point < folds_.size() ? folds_[code_point]
                                      : fold(code_point, vocabulary_.lowercase, vocabulary_.strip_accents);
  }
  struct Match {
    std::int32_t id = -1;
    std::size_t length = 0;
  };
  /// The longest token that `text` (not empty) starts with.
  Match longest_token(std::string_view text) const;
  void cut(std::string_view word, TokenOutput& out) const;

  const Vocabulary& vocabulary_;
  TokenTrie trie_;
  std::vector<Folded> folds_;  // of the alphabets, where fold() would be most of the work
};

WordPiece::WordPiece(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {
  std::vector<std::int32_t> ids;
  ids.reserve(vocabulary.tokens.size());
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const std::string_view text = vocabulary.tokens[id];
    if (!text.empty()) ids.push_back(static_cast<std::int32_t>(id));
  }
  trie_ = TokenTrie(vocabulary, ids);
  constexpr std::uint32_t kAlphabets = 0x3000;
  folds_.reserve(kAlphabets);
  for (std::uint32_t c = 0; c < kAlphabets; ++c) {
    folds_.push_back(fold(c, vocabulary.lowercase, vocabulary.strip_accents));
  }
}

WordPiece::Match WordPiece::longest_token(std::string_view text) const {
  Match match;
  std::uint32_t node = trie_.from_root(text[0]);
  for (std::size_t end = 1; node != TokenTrie::kNone; node = trie_.child(node, text[end++])) {
    if (trie_.id(node) >= 0) match = {trie_.id(node), end};
    if (end == text.size()) break;
  }
  return match;
}

void WordPiece::cut(std::string_view word, TokenOutput& out) const {
  // Most words are tokens, and to look one up is faster than the walk.
  const std::uint32_t whole = word.size() <= TokenTrie::kMaxTokenBytes ? vocabulary_.ids.find(word) : kAbsent;
  if (whole != kAbsent) return out.add(static_cast<std::int32_t>(whole), 0, word.size());
  const std::size_t first = out.ids.size();
  const std::size_t first_range = out.ranges != nullptr ? out.ranges->size() : 0;
  for (std::size_t at = 0; at < word.size();) {
    const Match match = longest_token(word.substr(at));
    if (match.id < 0) {
      out.ids.resize(first);
      if (out.ranges != nullptr) out.ranges->resize(first_range);
      const std::string_view character = word.substr(at, utf8_length(word[at]));
      return out.add(unknown_token(vocabulary_, character), 0, word.size());
    }
    out.add(match.id, at, at + match.length);
    at += match.length;
  }
}

void WordPiece::encode(std::string_view text, bool, TokenOutput& out) const {
  PieceCache cache(out.ranges != nullptr ? 0 : text.size());
  std::string word(kSpaceMark);
  if (out.ranges != nullptr) out.origin.resize(word.size());
  const auto finish = [&] {
    if (word.size() == kSpaceMark.size()) return;
    // Each word has its space mark, of which the cache need not know.
    cache.encode(std::string_view(word).substr(kSpaceMark.size()), out.ids, [&] { cut(word, out); });
    word.resize(kSpaceMark.size());
    if (out.ranges != nullptr) out.origin.resize(kSpaceMark.size());
  };
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const CodePoint c = byte < 0x80 ? CodePoint{byte, 1} : decode_leniently(text.substr(at));
    const Folded character = folded(c.value);
    const bool alone = character.role == Role::kAlone;
    if (alone || character.role == Role::kSpace) finish();
    if (alone || character.role == Role::kPart) {
      const bool first = word.size() == kSpaceMark.size();
      if (character.value < 0x80) {
        word.push_back(static_cast<char>(character.value));
      } else {
        append_utf8(word, character.value);
      }
      if (out.ranges != nullptr) {
        const auto begin = static_cast<std::uint32_t>(at);
        // The mark was made from nothing.
        if (first) std::fill(out.origin.begin(), out.origin.end(), TextRange{begin, begin});
        out.origin.resize(word.size(), {begin, begin + c.length});
      }
      if (alone) finish();
    }
    at += c.length;
  }
  finish();
  out.origin.clear();
}

}  // namespace

std::unique_ptr<TokenModel> make_wordpiece(const Vocabulary& vocabulary) {
  return std::make_unique<WordPiece>(vocabulary);
}

}  // namespace garam
