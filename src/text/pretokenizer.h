// Pre-tokenizers: rules that cut text into pieces which byte-level BPE then merges one by one. A table by
// name; each rule is a scanner of its own (never a regular expression), iterative, linear and without
// allocation. Knows nothing about vocabularies. How to add one: docs/tokenizers.md.
#pragma once

#include <string>
#include <string_view>

namespace garam {

/// Receives the pieces of a text in order; joined they are the text. A sink may itself cut pieces further and
/// hand them on, which is how rules of several stages are built.
class PieceSink {
 public:
  virtual void piece(std::string_view text) = 0;

 protected:
  ~PieceSink() = default;
};

/// Cuts `text`, which repair_utf8() must have passed, into non-empty pieces.
using SplitText = void (*)(std::string_view text, PieceSink& sink);

// In the expressions below, a rule of several lines cuts by the first, then each piece by the next: what
// matches and what lies between are pieces alike.

/// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
void split_gpt2(std::string_view text, PieceSink& sink);

/// \p{N}
void split_each_number(std::string_view text, PieceSink& sink);

/// \p{N}+
void split_numbers(std::string_view text, PieceSink& sink);

/// (split_each_number)
/// (split_gpt2)
void split_starcoder(std::string_view text, PieceSink& sink);

/// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|
/// \s+(?!\S)|\s+
void split_llama3(std::string_view text, PieceSink& sink);

/// As split_llama3, with \p{N} for \p{N}{1,3}.
void split_qwen2(std::string_view text, PieceSink& sink);

/// As split_qwen2, with [\p{L}\p{M}] for \p{L}.
void split_qwen35(std::string_view text, PieceSink& sink);

/// P [^a-z]* [^A-Z]+ C?|P [^a-z]+ [^A-Z]* C?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
/// where P is [^\r\n\p{L}\p{N}]?, the sets are letters only, and C is split_llama3's first alternative.
void split_gpt4o(std::string_view text, PieceSink& sink);

/// As split_gpt4o, without C and with \p{N} for \p{N}{1,3}.
void split_tekken(std::string_view text, PieceSink& sink);

/// B?U*L+C?|B?U+L*C?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
/// where B is [^\r\n\p{L}\p{N}], U [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}], L [\p{Ll}\p{Lm}\p{Lo}\p{M}], and C as
/// above: split_gpt4o as tokenizer.json has it.
void split_gpt4o_cased(std::string_view text, PieceSink& sink);

/// As split_gpt4o_cased, without C and with \p{N} for \p{N}{1,3}.
void split_tekken_cased(std::string_view text, PieceSink& sink);

/// [\p{P}$+<=>^~|`]+
/// (split_gpt2)
/// [0-9]{3}
void split_falcon(std::string_view text, PieceSink& sink);

/// [\p{P}$+<=>^~|]+
/// (split_gpt2)
/// (split_numbers)
/// [0-9]{3}
void split_default(std::string_view text, PieceSink& sink);

/// [\r\n]
/// \s?[LETTERS]+          (an enumeration of scripts)
/// \s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+
/// \s+$
/// [\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+
/// (split_numbers)
void split_deepseek_llm(std::string_view text, PieceSink& sink);

/// [\r\n]
/// \s?\p{L}+
/// \s?\p{P}+
/// [\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+
/// (split_each_number)
void split_deepseek_coder(std::string_view text, PieceSink& sink);

///  ?[^(\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+
void split_bloom(std::string_view text, PieceSink& sink);

/// <sentinel:[0-9]+>
/// IMGIMG[A-I]{1,4}Z
/// [\t\n]|    |  (four spaces, two spaces)
/// (split_each_number)
/// [\p{P}!-/:-@\[-`{-~]
/// (split_gpt2)
void split_chameleon(std::string_view text, PieceSink& sink);

/// One row of the table.
struct PreTokenizer {
  std::string_view name;  ///< as `tokenizer.ggml.pre` has it
  SplitText split;
  bool ignore_merges = false;  ///< a piece that is a token stays whole, whatever the merges say
  bool add_bos = false;        ///< when the file does not say
  bool add_sep = false;        ///< when the file does not say
  SplitText exact = nullptr;  ///< as tokenizer.json has the rule, where readers of GGUF have another; or null
};

/// The rule of that name, nullptr when there is none. A file that names none means "default".
const PreTokenizer* find_pre_tokenizer(std::string_view name);
/// All names, for error messages.
std::string known_pre_tokenizers();

}  // namespace garam
