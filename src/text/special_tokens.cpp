// The automaton over reversed token texts, and the choice among overlapping occurrences.
#include "text/special_tokens.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "base/fail.h"

namespace garam {
namespace {

// A state takes 24 bytes, so that a vocabulary made of special tokens would take that many times its size.
// Real ones have about 100 KB of such text.
constexpr std::size_t kMaxSpecialBytes = std::size_t{4} << 20;

bool is_ascii_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

}  // namespace

SpecialTokens::SpecialTokens(const Vocabulary& vocabulary, bool with_control) : states_(1) {
  std::size_t bytes = 0;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const TokenInfo& info = vocabulary.infos[id];
    const bool wanted =
        info.kind == TokenKind::kUserDefined ||
        (with_control && (info.kind == TokenKind::kControl || info.kind == TokenKind::kUnknown));
    const std::size_t length = vocabulary.tokens[id].size();
    if (!wanted || length == 0) continue;
    bytes += length;
    if (bytes > kMaxSpecialBytes) {
      fail(ErrorCode::kUnsupported,
           "{}: tokenizer.ggml.tokens: expected at most {} bytes of special tokens, found more",
           vocabulary.source, kMaxSpecialBytes);
    }
    tokens_.push_back({static_cast<std::int32_t>(id), static_cast<std::uint32_t>(length), info.strip_left,
                       info.strip_right});
  }
  std::stable_sort(tokens_.begin(), tokens_.end(),
                   [](const Token& a, const Token& b) { return a.length > b.length; });
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    add(vocabulary.tokens[static_cast<std::size_t>(tokens_[i].id)], static_cast<std::uint32_t>(i));
  }
  link();
}

std::uint32_t SpecialTokens::child(std::uint32_t state, unsigned char byte) const {
  if (state == 0) return root_children_[byte];
  std::uint32_t found = states_[state].first_child;
  while (found != kNoState && states_[found].byte != byte) found = states_[found].sibling;
  return found;
}

std::uint32_t SpecialTokens::step(std::uint32_t state, unsigned char byte) const {
  for (;;) {
    const std::uint32_t next = child(state, byte);
    if (next != kNoState || state == 0) return next;
    state = states_[state].fail;
  }
}

void SpecialTokens::add(std::string_view text, std::uint32_t token) {
  std::uint32_t state = 0;
  for (std::size_t i = text.size(); i-- > 0;) {
    const auto byte = static_cast<unsigned char>(text[i]);
    std::uint32_t next = child(state, byte);
    if (next == kNoState) {
      next = static_cast<std::uint32_t>(states_.size());
      State added;
      added.byte = byte;
      added.sibling = states_[state].first_child;
      states_.push_back(added);
      states_[state].first_child = next;
      if (state == 0) root_children_[byte] = next;
    }
    state = next;
  }
  states_[state].token = token;
}

void SpecialTokens::link() {
  // Breadth first, since a state's links lead to shallower states.
  std::vector<std::uint32_t> queue;
  queue.reserve(states_.size());
  queue.push_back(0);
  for (std::size_t i = 0; i < queue.size(); ++i) {
    const std::uint32_t parent = queue[i];
    for (std::uint32_t s = states_[parent].first_child; s != kNoState; s = states_[s].sibling) {
      states_[s].fail = parent == 0 ? 0 : step(states_[parent].fail, states_[s].byte);
      states_[s].match = states_[s].token != kNoToken ? s : states_[states_[s].fail].match;
      queue.push_back(s);
    }
  }
}

std::vector<SpecialTokens::Candidate> SpecialTokens::candidates(std::string_view text) const {
  std::vector<Candidate> found;
  std::uint32_t state = 0;
  for (std::size_t i = text.size(); i-- > 0;) {
    const auto byte = static_cast<unsigned char>(text[i]);
    state = step(state, byte);
    const std::uint32_t match = states_[state].match;
    if (match != kNoState) found.push_back({states_[match].token, static_cast<std::uint32_t>(i), match});
  }
  return found;
}

void SpecialTokens::split(std::string_view text, std::vector<Segment>& out) const {
  struct Found {
    std::size_t begin, end;  // with the white space that it swallows
    std::int32_t id;
  };
  std::vector<Candidate> queue;
  if (!tokens_.empty()) queue = candidates(text);
  if (queue.empty()) {
    if (!text.empty()) out.push_back({text, Segment::kText});
    return;
  }

  // Each position starts with its longest token. One that overlaps what better tokens took falls back to the
  // next shorter token that begins there.
  const auto later = [](const Candidate& a, const Candidate& b) {
    return a.token != b.token ? a.token > b.token : a.position > b.position;
  };
  std::make_heap(queue.begin(), queue.end(), later);
  std::vector<char> taken(text.size(), 0);
  std::vector<Found> founds;
  while (!queue.empty()) {
    std::pop_heap(queue.begin(), queue.end(), later);
    Candidate candidate = queue.back();
    queue.pop_back();
    std::size_t begin = candidate.position;
    if (taken[begin] != 0) continue;
    const Token& token = tokens_[candidate.token];
    const void* blocked = std::memchr(taken.data() + begin, 1, token.length);
    if (blocked != nullptr) {
      const std::size_t room =
          static_cast<std::size_t>(static_cast<const char*>(blocked) - taken.data()) - begin;
      std::uint32_t state = candidate.state;
      do {
        state = states_[states_[state].fail].match;
      } while (state != kNoState && tokens_[states_[state].token].length > room);
      if (state == kNoState) continue;
      queue.push_back({states_[state].token, candidate.position, state});
      std::push_heap(queue.begin(), queue.end(), later);
      continue;
    }
    std::size_t end = begin + token.length;
    std::fill(taken.begin() + static_cast<std::ptrdiff_t>(begin),
              taken.begin() + static_cast<std::ptrdiff_t>(end), static_cast<char>(1));
    if (token.strip_left) {
      while (begin > 0 && taken[begin - 1] == 0 && is_ascii_space(text[begin - 1])) taken[--begin] = 1;
    }
    if (token.strip_right) {
      while (end < text.size() && taken[end] == 0 && is_ascii_space(text[end])) taken[end++] = 1;
    }
    founds.push_back({begin, end, token.id});
  }

  std::sort(founds.begin(), founds.end(), [](const Found& a, const Found& b) { return a.begin < b.begin; });
  std::size_t position = 0;
  for (const Found& found : founds) {
    if (found.begin > position)
      out.push_back({text.substr(position, found.begin - position), Segment::kText});
    out.push_back({text.substr(found.begin, found.end - found.begin), found.id});
    position = found.end;
  }
  if (position < text.size()) out.push_back({text.substr(position), Segment::kText});
}

}  // namespace garam
