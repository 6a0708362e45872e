// Korean particles, which depend on whether the word before them ends in a consonant.
#pragma once

#include <string>
#include <string_view>

namespace story {

/// `word` with a particle, named by its form behind a consonant: 은, 이, 을, 과, 아 and the endings of "to
/// be" that patterns use. Throws std::runtime_error for another one, and for a word that does not end in a
/// Hangul syllable (Unicode 3.12: U+AC00 + 588 initial + 28 medial + final).
std::string with_particle(std::string_view word, std::string_view particle);

}  // namespace story
