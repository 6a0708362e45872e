// GPT-2's pre-tokenizer and those that cut digits off before it. Sources of the rules: openai/gpt-2,
// encoder.py; tokenizer.json of StarCoder; see docs/tokenizers.md.
#include "text/pretokenizer.h"
#include "text/scan.h"

namespace garam {
namespace {

const char* piece_end(const CharReader& reader, const char* p) {
  constexpr unsigned kNotPunctuation = kLetter | kNumber | kSpace;
  const char* q = p;
  Char c = reader.at(p);
  if (c.value == '\'') {
    if (const std::size_t length = contraction_length(reader, p, 0)) return p + length;
  }
  if (c.value == ' ') c = reader.at(++q);
  if (c.is(kLetter)) return reader.skip(q + c.length, kLetter);
  if (c.is(kNumber)) return reader.skip(q + c.length, kNumber);
  if (!c.is(kSpace | Char::kPastEnd)) return reader.skip(q + c.length, kNotPunctuation, true);
  return white_space_end<false>(reader, p);
}

}  // namespace

void split_gpt2(std::string_view text, PieceSink& sink) {
  cut(text, sink, piece_end);
}

void split_each_number(std::string_view text, PieceSink& sink) {
  isolate(text, sink, [](const CharReader&, const char* p, const Char& c) {
    return c.is(kNumber) ? p + c.length : nullptr;
  });
}

void split_numbers(std::string_view text, PieceSink& sink) {
  isolate_runs(text, sink, [](const Char& c) { return c.is(kNumber); });
}

void split_starcoder(std::string_view text, PieceSink& sink) {
  Stage words(split_gpt2, sink);
  split_each_number(text, words);
}

}  // namespace garam
