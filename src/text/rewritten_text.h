// A text as a family rewrites it before cutting (repaired, spaces marked), and where each of its bytes came
// from.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/token_model.h"

namespace garam {

/// Built from left to right. Origins are kept only where ranges are wanted: they cost 8 bytes a byte.
class RewrittenText {
 public:
  RewrittenText(std::size_t expected, bool with_origin) : with_origin_(with_origin) {
    bytes_.reserve(expected);
    if (with_origin) origin_.reserve(expected);
  }

  /// Appends `bytes`, all made from begin..end of the text before.
  void append(std::string_view bytes, std::size_t begin, std::size_t end) {
    bytes_ += bytes;
    if (with_origin_) {
      origin_.insert(origin_.end(), bytes.size(),
                     {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)});
    }
  }
  /// Appends a part of the text before that stays as it is and begins at `begin` there.
  void keep(std::string_view bytes, std::size_t begin) {
    bytes_ += bytes;
    if (!with_origin_) return;
    for (auto at = static_cast<std::uint32_t>(begin); at < begin + bytes.size(); ++at) {
      origin_.push_back({at, at + 1});
    }
  }

  std::string_view bytes() const { return bytes_; }
  /// Hands out the origins of all bytes, for TokenOutput.
  std::vector<TextRange> take_origin() { return std::move(origin_); }

 private:
  std::string bytes_;
  std::vector<TextRange> origin_;
  bool with_origin_;
};

/// As repair_utf8(); where ranges are wanted and the text changes, out.origin is set too.
std::string_view repair_utf8(std::string_view text, std::string& storage, TokenOutput& out);

/// Makes `origin`, which refers to the text that out.origin is about, out.origin.
void follow_origin(std::vector<TextRange> origin, TokenOutput& out);

/// `text` with each space written as kSpaceMark, and one more in front if `prefix` is set.
void mark_spaces(std::string_view text, bool prefix, RewrittenText& out);

}  // namespace garam
