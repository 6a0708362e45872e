// Marking spaces and cutting the text into stretches.
#include "text/sentencepiece.h"

#include "base/fail.h"
#include "text/piece_cache.h"
#include "text/rewritten_text.h"
#include "text/space_mark.h"

namespace garam {

void SentencePieceModel::append_piece(std::string_view token_text, std::string& out) const {
  append_unmarked(token_text, out);
}

std::array<std::uint32_t, 256> SentencePieceModel::find_byte_tokens() const {
  std::array<std::uint32_t, 256> ids{};
  for (std::size_t b = 0; b < 256; ++b) ids[b] = vocabulary.ids.find(formatted("<0x{:02X}>", b));
  return ids;
}

std::size_t SentencePieceModel::set_characters(std::string_view text, Work& work) {
  auto& parts = work.parts;
  if (parts.size() < text.size() + 1) parts.resize(text.size() + 1);
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); i += utf8_length(text[i])) {
    parts[count++] = {static_cast<std::uint32_t>(i), kAbsent};
  }
  parts[count].begin = static_cast<std::uint32_t>(text.size());
  return count;
}

std::size_t SentencePieceModel::stretch_length(std::string_view text) const {
  const bool lines = by_lines();
  PackedChar left = packed_char(text, 0);
  for (std::size_t i = left.length; i < text.size();) {
    const PackedChar right = packed_char(text, i);
    if (lines && (left.value == '\n' || right.value == '\n')) {
      if (left.value != right.value) return i;
    } else if (!joins.may_join(left.value, right.value)) {
      return i;
    }
    i += right.length;
    left = right;
  }
  return text.size();
}

void SentencePieceModel::encode_stretch(std::string_view text, std::size_t begin, Work& work,
                                        TokenOutput& out) const {
  const std::size_t count = merge(text, work);
  for (std::size_t i = 0; i < count; ++i) {
    const MergePart& part = work.parts[i];
    const std::size_t end = work.parts[i + 1].begin;
    if (part.symbol == kAbsent) {
      spell(text.substr(part.begin, end - part.begin), begin + part.begin, out);
    } else {
      out.add(static_cast<std::int32_t>(part.symbol), begin + part.begin, begin + end);
    }
  }
}

void SentencePieceModel::encode(std::string_view text, bool at_start, TokenOutput& out) const {
  const bool wanted = vocabulary.prefix_first_only ? out.base == 0 : at_start;
  const bool prefix =
      wanted && vocabulary.add_space_prefix && !(vocabulary.prefix_unless_space && text[0] == ' ');
  const bool ranges = out.ranges != nullptr;
  std::string storage;
  if (repairs()) text = repair_utf8(text, storage, out);
  RewrittenText marked(text.size() + text.size() / 2 + kSpaceMark.size(), ranges);
  mark_spaces(text, prefix, marked);
  if (ranges) follow_origin(marked.take_origin(), out);

  Work work;
  PieceCache cache(ranges ? 0 : text.size());
  const std::string_view bytes = marked.bytes();
  for (std::size_t begin = 0; begin < bytes.size();) {
    const std::string_view stretch = bytes.substr(begin, stretch_length(bytes.substr(begin)));
    cache.encode(stretch, out.ids, [&] { encode_stretch(stretch, begin, work, out); });
    begin += stretch.size();
  }
  out.origin.clear();
}

}  // namespace garam
