// Unigram (`tokenizer.ggml.model` = t5): of all the ways to spell a text in tokens the one with the highest
// sum of scores. Source: google/sentencepiece, unigram_model.cc; details as in llama.cpp.
#include <algorithm>
#include <bit>
#include <limits>

#include "base/fail.h"
#include "text/character_map.h"
#include "text/rewritten_text.h"
#include "text/space_mark.h"
#include "text/token_model.h"
#include "text/token_trie.h"
#include "text/unicode.h"

namespace garam {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD
// Positions are 32-bit; see TextRange.
constexpr std::size_t kMaxNormalizedBytes = std::numeric_limits<std::uint32_t>::max();

class Unigram final : public TokenModel {
 public:
  Unigram(const Vocabulary& vocabulary, std::span<const std::uint8_t> character_map);
  void encode(std::string_view text, bool at_start, TokenOutput& out) const override;
  void append_piece(std::string_view token_text, std::string& out) const override {
    append_unmarked(token_text, out);
  }

 private:
  class Normalizer;
  class Path;
  void normalize(std::string_view text, bool prefix, RewrittenText& out) const;
  void cut(std::string_view text, TokenOutput& out) const;

  const Vocabulary& vocabulary_;
  CharacterMap map_;
  TokenTrie trie_;
  std::vector<float> scores_;  // by id; what a user defined costs nothing
  std::size_t longest_ = 4;    // bytes that one step can cover: a token, or a character that is none
  float unknown_score_;
};

Unigram::Unigram(const Vocabulary& vocabulary, std::span<const std::uint8_t> character_map)
    : vocabulary_(vocabulary), map_(character_map, vocabulary.source) {
  constexpr float kUnknownPenalty = 10;
  float lowest = std::numeric_limits<float>::max();
  std::vector<std::int32_t> ids;
  ids.reserve(vocabulary.tokens.size());
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const std::string_view text = vocabulary.tokens[id];
    if (vocabulary.kind(id) == TokenKind::kNormal) lowest = std::min(lowest, vocabulary.scores[id]);
    if (text.empty() || !is_text_kind(vocabulary.kind(id))) continue;
    longest_ = std::max(longest_, text.size());
    ids.push_back(static_cast<std::int32_t>(id));
  }
  unknown_score_ = lowest - kUnknownPenalty;
  trie_ = TokenTrie(vocabulary, ids);
  scores_ = vocabulary.scores;
  for (std::size_t id = 0; id < scores_.size(); ++id) {
    if (vocabulary.kind(id) == TokenKind::kUserDefined) scores_[id] = 0;
  }
}

/// Bytes of the character that `text` starts with, 0 for none. As in llama.cpp, overlong forms, surrogates
/// and values above 0x10FFFF are characters.
std::size_t character_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return 1;
  const std::size_t length = utf8_length(text[0]);
  if (length == 1 || lead >= 0xf8 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return 0;
  }
  return length;
}

/// Writes characters one by one and decides which spaces stay.
class Unigram::Normalizer {
 public:
  Normalizer(bool prefix, bool merge, RewrittenText& out) : prefix_(prefix), merge_(merge), out_(out) {}

  /// What bytes begin..end of the text became.
  void replaced(std::string_view bytes, std::size_t begin, std::size_t end) {
    while (!bytes.empty()) {
      if (bytes[0] == ' ') {
        space(begin, end);
        bytes.remove_prefix(1);
        continue;
      }
      const std::size_t length = std::min(bytes.find(' '), bytes.size());
      start_word(begin);
      out_.append(bytes.substr(0, length), begin, end);
      bytes.remove_prefix(length);
    }
  }
  /// Bytes that stay as they are.
  void kept(std::string_view bytes, std::size_t begin) {
    if (bytes[0] == ' ') return space(begin, begin + 1);
    start_word(begin);
    out_.keep(bytes, begin);
  }

 private:
  void space(std::size_t begin, std::size_t end) {
    if (!merge_) out_.append(kSpaceMark, begin, end);
    if (in_word_ || !after_space_) space_begin_ = begin;
    space_end_ = end;
    in_word_ = false;
    after_space_ = true;
  }
  void start_word(std::size_t begin) {
    if (in_word_) return;
    in_word_ = true;
    if (merge_ && after_space_) {
      out_.append(kSpaceMark, space_begin_, space_end_);
    } else if (merge_ || prefix_) {
      out_.append(kSpaceMark, begin, begin);
    }
    prefix_ = false;
    after_space_ = false;
  }

  bool prefix_;  // a space is still to be written before the first word, wherever that begins
  const bool merge_;
  RewrittenText& out_;
  bool in_word_ = false;
  bool after_space_ = false;
  std::size_t space_begin_ = 0;  // the white space before what comes now
  std::size_t space_end_ = 0;
};

// SentencePiece exempts user-defined tokens from the map; none is in the text here (see TokenModel).
// llama.cpp also exempts what only begins like one, be it half a character, and so breaks such text; garam
// does not.
void Unigram::normalize(std::string_view text, bool prefix, RewrittenText& out) const {
  Normalizer normalizer(prefix, vocabulary_.remove_extra_whitespaces, out);
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view rest = text.substr(i);
    const CharacterMap::Match match = map_.find(rest);
    if (match.length > 0) {
      normalizer.replaced(match.replacement, i, i + match.length);
      i += match.length;
    } else if (const std::size_t length = character_length(rest); length > 0) {
      normalizer.kept(rest.substr(0, length), i);
      i += length;
    } else {
      normalizer.replaced(kReplacement, i, i + 1);
      ++i;
    }
    if (out.bytes().size() > kMaxNormalizedBytes) {
      fail(ErrorCode::kArgument, "text: expected at most {} bytes after normalization, found more",
           kMaxNormalizedBytes);
    }
  }
}

