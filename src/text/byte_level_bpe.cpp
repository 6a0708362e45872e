// Byte-level BPE (`tokenizer.ggml.model` = gpt2): a pre-tokenizer cuts the text into pieces, within a piece
// bytes merge by the ranks of the merge list. Source: openai/gpt-2, encoder.py; details as in llama.cpp.
#include <deque>
#include <optional>

#include "base/fail.h"
#include "base/printable.h"
#include "text/byte_alphabet.h"
#include "text/merge_parts.h"
#include "text/pretokenizer.h"
#include "text/token_model.h"
#include "text/unicode.h"

namespace garam {
namespace {

constexpr std::uint32_t kAbsent = TextTable::kAbsent;

class ByteLevelBpe final : public TokenModel {
 public:
  ByteLevelBpe(const Vocabulary& vocabulary, const std::vector<std::string>& merges,
               const PreTokenizer& rule);

  void encode(std::string_view text, bool at_start, std::vector<std::int32_t>& out) const override;

  void append_piece(std::string_view token_text, std::string& out) const override {
    // Added tokens are sometimes marked normal though their text is no alphabet text.
    const std::size_t before = out.size();
    if (append_alphabet_bytes(token_text, out)) return;
    out.resize(before);
    out += token_text;
  }

 private:
  friend class PieceEncoder;

  std::size_t merge(std::string_view piece, std::vector<MergePart>& parts, MergeScratch& scratch) const;
  void append_symbol(const MergePart& part, std::string_view text, std::vector<std::int32_t>& out) const;

  const Vocabulary& vocabulary_;
  SplitText split_;
  std::string texts_;        // the bytes of all tokens that text can become
  TextTable tokens_;         // those bytes to id
  std::vector<bool> whole_;  // by id: a piece of exactly these bytes is this one token
  std::uint32_t byte_symbols_[256];
  // Symbols below the size of the vocabulary are ids. The others are bytes and merge results without a token.
  PairTable pairs_;
};

/// Encodes pieces as the pre-tokenizer finds them.
class PieceEncoder final : public PieceSink {
 public:
  PieceEncoder(const ByteLevelBpe& bpe, std::vector<std::int32_t>& out) : bpe_(bpe), out_(out) {}

  void piece(std::string_view text) override {
    const std::uint32_t id = bpe_.tokens_.find(text);
    if (id != kAbsent && bpe_.whole_[id]) {
      out_.push_back(static_cast<std::int32_t>(id));
      return;
    }
    const std::size_t count = bpe_.merge(text, parts_, scratch_);
    for (std::size_t i = 0; i < count; ++i) {
      bpe_.append_symbol(parts_[i], text.substr(parts_[i].begin, parts_[i + 1].begin - parts_[i].begin),
                         out_);
    }
  }

 private:
  const ByteLevelBpe& bpe_;
  std::vector<std::int32_t>& out_;
  std::vector<MergePart> parts_;
  MergeScratch scratch_;
};

/// Numbers the symbols that merges name: ids for tokens, new numbers for the rest.
class Symbols {
 public:
  Symbols(const TextTable& tokens, std::size_t count)
      : tokens_(tokens), next_(static_cast<std::uint32_t>(count)) {}

  std::uint32_t number(std::string_view text) {
    const std::uint32_t id = tokens_.find(text);
    if (id != kAbsent) return id;
    const std::uint32_t known = others_.find(text);
    if (known != kAbsent) return known;
    texts_.emplace_back(text);
    return others_.insert(texts_.back(), next_++);
  }

 private:
  const TextTable& tokens_;
  TextTable others_;
  std::deque<std::string> texts_;
  std::uint32_t next_;
};

ByteLevelBpe::ByteLevelBpe(const Vocabulary& vocabulary, const std::vector<std::string>& merges,
                           const PreTokenizer& rule)
    : vocabulary_(vocabulary),
      split_(rule.split),
      tokens_(vocabulary.tokens.size()),
      whole_(vocabulary.tokens.size()),
      pairs_(merges.size()) {
  // Text never becomes a control token, an unknown or a byte token, whatever merges say.
  const auto is_text = [](TokenKind kind) {
    return kind == TokenKind::kNormal || kind == TokenKind::kUserDefined || kind == TokenKind::kUnused;
  };
  std::size_t bytes = 0;
  for (const std::string& text : vocabulary.tokens) bytes += text.size();
  texts_.reserve(bytes);  // views point into it, so that it must not grow
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (vocabulary.tokens[id].empty() || !is_text(vocabulary.kind(id))) continue;
    const std::size_t begin = texts_.size();
    if (append_alphabet_bytes(vocabulary.tokens[id], texts_)) {
      tokens_.insert(std::string_view(texts_).substr(begin), static_cast<std::uint32_t>(id));
    } else {
      texts_.resize(begin);
    }
  }

