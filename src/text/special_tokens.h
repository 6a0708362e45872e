// Finding control and user-defined tokens in a text, before anything is cut into pieces. Knows texts and ids,
// not families.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "text/vocabulary.h"

namespace garam {

/// A stretch of plain text, or a token found in it.
struct Segment {
  static constexpr std::int32_t kText = -1;
  std::string_view text;    ///< plain text, or what the token was found as
  std::int32_t id = kText;  ///< the token, or kText
};

/// An index over the texts of some tokens. Where occurrences overlap, the longer token wins wherever it
/// stands, of equally long ones the smaller id, of the same token the leftmost: the order of llama.cpp, which
/// searches the whole text for one token after the other, longest first. Here all are searched at once: an
/// Aho-Corasick automaton over the reversed texts, run from the end of the text to its start, tells for each
/// position which tokens begin there. Time is linear in the text, whatever the number of tokens.
class SpecialTokens {
 public:
  /// Indexes the user-defined tokens and, when `with_control` is set, the control and unknown tokens. Keeps
  /// views into `vocabulary`.
  SpecialTokens(const Vocabulary& vocabulary, bool with_control);

  /// Appends the segments of `text` to `out`; white space that tokens swallow is in none of them.
  void split(std::string_view text, std::vector<Segment>& out) const;

 private:
  static constexpr std::uint32_t kNoState = 0;  // the root matches nothing and is nobody's child
  static constexpr std::uint32_t kNoToken = 0xffffffff;

  struct State {
    std::uint32_t first_child = kNoState;
    std::uint32_t sibling = kNoState;
    std::uint32_t fail = 0;          // the state of the longest proper suffix
    std::uint32_t match = kNoState;  // this state or the nearest along `fail` that is a token
    std::uint32_t token = kNoToken;  // index into tokens_
    unsigned char byte = 0;
  };
  struct Token {
    std::int32_t id;
    std::uint32_t length;
    bool strip_left;
    bool strip_right;
  };
  struct Candidate {
    std::uint32_t token;  // tokens_ is in order of preference, so that this is the rank too
    std::uint32_t position;
    std::uint32_t state;
  };

  std::uint32_t child(std::uint32_t state, unsigned char byte) const;
  std::uint32_t step(std::uint32_t state, unsigned char byte) const;
  void add(std::string_view text, std::uint32_t token);
  void link();
  std::vector<Candidate> candidates(std::string_view text) const;

  std::vector<State> states_;
  std::vector<Token> tokens_;
  std::uint32_t root_children_[256] = {};
};

}  // namespace garam
