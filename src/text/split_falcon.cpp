// Falcon's pre-tokenizer and the one of files that name none, which was made from it. Source of the rules:
// tokenizer.json of Falcon; llama.cpp, llama-vocab.cpp (default); see docs/tokenizers.md.
#include "text/pretokenizer.h"
#include "text/scan.h"

namespace garam {
namespace {

/// Runs of punctuation and of the ASCII symbols but, unless `kBackquote` is set, the backquote.
template <bool kBackquote>
void split_punctuation(std::string_view text, PieceSink& sink) {
  isolate_runs(text, sink, [](const Char& c) {
    return c.is(kPunctuation) || (c.value < 0x80 && c.is(kSymbol) && (kBackquote || c.value != '`'));
  });
}

void split_three_digits(std::string_view text, PieceSink& sink) {
  isolate(text, sink, [](const CharReader& reader, const char* p, const Char&) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    return reader.end() - p >= 3 && is_digit(p[0]) && is_digit(p[1]) && is_digit(p[2]) ? p + 3 : nullptr;
  });
}

}  // namespace

void split_falcon(std::string_view text, PieceSink& sink) {
  Stage digits(split_three_digits, sink);
  Stage words(split_gpt2, digits);
  split_punctuation<true>(text, words);
}

void split_default(std::string_view text, PieceSink& sink) {
  Stage digits(split_three_digits, sink);
  Stage numbers(split_numbers, digits);
  Stage words(split_gpt2, numbers);
  split_punctuation<false>(text, words);
}

}  // namespace garam
