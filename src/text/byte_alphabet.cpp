// Reading GPT-2's byte alphabet.
#include "text/byte_alphabet.h"

namespace garam {

bool append_alphabet_bytes(std::string_view text, std::string& out) {
  // The alphabet ends at U+0143, so that one- and two-byte sequences are all there is.
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    std::uint32_t code_point = lead;
    if (lead >= 0x80) {
      if (lead < 0xc2 || lead > 0xc5 || i + 1 == text.size()) return false;
      const auto next = static_cast<unsigned char>(text[i + 1]);
      if ((next & 0xc0) != 0x80) return false;
      code_point = (lead & 0x1fu) << 6 | (next & 0x3fu);
      ++i;
    }
    ++i;
    if (code_point >= kAlphabetBytes.size() || kAlphabetBytes[code_point] < 0) return false;
    out.push_back(static_cast<char>(kAlphabetBytes[code_point]));
  }
  return true;
}

}  // namespace garam
