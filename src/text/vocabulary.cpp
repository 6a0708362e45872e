// Checking a vocabulary. Everything that comes in is untrusted.
#include "text/vocabulary.h"

#include <cmath>
#include <limits>
#include <utility>

#include "base/fail.h"
#include "base/printable.h"

namespace garam {
namespace {

// Ids are int32, and positions in the pool of token texts are 32-bit.
constexpr std::size_t kMaxTokens = std::numeric_limits<std::int32_t>::max();
constexpr std::size_t kMaxTextBytes = std::numeric_limits<std::int32_t>::max();

/// Token texts come from strangers and may be long.
std::string shown(std::string_view text) {
  return printable(text, 40);
}

std::optional<std::int32_t> checked_id(const std::string& key, std::optional<std::uint32_t> id,
                                       std::size_t count, std::string_view source) {
  if (!id) return std::nullopt;
  if (*id >= count) {
    fail(ErrorCode::kFormat, "{}: tokenizer.{}: expected an id below {} (the vocabulary's size), found {}",
         source, key, count, *id);
  }
  return static_cast<std::int32_t>(*id);
}

std::optional<std::int32_t> with_default(std::optional<std::int32_t> id,
                                         std::optional<std::uint32_t> fallback, std::size_t count) {
  if (id || !fallback || *fallback >= count) return id;
  return static_cast<std::int32_t>(*fallback);
}

void check_tokens(const VocabData& data, std::string_view source) {
  if (data.tokens.empty()) {
    fail(ErrorCode::kFormat, "{}: tokenizer.ggml.tokens: expected at least one token, found none", source);
  }
  if (data.tokens.size() > kMaxTokens) {
    fail(ErrorCode::kFormat, "{}: tokenizer.ggml.tokens: expected at most {} tokens, found {}", source,
         kMaxTokens, data.tokens.size());
  }
  std::size_t bytes = 0;
  for (const std::string& text : data.tokens) {
    if (text.size() > kMaxTextBytes - bytes) {
      fail(ErrorCode::kFormat, "{}: tokenizer.ggml.tokens: expected at most {} bytes of text, found more",
           source, kMaxTextBytes);
    }
    bytes += text.size();
  }
}

void check_scores(const VocabData& data, std::string_view source) {
  if (!data.scores) return;
  const std::vector<float>& scores = *data.scores;
  if (scores.size() != data.tokens.size()) {
    fail(ErrorCode::kFormat, "{}: tokenizer.ggml.scores: expected {} values (one per token), found {}",
         source, data.tokens.size(), scores.size());
  }
  for (std::size_t id = 0; id < scores.size(); ++id) {
    if (!std::isfinite(scores[id])) {
      fail(ErrorCode::kFormat, "{}: tokenizer.ggml.scores[{}]: expected a finite number, found {}", source,
           id, scores[id]);
    }
  }
}

void check_types(const VocabData& data, std::string_view source, std::vector<TokenInfo>& infos) {
  infos.resize(data.tokens.size());
  if (!data.types) return;
  const std::vector<std::int32_t>& types = *data.types;
  if (types.size() != data.tokens.size()) {
    fail(ErrorCode::kFormat, "{}: tokenizer.ggml.token_type: expected {} values (one per token), found {}",
         source, data.tokens.size(), types.size());
  }
  for (std::size_t id = 0; id < types.size(); ++id) {
    if (types[id] < 1 || types[id] > 6) {
      fail(ErrorCode::kFormat, "{}: tokenizer.ggml.token_type[{}]: expected 1 to 6, found {}", source, id,
           types[id]);
    }
    infos[id].kind = static_cast<TokenKind>(types[id]);
    if (infos[id].kind == TokenKind::kByte && !parse_byte_token(data.tokens[id])) {
      fail(ErrorCode::kFormat,
           "{}: tokenizer.ggml.tokens[{}]: expected a byte token such as <0x0A>, found \"{}\"", source, id,
           shown(data.tokens[id]));
    }
  }
}

/// An empty text cannot occur, so that files pad with it freely; any other must name one token.
void fill_ids(Vocabulary& vocabulary) {
  const auto& tokens = vocabulary.tokens;
  vocabulary.ids = TextTable(tokens, tokens.size());
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    if (tokens[id].empty()) continue;
    const std::uint32_t first = vocabulary.ids.insert(static_cast<std::uint32_t>(id));
    if (first != id) {
      fail(ErrorCode::kFormat,
           "{}: tokenizer.ggml.tokens[{}]: expected a text of its own, found \"{}\" as in {}",
           vocabulary.source, id, shown(tokens[id]), first);
    }
  }
}

/// What tokenizer.json says beyond GGUF.
void check_own_rules(const VocabData& data, std::string_view source, Vocabulary& vocabulary) {
  const auto one_of = [&](const char* name, const std::string& value,
                          std::initializer_list<std::string_view> known) {
    std::string list;
    for (const std::string_view text : known) {
      if (value == text) return;
      list += list.empty() ? "" : ", ";
      list += text.empty() ? "none at all" : text;
    }
    fail(ErrorCode::kUnsupported, "{}: tokenizer.garam.{}: expected one of {}, found \"{}\"", source, name,
         list, shown(value));
  };
  one_of("rules", data.rules, {"", "tokenizer.json"});
  one_of("normalizer", data.normalizer, {"", "nfc"});
  one_of("space_prefix", data.space_prefix, {"", "none", "each", "each_unless_space", "first_unless_space"});
  vocabulary.by_tokenizer_json = !data.rules.empty();
  vocabulary.compose = !data.normalizer.empty();
  vocabulary.ignore_merges = data.ignore_merges;
  vocabulary.prefix_first_only = data.space_prefix == "first_unless_space";
  vocabulary.prefix_unless_space = data.space_prefix.ends_with("_unless_space");
  const auto info = [&](const char* name, std::uint32_t id) -> TokenInfo& {
    const std::string key = formatted("garam.{}", name);
    return vocabulary.infos[static_cast<std::size_t>(*checked_id(key, id, vocabulary.infos.size(), source))];
  };
  for (const std::uint32_t id : data.strip_left) info("strip_left", id).strip_left = true;
  for (const std::uint32_t id : data.strip_right) info("strip_right", id).strip_right = true;
  for (const std::uint32_t id : data.end_ids) info("end_ids", id).end_of_generation = true;
}

/// The texts in one piece; the strings go.
void move_tokens(VocabData& data, Vocabulary& vocabulary) {
  std::size_t bytes = 0;
  for (const std::string& text : data.tokens) bytes += text.size();
  vocabulary.tokens.reserve(data.tokens.size(), bytes);
  for (const std::string& text : data.tokens) vocabulary.tokens.push_back(text);
  std::vector<std::string>().swap(data.tokens);
}

}  // namespace

