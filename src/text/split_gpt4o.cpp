// The pre-tokenizers of GPT-4o (o200k) and Mistral's Tekken, which cut words where capitals begin. Sources of
// the rules: openai/tiktoken, openai_public.py; tokenizer.json of Mistral-Nemo; in the reading of llama.cpp,
// which knows the case of ASCII letters only; see docs/tokenizers.md.
#include "text/pretokenizer.h"
#include "text/scan.h"

namespace garam {
namespace {

/// Letters that may stand among capitals: all but a to z.
bool is_upper(const Char& c) {
  return c.is(kLetter) && !(c.value >= 'a' && c.value <= 'z');
}

/// Letters that may stand among small ones: all but A to Z.
bool is_lower(const Char& c) {
  return c.is(kLetter) && !(c.value >= 'A' && c.value <= 'Z');
}

/// The end of the word whose first letter is at `p`: capitals, then at least one small letter, where a letter
/// without case is either; without any small letter, capitals alone. (upper* lower+ | upper+ lower*)
const char* word_end(const CharReader& reader, const char* p) {
  const char* after_either = nullptr;
  Char c = reader.at(p);
  for (; is_upper(c); c = reader.at(p)) {
    p += c.length;
    if (is_lower(c)) after_either = p;
  }
  if (!is_lower(c)) return after_either != nullptr ? after_either : p;
  for (; is_lower(c); c = reader.at(p)) p += c.length;
  return p;
}

template <int kDigits, bool kContractions>
const char* piece_end(const CharReader& reader, const char* p) {
  const Char c = reader.at(p);
  if (c.is(kNumber)) return numbers_end(reader, p + c.length, kDigits);
  const Char next = reader.at(p + c.length);
  if (c.is(kLetter) || (next.is(kLetter) && !is_newline(c))) {
    p = word_end(reader, c.is(kLetter) ? p : p + c.length);
    if (kContractions && reader.at(p).value == '\'') p += contraction_length(reader, p, 0x20);
    return p;
  }
  return symbols_end(reader, p, c);
}

}  // namespace

void split_gpt4o(std::string_view text, PieceSink& sink) {
  cut(text, sink, piece_end<3, true>);
}

void split_tekken(std::string_view text, PieceSink& sink) {
  cut(text, sink, piece_end<1, false>);
}

}  // namespace garam
