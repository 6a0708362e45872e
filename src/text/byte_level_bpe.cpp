// Byte-level BPE (`tokenizer.ggml.model` = gpt2): a pre-tokenizer cuts the text into pieces, within a piece
// bytes merge by the ranks of the merge list. Source: openai/gpt-2, encoder.py; details as in llama.cpp.
#include "base/fail.h"
#include "base/printable.h"
#include "text/byte_alphabet.h"
#include "text/compose.h"
#include "text/merge_parts.h"
#include "text/piece_cache.h"
#include "text/pretokenizer.h"
#include "text/rewritten_text.h"
#include "text/symbols.h"
#include "text/token_model.h"
#include "text/unicode.h"

namespace garam {
namespace {

constexpr std::uint32_t kAbsent = TextTable::kAbsent;

class ByteLevelBpe final : public TokenModel {
 public:
  ByteLevelBpe(const Vocabulary& vocabulary, const std::vector<std::string>& merges,
               const PreTokenizer& pre_tokenizer);

  void encode(std::string_view text, bool at_start, TokenOutput& out) const override;

  void append_piece(std::string_view token_text, std::string& out) const override {
    // Added tokens are sometimes marked normal though their text is no alphabet text.
    const std::size_t before = out.size();
    if (append_alphabet_bytes(token_text, out)) return;
    out.resize(before);
    out += token_text;
  }

 private:
  friend class PieceEncoder;

  std::size_t merge(std::string_view piece, LargeVector<MergePart>& parts, MergeScratch& scratch) const;
  void append_symbol(std::uint32_t symbol, std::string_view piece, std::size_t begin, std::size_t end,
                     std::size_t piece_begin, TokenOutput& out) const;

  const Vocabulary& vocabulary_;
  SplitText split_;
  bool ignore_merges_;
  TextList texts_;    // by id: the bytes of a token that text can become, else nothing
  TextTable tokens_;  // those bytes to id
  std::uint32_t byte_symbols_[256];
  // Merges of two bytes, by left * 256 + right: a third of all lookups, of which English needs 30 KB.
  std::vector<Merge> byte_merges_;
  // Symbols below the size of the vocabulary are ids. The others are bytes and merge results without a token.
  PairTable pairs_;
};

/// Encodes pieces as the pre-tokenizer finds them.
class PieceEncoder final : public PieceSink {
 public:
  PieceEncoder(const ByteLevelBpe& bpe, std::string_view text, TokenOutput& out)
      : bpe_(bpe), start_(text.data()), out_(out), cache_(out.ranges != nullptr ? 0 : text.size()) {}

  void piece(std::string_view text) override {
    cache_.encode(text, out_.ids, [&] { encode(text); });
  }

 private:
  void encode(std::string_view text) {
    const auto begin = static_cast<std::size_t>(text.data() - start_);
    if (bpe_.ignore_merges_) {
      const std::uint32_t id = bpe_.tokens_.find(text);
      if (id != kAbsent) return out_.add(static_cast<std::int32_t>(id), begin, begin + text.size());
    }
    const std::size_t count = bpe_.merge(text, parts_, scratch_);
    for (std::size_t i = 0; i < count; ++i) {
      bpe_.append_symbol(parts_[i].symbol, text, parts_[i].begin, parts_[i + 1].begin, begin, out_);
    }
  }

  const ByteLevelBpe& bpe_;
  const char* start_;
  TokenOutput& out_;
  PieceCache cache_;
  LargeVector<MergePart> parts_;
  MergeScratch scratch_;
};

ByteLevelBpe::ByteLevelBpe(const Vocabulary& vocabulary, const std::vector<std::string>& merges,
                           const PreTokenizer& pre_tokenizer)
    : vocabulary_(vocabulary),
      split_(vocabulary.by_tokenizer_json && pre_tokenizer.exact != nullptr ? pre_tokenizer.exact
                                                                            : pre_tokenizer.split),
      ignore_merges_(vocabulary.ignore_merges.value_or(pre_tokenizer.ignore_merges)),
      tokens_(texts_, vocabulary.tokens.size()),
      byte_merges_(256 * 256),
      pairs_(merges.size()) {
  texts_.reserve(vocabulary.tokens.size(), vocabulary.tokens.bytes());
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    bool spelled = false;
    texts_.write_back([&](std::string& out) {
      const std::size_t begin = out.size();
      spelled = is_text_kind(vocabulary.kind(id)) && append_alphabet_bytes(vocabulary.tokens[id], out);
      if (!spelled) out.resize(begin);
    });
    if (spelled && !vocabulary.tokens[id].empty()) tokens_.insert(static_cast<std::uint32_t>(id));
  }

