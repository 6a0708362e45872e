// Ids come from the file, so that none is used as an index before it is known to be below the number of
// tokens.
#include "hf/vocabulary.h"

#include <algorithm>
#include <unordered_map>

#include "base/fail.h"
#include "base/printable.h"

namespace garam {
namespace {

// Ids without a token between those that have one; more of them are no vocabulary.
constexpr std::uint64_t kMaxGap = 1 << 16;

struct Added {
  std::uint64_t id;
  std::string_view text;
  bool special, strip_left, strip_right;
};

std::vector<Added> read_added(const JsonValue& root) {
  std::vector<Added> list;
  const auto tokens = root.find("added_tokens");
  if (!tokens) return list;
  const auto flag = [](const JsonValue& token, std::string_view name) {
    const auto value = token.find(name);
    return value && value->boolean();
  };
  for (const JsonValue token : tokens->elements()) {
    if (flag(token, "single_word")) {
      fail(ErrorCode::kUnsupported, "{}: expected false, found true", token.at("single_word").where());
    }
    list.push_back({token.at("id").integer(0, INT32_MAX), token.at("content").string(),
                    flag(token, "special"), flag(token, "lstrip"), flag(token, "rstrip")});
    if (list.back().text.empty()) token.at("content").refuse("a text");
  }
  return list;
}

/// How many tokens there will be.
std::uint64_t token_count(const JsonValue& vocab, const std::vector<Added>& added,
                          std::optional<std::uint64_t> rows) {
  const std::uint64_t listed = vocab.size() + added.size();
  std::uint64_t end = 0;
  for (const JsonValue entry : vocab.members()) {
    const std::uint64_t most = rows ? *rows : listed + kMaxGap;
    end = std::max(end, entry.integer(0, most - 1) + 1);
  }
  if (rows && *rows > listed + kMaxGap) {
    fail(ErrorCode::kFormat, "{}: expected about as many tokens as the {} rows of the embedding, found {}",
         vocab.where(), *rows, listed);
  }
  if (rows) return *rows;
  for (const Added& token : added) {
    if (token.id < listed + kMaxGap) end = std::max(end, token.id + 1);
  }
  return end;
}

/// Puts a token in its place; two may only share it when they are the same.
void place(TokenList& list, std::uint64_t id, std::string_view text, std::int32_t type,
           const JsonValue& vocab) {
  if (list.types[id] != kTypeUnused && list.tokens[id] != text) {
    fail(ErrorCode::kFormat, "{}: expected one token for id {}, found \"{}\" and \"{}\"", vocab.where(), id,
         printable(list.tokens[id], 40), printable(text, 40));
  }
  list.tokens[id] = text;
  list.types[id] = type;
}

std::string merge_text(const JsonValue& merge) {
  const auto check = [&](std::string_view part) {
    if (part.empty() || part.find(' ') != std::string_view::npos) merge.refuse("two tokens without spaces");
  };
  if (merge.is(JsonKind::kString)) {
    const std::string_view text = merge.string();
    const std::size_t space = std::min(text.find(' '), text.size());
    check(text.substr(0, space));
    check(space < text.size() ? text.substr(space + 1) : "");
    return std::string(text);
  }
  if (!merge.is(JsonKind::kArray) || merge.size() != 2) merge.refuse("two tokens");
  std::string both;
  for (const JsonValue part : merge.elements()) {
    check(part.string());
    if (!both.empty()) both += ' ';
    both += part.string();
  }
  return both;
}

/// What readers without the list of merges merge by: the earlier a merge, the higher the score of its token.
std::vector<float> scores_of(const TokenList& list) {
  std::unordered_map<std::string, std::uint32_t> ranks;
  std::string text;
  for (std::size_t i = 0; i < list.merges.size(); ++i) {
    text = list.merges[i];
    text.erase(text.find(' '), 1);
    ranks.emplace(text, static_cast<std::uint32_t>(i));
  }
  std::vector<float> scores(list.tokens.size());
  for (std::size_t id = 0; id < scores.size(); ++id) {
    const auto rank = ranks.find(list.tokens[id]);
    scores[id] = -static_cast<float>(rank != ranks.end() ? rank->second : list.merges.size());
  }
  return scores;
}

bool is_byte_token(std::string_view text) {
  const auto digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); };
  return text.size() == 6 && text.starts_with("<0x") && text[5] == '>' && digit(text[3]) && digit(text[4]);
}

}  // namespace

std::optional<std::uint32_t> TokenList::find(std::string_view text) const {
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    if (types[id] != kTypeUnused && tokens[id] == text) return static_cast<std::uint32_t>(id);
  }
  return std::nullopt;
}

TokenList read_vocabulary(const JsonValue& root, bool byte_level, std::optional<std::uint64_t> rows) {
  const JsonValue vocab = root.at("model").at("vocab");
  if (vocab.members().begin() == vocab.members().end()) vocab.refuse("at least one token");
  const std::vector<Added> added = read_added(root);
  const std::uint64_t count = token_count(vocab, added, rows);
  TokenList list;
  list.tokens.resize(count);
  list.types.assign(count, kTypeUnused);
  for (const JsonValue entry : vocab.members()) {
    const bool byte = !byte_level && is_byte_token(entry.key());
    place(list, entry.integer(0, count - 1), entry.key(), byte ? kTypeByte : kTypeNormal, vocab);
  }
  for (const Added& token : added) {
    if (token.id >= count) continue;
    place(list, token.id, token.text, token.special ? kTypeControl : kTypeUserDefined, vocab);
    const auto id = static_cast<std::uint32_t>(token.id);
    if (token.strip_left) list.strip_left.push_back(id);
    if (token.strip_right) list.strip_right.push_back(id);
  }
  for (std::uint64_t id = 0; id < count; ++id) {
    if (list.types[id] == kTypeUnused) list.tokens[id] = formatted("[PAD{}]", id);
  }
  for (const JsonValue merge : root.at("model").at("merges").elements()) {
    list.merges.push_back(merge_text(merge));
  }
  if (!byte_level) list.scores = scores_of(list);
  return list;
}

}  // namespace garam
