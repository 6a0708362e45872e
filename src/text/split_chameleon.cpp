// Chameleon's pre-tokenizer: names of image parts, indentation, digits and punctuation, then GPT-2's rule.
// Source of the rule: tokenizer.json of chameleon-7b; see docs/tokenizers.md.
#include "text/pretokenizer.h"
#include "text/scan.h"

namespace garam {
namespace {

std::string_view rest(const CharReader& reader, const char* p) {
  return {p, static_cast<std::size_t>(reader.end() - p)};
}

/// <sentinel:[0-9]+>
const char* sentinel_end(const CharReader& reader, const char* p, const Char&) {
  constexpr std::string_view kStart = "<sentinel:";
  const std::string_view text = rest(reader, p);
  if (!text.starts_with(kStart)) return nullptr;
  std::size_t i = kStart.size();
  while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
  return i > kStart.size() && i < text.size() && text[i] == '>' ? p + i + 1 : nullptr;
}

/// IMGIMG[A-I]{1,4}Z
const char* image_end(const CharReader& reader, const char* p, const Char&) {
  constexpr std::string_view kStart = "IMGIMG";
  const std::string_view text = rest(reader, p);
  if (!text.starts_with(kStart)) return nullptr;
  std::size_t i = kStart.size();
  while (i < text.size() && i < kStart.size() + 4 && text[i] >= 'A' && text[i] <= 'I') ++i;
  return i > kStart.size() && i < text.size() && text[i] == 'Z' ? p + i + 1 : nullptr;
}

/// [\t\n]|    |  (four spaces, two spaces)
const char* indentation_end(const CharReader& reader, const char* p, const Char& c) {
  if (c.value == '\t' || c.value == '\n') return p + 1;
  const std::string_view text = rest(reader, p);
  if (text.starts_with("    ")) return p + 4;
  return text.starts_with("  ") ? p + 2 : nullptr;
}

/// One punctuation character or ASCII symbol.
const char* punctuation_end(const CharReader&, const char* p, const Char& c) {
  return c.is(kPunctuation) || (c.value < 0x80 && c.is(kSymbol)) ? p + c.length : nullptr;
}

template <const char* (*kMatch)(const CharReader&, const char*, const Char&)>
void split(std::string_view text, PieceSink& sink) {
  isolate(text, sink, kMatch);
}

}  // namespace

void split_chameleon(std::string_view text, PieceSink& sink) {
  Stage words(split_gpt2, sink);
  Stage punctuation(split<punctuation_end>, words);
  Stage numbers(split_each_number, punctuation);
  Stage indentation(split<indentation_end>, numbers);
  Stage images(split<image_end>, indentation);
  split<sentinel_end>(text, images);
}

}  // namespace garam
