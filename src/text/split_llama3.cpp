// The pre-tokenizers of Llama 3 and of Qwen, which are one rule with other bounds. Sources of the rules:
// tokenizer.json of Meta-Llama-3, Qwen2 and Qwen3.5; see docs/tokenizers.md.
#include "text/pretokenizer.h"
#include "text/scan.h"

namespace garam {
namespace {

/// `kWord` is what words are made of, `kDigits` the longest run of numbers.
template <unsigned kWord, int kDigits>
const char* piece_end(const CharReader& reader, const char* p) {
  constexpr unsigned kNotPunctuation = kWord | kNumber | kSpace;
  const Char c = reader.at(p);
  if (c.is(kWord)) return reader.skip(p + c.length, kWord);
  if (c.value == '\'') {
    if (const std::size_t length = contraction_length(reader, p, 0x20)) return p + length;
  }
  if (c.is(kNumber)) return numbers_end(reader, p + c.length, kDigits);
  const Char next = reader.at(p + c.length);
  if (next.is(kWord) && !is_newline(c)) return reader.skip(p + c.length + next.length, kWord);
  const Char& first = c.value == ' ' ? next : c;
  if (!first.is(kNotPunctuation | Char::kPastEnd)) {
    p = reader.skip(p + c.length, kNotPunctuation, true);
    while (is_newline(reader.at(p))) ++p;
    return p;
  }
  return white_space_end<true>(reader, p);
}

}  // namespace

void split_llama3(std::string_view text, PieceSink& sink) {
  cut(text, sink, piece_end<kLetter, 3>);
}

void split_qwen2(std::string_view text, PieceSink& sink) {
  cut(text, sink, piece_end<kLetter, 1>);
}

void split_qwen35(std::string_view text, PieceSink& sink) {
  cut(text, sink, piece_end<kLetter | kMark, 1>);
}

}  // namespace garam
