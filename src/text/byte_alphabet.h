// GPT-2's printable alphabet for bytes: byte-level vocabularies write each byte as one code point, so that no
// token text holds a space or a control character. Source: openai/gpt-2, encoder.py, bytes_to_unicode().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace garam {

/// The byte that code point `c` stands for, -1 when it is not in the alphabet.
constexpr std::array<std::int16_t, 324> kAlphabetBytes = [] {
  std::array<std::int16_t, 324> bytes{};
  for (auto& b : bytes) b = -1;
  std::size_t unprintable = 0;
  for (std::size_t b = 0; b < 256; ++b) {
    const bool printable = (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
    bytes[printable ? b : 256 + unprintable++] = static_cast<std::int16_t>(b);
  }
  return bytes;
}();

/// Appends the bytes that `text` spells in the alphabet. Returns false, with part of them appended, when a
/// character is not in it.
bool append_alphabet_bytes(std::string_view text, std::string& out);

}  // namespace garam
