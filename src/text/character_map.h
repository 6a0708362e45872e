// SentencePiece's character map (`tokenizer.ggml.precompiled_charsmap`): which prefixes of a text are written
// how, NFKC and more. Knows nothing about tokens.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace garam {

/// A double array (darts-clone) over the prefixes, and their replacements. Immutable.
class CharacterMap {
 public:
  /// Bounds the time of a lookup: a crafted map may contain circles. NFKC's longest prefix has 18 bytes.
  static constexpr std::size_t kMaxPrefix = 256;
  /// Bounds what a text can grow to. NFKC's longest replacement has 33 bytes.
  static constexpr std::size_t kMaxReplacement = 255;

  /// A map that replaces nothing.
  CharacterMap() = default;
  /// `bytes` as the file has them; empty is the map that replaces nothing. Throws Error: kFormat for a
  /// malformed map, kUnsupported for a replacement longer than kMaxReplacement.
  CharacterMap(std::span<const std::uint8_t> bytes, std::string_view source);

  struct Match {
    std::size_t length = 0;  ///< of the prefix; 0 where none is in the map
    std::string_view replacement;
  };
  /// The longest prefix of `text` in the map. Never fails: where a map leads out of itself, nothing matches.
  Match find(std::string_view text) const;

 private:
  std::vector<std::uint32_t> units_;
  std::string replacements_;  // each ends with a NUL byte
};

}  // namespace garam
