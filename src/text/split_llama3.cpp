// Llama 3's pre-tokenizer. Source of the rule: tokenizer.json of Meta-Llama-3; see docs/tokenizers.md.
#include "text/pretokenizer.h"
#include "text/scan.h"

namespace garam {
namespace {

bool is_newline(const Char& c) {
  return c.value == '\r' || c.value == '\n';
}

/// The end of a run of white space up to its last line break, nullptr when it has none. (\s*[\r\n]+)
const char* line_break_end(const CharReader& reader, const char* p) {
  const char* found = nullptr;
  for (Char c = reader.at(p); c.is(kSpace); c = reader.at(p)) {
    p += c.length;
    if (is_newline(c)) found = p;
  }
  return found;
}

const char* piece_end(const CharReader& reader, const char* p) {
  constexpr unsigned kWordClasses = kLetter | kNumber | kSpace;
  const Char c = reader.at(p);
  if (c.value == '\'') {
    if (const std::size_t length = contraction_length(reader, p, 0x20)) return p + length;
  }
  const Char next = reader.at(p + c.length);
  if (c.is(kLetter) || (next.is(kLetter) && !c.is(kNumber) && !is_newline(c))) {
    return reader.skip(p + c.length, kLetter);
  }
  if (c.is(kNumber)) {
    p += c.length;
    for (int digits = 1; digits < 3; ++digits) {
      const Char digit = reader.at(p);
      if (!digit.is(kNumber)) break;
      p += digit.length;
    }
    return p;
  }
  const Char first = c.value == ' ' ? next : c;
  if (!first.is(kWordClasses | Char::kPastEnd)) {
    p = reader.skip(p + c.length, kWordClasses, true);
    while (is_newline(reader.at(p))) ++p;
    return p;
  }
  const char* end = line_break_end(reader, p);
  return end != nullptr ? end : white_space_end(reader, p);
}

}  // namespace

void split_llama3(std::string_view text, PieceSink& sink) {
  const CharReader reader(text);
  for (const char* p = text.data(); p != reader.end();) {
    const char* q = piece_end(reader, p);
    sink.piece({p, static_cast<std::size_t>(q - p)});
    p = q;
  }
}

}  // namespace garam
