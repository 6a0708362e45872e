// How tokenizer.json treats text: its sections normalizer and pre_tokenizer and the flags of its model,
// recognised as rules that src/text has. One that is not recognised is an error: a wrong rule gives ids that
// are nearly right.
#pragma once

#include <string>

#include "io/json.h"

namespace garam {

struct TextRules {
  bool byte_level = false;
  std::string normalizer;     // "nfc" or empty
  std::string pre_tokenizer;  // of byte-level vocabularies: a name of src/text/pretokenizer.cpp
  bool ignore_merges = false;
  /// Of SentencePiece-type vocabularies, where a space goes in front: "none"; "each", of every text between
  /// added tokens; "each_unless_space", of those that do not begin with one; "first_unless_space", of the
  /// first.
  std::string space_prefix = "none";
};

/// Throws Error(kUnsupported) naming the section and what is in it.
TextRules read_text_rules(const JsonValue& root);

}  // namespace garam
