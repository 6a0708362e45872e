// Streaming detokenization: whole characters only.
#include <utility>

#include "text/tokenizer_impl.h"
#include "text/unicode.h"

namespace garam {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

/// Moves the whole characters out of `bytes`, each undecodable part as U+FFFD; an incomplete character at the
/// end stays.
std::string take_characters(std::string& bytes) {
  std::string out;
  std::string_view rest = bytes;
  while (!rest.empty()) {
    std::size_t length = 0;
    const Utf8Start start = classify_utf8_start(rest, length);
    if (start == Utf8Start::kIncomplete) break;
    out += start == Utf8Start::kCharacter ? rest.substr(0, length) : kReplacement;
    rest.remove_prefix(length);
  }
  bytes.erase(0, bytes.size() - rest.size());
  return out;
}

}  // namespace

TextStream::TextStream(Tokenizer tokenizer, DecodeOptions options, std::span<const std::int32_t> context)
    : tokenizer_(std::move(tokenizer)), options_(options), strip_space_(tokenizer_.add_space_prefix()) {
  for (const std::int32_t id : context) push(id);
}

std::string TextStream::push(std::int32_t id) {
  pending_ += tokenizer_.impl().next_piece(id, options_, strip_space_);
  return take_characters(pending_);
}

std::string TextStream::finish() {
  const bool incomplete = !std::exchange(pending_, {}).empty();
  return std::string(incomplete ? kReplacement : std::string_view());
}

}  // namespace garam