/// The best ways found so far to the positions ahead. Scores are kept for as many positions as a step can
/// reach, and what led to a position in 4 bytes, for long texts in which no position is passed by all.
class Unigram::Path {
 public:
  Path(const Vocabulary& vocabulary, std::size_t longest, std::string_view text, TokenOutput& out)
      : vocabulary_(vocabulary), longest_(longest), text_(text), out_(out) {
    scores_.assign(std::bit_ceil(longest + 1), kUnreached);
    scores_[0] = 0;
  }

  /// Takes the score of `position`, where a character begins, and forgets all scores up to there. To be
  /// called for one character after the other.
  double leave(std::size_t position) {
    if (position == reach_) finish();
    const std::size_t room = position - begin_ + longest_ + 1;
    if (links_.size() < room) links_.resize(2 * room);
    const double score = score_at(position);
    // Tokens may end, but not begin, within a character.
    for (; forgotten_ <= position; ++forgotten_) score_at(forgotten_) = kUnreached;
    return score;
  }
  /// A way to `position`: through the token `link`, or -n: n bytes that are none. Of equal ways the first
  /// stays.
  void offer(std::size_t position, double score, std::int32_t link) {
    double& best = score_at(position);
    if (!(score > best)) return;
    best = score;
    links_[position - begin_] = link;
    reach_ = std::max(reach_, position);
  }
  /// Emits the best way to the furthest position. Every way to what lies behind it comes through there.
  void finish() {
    steps_.clear();
    for (std::size_t end = reach_; end > begin_; end -= length(steps_.back())) {
      steps_.push_back(links_[end - begin_]);
    }
    for (; !steps_.empty(); steps_.pop_back()) {
      const std::size_t end = begin_ + length(steps_.back());
      emit(steps_.back(), begin_, end);
      begin_ = end;
    }
  }

 private:
  static constexpr double kUnreached = -std::numeric_limits<double>::max();

  double& score_at(std::size_t position) { return scores_[position & (scores_.size() - 1)]; }
  std::size_t length(std::int32_t link) const {
    if (link < 0) return static_cast<std::size_t>(-link);
    return vocabulary_.tokens[static_cast<std::size_t>(link)].size();
  }
  void emit(std::int32_t link, std::size_t begin, std::size_t end) {
    const std::int32_t id = link < 0 ? unknown_token(vocabulary_, text_.substr(begin, end - begin)) : link;
    const bool unknown = id == vocabulary_.unknown;
    if (!unknown || !after_unknown_) {
      out_.add(id, begin, end);
    } else if (out_.ranges != nullptr) {
      out_.add_range(begin, end);
      const std::uint32_t last = out_.ranges->back().end;
      out_.ranges->pop_back();
      out_.ranges->back().end = last;
    }
    after_unknown_ = unknown;
  }

  const Vocabulary& vocabulary_;
  const std::size_t longest_;
  const std::string_view text_;
  TokenOutput& out_;
  std::vector<double> scores_;       // by position, modulo the size
  std::vector<std::int32_t> links_;  // by position, from begin_ on
  std::vector<std::int32_t> steps_;
  std::size_t begin_ = 0;      // up to here all is emitted
  std::size_t reach_ = 0;      // the furthest position with a score
  std::size_t forgotten_ = 0;  // positions before have no score any more
  bool after_unknown_ = false;
};

void Unigram::cut(std::string_view text, TokenOutput& out) const {
  Path path(vocabulary_, longest_, text, out);
  for (std::size_t begin = 0; begin < text.size();) {
    // A map may write anything, so that a character may be cut off.
    const std::size_t length = std::min(utf8_length(text[begin]), text.size() - begin);
    const double sum = path.leave(begin);
    bool whole = false;  // the character itself is a token
    std::uint32_t node = trie_.from_root(text[begin]);
    for (std::size_t end = begin + 1; node != TokenTrie::kNone; node = trie_.child(node, text[end++])) {
      const std::int32_t id = trie_.id(node);
      if (id >= 0) {
        path.offer(end, sum + static_cast<double>(scores_[static_cast<std::size_t>(id)]), id);
        whole = whole || end - begin == length;
      }
      if (end == text.size()) break;
    }
    if (!whole) {
      path.offer(begin + length, sum + static_cast<double>(unknown_score_),
                 -static_cast<std::int32_t>(length));
    }
    begin += length;
  }
  path.finish();
}

void Unigram::encode(std::string_view text, bool at_start, TokenOutput& out) const {
  RewrittenText normalized(text.size() + text.size() / 2 + kSpaceMark.size(), out.ranges != nullptr);
  normalize(text, at_start && vocabulary_.add_space_prefix, normalized);
  if (out.ranges != nullptr) out.origin = normalized.take_origin();
  cut(normalized.bytes(), out);
  out.origin.clear();
}

}  // namespace

std::unique_ptr<TokenModel> make_unigram(const Vocabulary& vocabulary,
                                         std::vector<std::uint8_t> character_map) {
  return std::make_unique<Unigram>(vocabulary, character_map);
}

}  // namespace garam