  Symbols symbols(tokens_, vocabulary.tokens.size());
  for (std::size_t b = 0; b < 256; ++b) {
    const char byte = static_cast<char>(b);
    byte_symbols_[b] = symbols.number({&byte, 1});
  }
  std::string both;
  for (std::size_t i = 0; i < merges.size(); ++i) {
    const std::string_view merge = merges[i];
    const std::size_t space = merge.find(' ', 1);
    if (space == std::string_view::npos || space + 1 == merge.size()) {
      fail(ErrorCode::kFormat,
           "{}: tokenizer.ggml.merges[{}]: expected two symbols with a space between, found {} bytes "
           "without",
           vocabulary.source, i, merge.size());
    }
    both.clear();
    if (!append_alphabet_bytes(merge.substr(0, space), both)) continue;
    const std::size_t middle = both.size();
    if (!append_alphabet_bytes(merge.substr(space + 1), both)) continue;
    const std::string_view view = both;
    const std::uint32_t left = symbols.number(view.substr(0, middle));
    const std::uint32_t right = symbols.number(view.substr(middle));
    pairs_.insert(left, right, {static_cast<std::uint32_t>(i), symbols.number(view)});
  }

  std::vector<MergePart> parts;
  MergeScratch scratch;
  std::string text;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    text.clear();
    if (!is_text(vocabulary.kind(id)) || !append_alphabet_bytes(vocabulary.tokens[id], text)) continue;
    if (text.empty()) continue;
    whole_[id] = rule.ignore_merges || (merge(text, parts, scratch) == 1 && parts[0].symbol == id);
  }
}

std::size_t ByteLevelBpe::merge(std::string_view piece, std::vector<MergePart>& parts,
                                MergeScratch& scratch) const {
  if (parts.size() < piece.size() + 1) parts.resize(piece.size() + 1);
  for (std::size_t i = 0; i < piece.size(); ++i) {
    parts[i] = {static_cast<std::uint32_t>(i), byte_symbols_[static_cast<unsigned char>(piece[i])]};
  }
  parts[piece.size()].begin = static_cast<std::uint32_t>(piece.size());
  const auto lookup = [this](const MergePart& left, const MergePart& right, std::uint32_t) {
    return pairs_.find(left.symbol, right.symbol);
  };
  return merge_parts(parts.data(), piece.size(), lookup, scratch);
}

void ByteLevelBpe::append_symbol(const MergePart& part, std::string_view text,
                                 std::vector<std::int32_t>& out) const {
  if (part.symbol < vocabulary_.tokens.size()) {
    out.push_back(static_cast<std::int32_t>(part.symbol));
    return;
  }
  for (const char c : text) {
    const std::uint32_t id = byte_symbols_[static_cast<unsigned char>(c)];
    // A byte without a token is nothing, here as in every reader of such vocabularies.
    if (id < vocabulary_.tokens.size()) out.push_back(static_cast<std::int32_t>(id));
  }
}

void ByteLevelBpe::encode(std::string_view text, bool, std::vector<std::int32_t>& out) const {
  std::string storage;
  PieceEncoder encoder(*this, out);
  split_(repair_utf8(text, storage), encoder);
}

}  // namespace

std::unique_ptr<TokenModel> make_byte_level_bpe(const Vocabulary& vocabulary,
                                                const std::optional<std::vector<std::string>>& merges) {
  if (!merges) {
    fail(ErrorCode::kFormat, "{}: tokenizer.ggml.merges: expected an array of merges, found none",
         vocabulary.source);
  }
  if (merges->size() >= Merge::kNone) {
    fail(ErrorCode::kFormat, "{}: tokenizer.ggml.merges: expected fewer than 2^32-1 merges, found {}",
         vocabulary.source, merges->size());
  }
  const PreTokenizer* rule = find_pre_tokenizer(vocabulary.pre);
  if (rule == nullptr) {
    fail(ErrorCode::kUnsupported, "{}: tokenizer.ggml.pre: expected one of {}, found \"{}\"",
         vocabulary.source, known_pre_tokenizers(), printable(vocabulary.pre));
  }
  return std::make_unique<ByteLevelBpe>(vocabulary, *merges, *rule);
}

}  // namespace garam
