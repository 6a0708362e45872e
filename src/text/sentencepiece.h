// What the two SentencePiece-type BPE families share: spaces become marks, the text falls into stretches,
// what is no token is spelled in byte tokens. They differ in what merges first.
#pragma once

#include <array>

#include "text/join_table.h"
#include "text/merge_parts.h"
#include "text/token_model.h"

namespace garam {

class SentencePieceModel : public TokenModel {
 public:
  void encode(std::string_view text, bool at_start, TokenOutput& out) const final;
  void append_piece(std::string_view token_text, std::string& out) const final;

 protected:
  struct Work {
    LargeVector<MergePart> parts;
    MergeScratch scratch;
  };
  static constexpr std::uint32_t kAbsent = TextTable::kAbsent;

  /// `pairs`: how many pairs of characters will be added to `joins` at most.
  SentencePieceModel(const Vocabulary& vocabulary, std::size_t pairs)
      : vocabulary(vocabulary), joins(pairs) {}

  /// Sets work.parts to the characters of `text`, symbols kAbsent, and a sentinel. Returns how many.
  static std::size_t set_characters(std::string_view text, Work& work);

  /// Leaves in work.parts the parts that `text` merges into, their symbols ids or kAbsent for what is no
  /// token, and a sentinel. Returns how many.
  virtual std::size_t merge(std::string_view text, Work& work) const = 0;
  /// Text that is not UTF-8 is repaired first.
  virtual bool repairs() const { return false; }
  /// Line breaks stand apart from all else.
  virtual bool by_lines() const { return false; }
  /// Appends what stands for a part that is no token.
  virtual void spell(std::string_view text, std::size_t begin, TokenOutput& out) const = 0;

  /// The token "<0x0A>" of each byte, kAbsent where there is none. By text, whatever its type, as in every
  /// reader.
  std::array<std::uint32_t, 256> find_byte_tokens() const;

  const Vocabulary& vocabulary;
  JoinTable joins;

 private:
  std::size_t stretch_length(std::string_view text) const;
  void encode_stretch(std::string_view text, std::size_t begin, Work& work, TokenOutput& out) const;
};

}  // namespace garam
