// The pre-tokenizers of GPT-4o (o200k) and Mistral's Tekken as tokenizer.json has them: words begin where
// capitals do, marks belong to words. Sources of the rules: openai/tiktoken, openai_public.py; tokenizer.json
// of Phi-4-mini and Mistral-Nemo. What llama.cpp makes of them is in split_gpt4o.cpp.
#include "text/letter_case.h"
#include "text/pretokenizer.h"
#include "text/scan.h"

namespace garam {
namespace {

constexpr unsigned kWord = kLetter | kMark;

/// [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]
bool is_upper(const Char& c) {
  return c.is(kWord) && (!c.is(kLetter) || letter_case(c.value) != LetterCase::kLower);
}

/// [\p{Ll}\p{Lm}\p{Lo}\p{M}]
bool is_lower(const Char& c) {
  return c.is(kWord) && (!c.is(kLetter) || letter_case(c.value) != LetterCase::kUpper);
}

/// The end of `upper* lower+` from `p` on, nullptr where it does not match; `uppers` receives that of
/// `upper*`.
const char* lower_end(const CharReader& reader, const char* p, const char*& uppers) {
  const char* after_either = nullptr;
  Char c = reader.at(p);
  for (; is_upper(c); c = reader.at(p)) {
    p += c.length;
    if (is_lower(c)) after_either = p;
  }
  uppers = p;
  if (!is_lower(c)) return after_either;
  for (; is_lower(c); c = reader.at(p)) p += c.length;
  return p;
}

/// The end of the word at `p`, whose first character is `c`; nullptr where there is none.
/// (B? upper* lower+ | B? upper+ lower*), where B is no letter, no number and no line break.
const char* word_end(const CharReader& reader, const char* p, const Char& c) {
  const char* uppers = p;
  if (c.is(kLetter)) {
    const char* end = lower_end(reader, p, uppers);
    return end != nullptr ? end : uppers;
  }
  if (is_newline(c) || c.is(kNumber)) return nullptr;
  const char* const behind = p + c.length;
  if (const char* end = lower_end(reader, behind, uppers)) return end;
  if (c.is(kMark)) return behind;  // a word of its own, before capitals
  return uppers != behind ? uppers : nullptr;
}

template <int kDigits, bool kContractions>
const char* piece_end(const CharReader& reader, const char* p) {
  const Char c = reader.at(p);
  if (const char* end = word_end(reader, p, c)) {
    if (kContractions && reader.at(end).value == '\'') end += contraction_length(reader, end, 0x20);
    return end;
  }
  if (c.is(kNumber)) return numbers_end(reader, p + c.length, kDigits);
  return symbols_end(reader, p, c);
}

}  // namespace

void split_gpt4o_cased(std::string_view text, PieceSink& sink) {
  cut(text, sink, piece_end<3, true>);
}

void split_tekken_cased(std::string_view text, PieceSink& sink) {
  cut(text, sink, piece_end<1, false>);
}

}  // namespace garam