  Symbols symbols(tokens_, vocabulary.tokens.size());
  for (std::size_t b = 0; b < 256; ++b) {
    const char byte = static_cast<char>(b);
    byte_symbols_[b] = symbols.number({&byte, 1});
  }
  std::string both;
  for (std::size_t i = 0; i < merges.size(); ++i) {
    const MergeRule rule = parse_merge(vocabulary, merges[i], i);
    both.clear();
    if (!append_alphabet_bytes(rule.left, both)) continue;
    const std::size_t middle = both.size();
    if (!append_alphabet_bytes(rule.right, both)) continue;
    const std::string_view view = both;
    const std::uint32_t left = symbols.number(view.substr(0, middle));
    const std::uint32_t right = symbols.number(view.substr(middle));
    pairs_.insert(left, right, {static_cast<std::uint32_t>(i), symbols.number(view)});
  }
  for (std::size_t pair = 0; pair < byte_merges_.size(); ++pair) {
    byte_merges_[pair] = pairs_.find(byte_symbols_[pair / 256], byte_symbols_[pair % 256]);
  }
}

std::size_t ByteLevelBpe::merge(std::string_view piece, LargeVector<MergePart>& parts,
                                MergeScratch& scratch) const {
  if (parts.size() < piece.size() + 1) parts.resize(piece.size() + 1);
  for (std::size_t i = 0; i < piece.size(); ++i) {
    parts[i] = {static_cast<std::uint32_t>(i), byte_symbols_[static_cast<unsigned char>(piece[i])]};
  }
  parts[piece.size()].begin = static_cast<std::uint32_t>(piece.size());
  const auto byte = [piece](std::size_t i) { return static_cast<unsigned char>(piece[i]); };
  const auto lookup = [&](const MergePart& left, const MergePart& right, std::uint32_t end) {
    if (end - left.begin == 2) return byte_merges_[byte(left.begin) * 256u + byte(right.begin)];
    return pairs_.find(left.symbol, right.symbol);
  };
  return merge_parts(parts.data(), piece.size(), lookup, scratch);
}

void ByteLevelBpe::append_symbol(std::uint32_t symbol, std::string_view piece, std::size_t begin,
                                 std::size_t end, std::size_t piece_begin, TokenOutput& out) const {
  if (symbol < vocabulary_.tokens.size()) {
    return out.add(static_cast<std::int32_t>(symbol), piece_begin + begin, piece_begin + end);
  }
  for (std::size_t i = begin; i < end; ++i) {
    const std::uint32_t id = byte_symbols_[static_cast<unsigned char>(piece[i])];
    // A byte without a token is nothing, here as in every reader of such vocabularies.
    if (id < vocabulary_.tokens.size()) {
      out.add(static_cast<std::int32_t>(id), piece_begin + i, piece_begin + i + 1);
    }
  }
}

void ByteLevelBpe::encode(std::string_view text, bool, TokenOutput& out) const {
  std::string repaired, composed;
  text = repair_utf8(text, repaired, out);
  if (vocabulary_.compose) text = compose(text, composed, out);
  PieceEncoder encoder(*this, text, out);
  split_(text, encoder);
  out.origin.clear();
}

}  // namespace

std::unique_ptr<TokenModel> make_byte_level_bpe(const Vocabulary& vocabulary,
                                                const std::optional<std::vector<std::string>>& merges) {
  const std::vector<std::string>& list = require_merges(vocabulary, merges);
  const PreTokenizer* rule = find_pre_tokenizer(vocabulary.pre);
  if (rule == nullptr) {
    fail(ErrorCode::kUnsupported, "{}: tokenizer.ggml.pre: expected one of {}, found \"{}\"",
         vocabulary.source, known_pre_tokenizers(), printable(vocabulary.pre));
  }
  return std::make_unique<ByteLevelBpe>(vocabulary, list, *rule);
}

}  // namespace garam
