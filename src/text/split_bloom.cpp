// BLOOM's pre-tokenizer. Source of the rule: tokenizer.json of BLOOM; see docs/tokenizers.md.
#include "text/pretokenizer.h"
#include "text/scan.h"

namespace garam {
namespace {

/// [^(\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)], in which the bracket, the bar and the closing
/// bracket are members.
bool is_word(const Char& c) {
  if (c.is(kSpace | Char::kPastEnd)) return false;
  switch (c.value) {
    case '(':
    case ')':
    case '|':
    case '.':
    case ',':
    case '!':
    case '?':
    case 0x060c:  // Arabic comma
    case 0x06d4:  // Arabic full stop
    case 0x0964:  // Devanagari danda
    case 0x2026:  // horizontal ellipsis
    case 0x3001:  // ideographic comma
    case 0x3002:  // ideographic full stop
    case 0xff0c:  // fullwidth comma
      return false;
    default:
      return true;
  }
}

}  // namespace

void split_bloom(std::string_view text, PieceSink& sink) {
  isolate_runs(
      text, sink, [](const Char& c) { return c.value == ' '; }, is_word);
}

}  // namespace garam
