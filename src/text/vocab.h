// A vocabulary as a model file states it, before anything is checked, and the way from there to a Tokenizer.
// Plain data, so that this room need not know file formats.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "garam/tokenizer.h"

namespace garam {

/// The keys `tokenizer.ggml.*` (and `general.name`) of a GGUF file. Absent keys stay empty.
struct VocabData {
  std::string model;                         ///< "gpt2", "llama", ...
  std::string pre;                           ///< name of the pre-tokenizer
  std::string name;                          ///< general.name: phi-3's white space rule hangs on it
  std::vector<std::string> tokens;           ///< one text per id, any bytes
  std::optional<std::vector<float>> scores;  ///< one per token
  /// One per token: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
  std::optional<std::vector<std::int32_t>> types;
  std::optional<std::vector<std::string>> merges;  ///< "left right", best first
  std::optional<std::uint32_t> bos, eos, eot, eom, unknown, separator, padding;
  std::optional<std::uint32_t> fim_pad, fim_rep, fim_sep;  ///< fill-in-the-middle tokens that end generation
  std::optional<bool> add_bos, add_eos, add_sep, add_space_prefix, remove_extra_whitespaces;
  std::optional<bool> lowercase, strip_accents;    ///< `tokenizer.ggml.normalizer.*`
  std::vector<std::uint8_t> precompiled_charsmap;  ///< SentencePiece's character map, empty for none

  // What tokenizer.json says and GGUF has no key for: `tokenizer.garam.*`.
  std::string rules;  ///< "tokenizer.json": its rules hold where they differ from what readers of GGUF guess
  std::string normalizer;             ///< "nfc" or empty
  std::optional<bool> ignore_merges;  ///< a piece that is a token stays whole
  std::string space_prefix;           ///< "", "none", "each", "each_unless_space", ...
  std::vector<std::uint32_t> strip_left,
      strip_right;                     ///< tokens that swallow white space before, behind them
  std::vector<std::uint32_t> end_ids;  ///< more tokens that end generation
};

/// Checks everything and builds the tokenizer. `source` names the file in errors. Throws Error: kFormat for
/// data that contradicts itself, kUnsupported for a family or pre-tokenizer that garam does not have.
Tokenizer make_tokenizer(VocabData data, std::string_view source);

}  // namespace garam