std::optional<std::uint8_t> parse_byte_token(std::string_view text) {
  if (text.size() != 6 || text.substr(0, 3) != "<0x" || text[5] != '>') return std::nullopt;
  unsigned byte = 0;
  for (const char c : text.substr(3, 2)) {
    unsigned digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<unsigned>(c - '0');
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<unsigned>(c - 'A') + 10;
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<unsigned>(c - 'a') + 10;
    } else {
      return std::nullopt;
    }
    byte = byte * 16 + digit;
  }
  return static_cast<std::uint8_t>(byte);
}

void check_vocabulary(VocabData& data, const VocabularyDefaults& defaults, std::string_view source,
                      Vocabulary& vocabulary) {
  check_tokens(data, source);
  check_scores(data, source);
  check_types(data, source, vocabulary.infos);
  const std::size_t count = data.tokens.size();

  vocabulary.source = source;
  const auto special = [&](const char* key, std::optional<std::uint32_t> id,
                           std::optional<std::uint32_t> fallback) {
    return with_default(checked_id(formatted("ggml.{}", key), id, count, source), fallback, count);
  };
  vocabulary.bos = special("bos_token_id", data.bos, defaults.bos);
  vocabulary.eos = special("eos_token_id", data.eos, defaults.eos);
  vocabulary.eot = special("eot_token_id", data.eot, std::nullopt);
  vocabulary.eom = special("eom_token_id", data.eom, std::nullopt);
  vocabulary.unknown = special("unknown_token_id", data.unknown, defaults.unknown);
  vocabulary.separator = special("seperator_token_id", data.separator, defaults.separator);  // sic
  // Files of fine-tuned models often name a padding token that they do not have, and nothing depends on it.
  if (data.padding && *data.padding >= count) data.padding.reset();
  vocabulary.padding = special("padding_token_id", data.padding, defaults.padding);
  for (const auto& [key, id] :
       {std::pair{"fim_pad_token_id", data.fim_pad}, std::pair{"fim_rep_token_id", data.fim_rep},
        std::pair{"fim_sep_token_id", data.fim_sep}}) {
    checked_id(formatted("ggml.{}", key), id, count, source);
  }

  const auto adds = [&](const char* flag, std::optional<bool> wanted, bool fallback, const char* key,
                        std::optional<std::int32_t> id) {
    if (wanted.value_or(false) && !id) {
      fail(ErrorCode::kFormat, "{}: tokenizer.ggml.{}: expected {} with it, found none", source, flag, key);
    }
    return wanted.value_or(fallback) && id;
  };
  vocabulary.add_bos = adds("add_bos_token", data.add_bos, defaults.add_bos, "bos_token_id", vocabulary.bos);
  vocabulary.add_eos = adds("add_eos_token", data.add_eos, defaults.add_eos, "eos_token_id", vocabulary.eos);
  vocabulary.add_sep =
      adds("add_sep_token", data.add_sep, defaults.add_sep, "seperator_token_id", vocabulary.separator);
  vocabulary.add_space_prefix = data.add_space_prefix.value_or(defaults.add_space_prefix);
  vocabulary.remove_extra_whitespaces = data.remove_extra_whitespaces.value_or(false);
  vocabulary.lowercase = data.lowercase.value_or(true);
  vocabulary.strip_accents = data.strip_accents.value_or(vocabulary.lowercase);

  check_own_rules(data, source, vocabulary);
  vocabulary.model = std::move(data.model);
  vocabulary.pre = std::move(data.pre);
  move_tokens(data, vocabulary);
  if (data.scores) vocabulary.scores = std::move(*data.scores);
  data.types.reset();
  fill_ids(vocabulary);
}

}  // namespace garam
