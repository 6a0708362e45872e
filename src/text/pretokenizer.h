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

/// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
void split_gpt2(std::string_view text, PieceSink& sink);

/// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|
/// \s+(?!\S)|\s+
void split_llama3(std::string_view text, PieceSink& sink);

/// One row of the table.
struct PreTokenizer {
  std::string_view name;  ///< as `tokenizer.ggml.pre` has it
  SplitText split;
  bool ignore_merges;  ///< a piece that is a token stays whole, whatever the merges say
  bool add_bos;        ///< when the file does not say
};

/// The rule of that name, nullptr when there is none.
const PreTokenizer* find_pre_tokenizer(std::string_view name);
/// All names, for error messages.
std::string known_pre_tokenizers();

}  // namespace garam
