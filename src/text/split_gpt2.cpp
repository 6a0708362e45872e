// GPT-2's pre-tokenizer. Source of the rule: openai/gpt-2, encoder.py; see docs/tokenizers.md.
#include "text/pretokenizer.h"
#include "text/scan.h"

namespace garam {

void split_gpt2(std::string_view text, PieceSink& sink) {
  constexpr unsigned kWordClasses = kLetter | kNumber | kSpace;
  const CharReader reader(text);
  const char* p = text.data();
  while (p != reader.end()) {
    const char* q = p;
    Char c = reader.at(p);
    if (c.value == '\'') {
      if (const std::size_t length = contraction_length(reader, p, 0)) {
        sink.piece({p, length});
        p += length;
        continue;
      }
    }
    if (c.value == ' ') c = reader.at(++q);
    if (c.is(kLetter)) {
      q = reader.skip(q + c.length, kLetter);
    } else if (c.is(kNumber)) {
      q = reader.skip(q + c.length, kNumber);
    } else if (!c.is(kSpace | Char::kPastEnd)) {
      q = reader.skip(q + c.length, kWordClasses, true);
    } else {
      q = white_space_end(reader, p);
    }
    sink.piece({p, static_cast<std::size_t>(q - p)});
    p = q;
  }
}

}  // namespace garam
