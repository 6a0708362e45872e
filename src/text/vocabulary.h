// A checked vocabulary: every array has its length, every id its range, every token its kind. Knows how
// tokens are marked, not how text is cut into them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/hash_tables.h"
#include "text/vocab.h"

namespace garam {

/// What a token is. The numbers are GGUF's.
enum class TokenKind : std::uint8_t {
  kNormal = 1,
  kUnknown = 2,  ///< stands for text that cannot be spelled
  kControl = 3,
  kUserDefined = 4,  ///< text that is found before anything is cut
  kUnused = 5,
  kByte = 6,  ///< "<0x0A>": one byte
};

/// Everything about one token but its text.
struct TokenInfo {
  TokenKind kind = TokenKind::kNormal;
  bool end_of_generation = false;
  bool strip_left = false;   ///< swallows white space before it
  bool strip_right = false;  ///< swallows white space behind it
};

/// Immutable after check_vocabulary().
struct Vocabulary {
  Vocabulary() = default;
  Vocabulary(const Vocabulary&) = delete;  // the table refers to the tokens
  Vocabulary& operator=(const Vocabulary&) = delete;

  std::string source;  ///< for errors
  std::string model;
  std::string pre;
  TextList tokens;
  std::vector<TokenInfo> infos;
  std::vector<float> scores;
  TextTable ids{tokens};  ///< text to id
  std::optional<std::int32_t> bos, eos, eot, eom, unknown, separator, padding;
  bool add_bos = false;
  bool add_eos = false;
  bool add_sep = false;
  bool add_space_prefix = false;
  bool remove_extra_whitespaces = false;
  bool by_tokenizer_json = false;     ///< its rules hold, not those of GGUF's readers
  bool compose = false;               ///< text is normalised to NFC
  std::optional<bool> ignore_merges;  ///< in the place of the pre-tokenizer's
  bool prefix_first_only = false;     ///< the space prefix: of the first text only
  bool prefix_unless_space = false;   ///< the space prefix: where there is no space already
  bool lowercase = true;              ///< WordPiece: text is made lower case
  bool strip_accents = true;          ///< WordPiece: accents are dropped

  TokenKind kind(std::size_t id) const { return infos[id].kind; }
};

/// What a family assumes where the file says nothing.
struct VocabularyDefaults {
  /// Taken only where the vocabulary is large enough.
  std::optional<std::uint32_t> bos{}, eos{}, unknown{}, separator{}, padding{};
  bool add_bos = false;
  bool add_eos = false;
  bool add_sep = false;
  bool add_space_prefix = false;
};

/// Checks `data` and moves it into `vocabulary`, all but the merges, which belong to a family. Throws
/// Error(kFormat).
void check_vocabulary(VocabData& data, const VocabularyDefaults& defaults, std::string_view source,
                      Vocabulary& vocabulary);

/// Marks the tokens whose text gives away their role (end of turn, fill in the middle, ...), whatever type
/// the file gives them, and the white space that some models' tokens swallow. Reads the special ids and the
/// name of `data`. To be called once, after check_vocabulary().
void apply_known_names(const VocabData& data, Vocabulary& vocabulary);

/// The byte that "<0x0A>" stands for, nothing when `text` is not exactly of that form.
std::optional<std::uint8_t> parse_byte_token(std::string_view text);

}  // namespace garam
