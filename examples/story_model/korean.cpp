// Korean particles.
#include "korean.h"

#include <array>
#include <stdexcept>

namespace story {
namespace {

struct Particle {
  std::string_view behind_consonant, behind_vowel;
};

constexpr std::array kParticles{
    Particle{"은", "는"},           Particle{"이", "가"},       Particle{"을", "를"},
    Particle{"과", "와"},           Particle{"아", "야"},       Particle{"이라는", "라는"},
    Particle{"이었어요", "였어요"}, Particle{"이에요", "예요"}, Particle{"이었나요", "였나요"},
    Particle{"이야", "야"},
};

/// Whether the last syllable has a final consonant.
bool ends_in_consonant(std::string_view word) {
  const auto byte = [&](std::size_t from_end) {
    return static_cast<unsigned>(static_cast<unsigned char>(word[word.size() - from_end]));
  };
  if (word.size() >= 3 && byte(3) >> 4 == 0xe) {
    const unsigned code = (byte(3) & 15) << 12 | (byte(2) & 63) << 6 | (byte(1) & 63);
    if (code >= 0xac00 && code < 0xd7a4) return (code - 0xac00) % 28 != 0;
  }
  throw std::runtime_error("no Hangul syllable at the end of \"" + std::string(word) + "\"");
}

}  // namespace

std::string with_particle(std::string_view word, std::string_view particle) {
  for (const Particle& p : kParticles) {
    if (p.behind_consonant == particle) {
      return std::string(word) += ends_in_consonant(word) ? p.behind_consonant : p.behind_vowel;
    }
  }
  throw std::runtime_error("unknown particle \"" + std::string(particle) + "\"");
}

}  // namespace story
