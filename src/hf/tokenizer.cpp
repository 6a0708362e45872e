// From the parts of tokenizer.json to keys.
#include "hf/tokenizer.h"

#include <algorithm>
#include <filesystem>

#include "base/fail.h"
#include "base/printable.h"
#include "hf/checkpoint.h"
#include "hf/special_ids.h"
#include "hf/text_rules.h"
#include "hf/vocabulary.h"

namespace garam {
namespace {

std::string key(std::string_view name) {
  return "tokenizer.ggml." + std::string(name);
}
std::string own_key(std::string_view name) {
  return "tokenizer.garam." + std::string(name);
}

/// A vocabulary in another form would be ignored in silence.
void refuse_other_vocabularies(const std::string& folder) {
  for (const std::string_view name : {"tokenizer.model", "vocab.json", "vocab.txt", "spiece.model"}) {
    std::error_code failed;
    if (!std::filesystem::exists(file_in(folder, name), failed)) continue;
    fail(
        ErrorCode::kUnsupported,
        "{}: expected tokenizer.json, found only {}; AutoTokenizer.from_pretrained(...).save_pretrained(...) "
        "of transformers writes it",
        folder, name);
  }
}

void add_rules(const TextRules& rules, KeyList& keys) {
  keys.add(key("model"), std::string(rules.byte_level ? "gpt2" : "llama"));
  keys.add(key("pre"), rules.byte_level ? rules.pre_tokenizer : std::string("default"));
  keys.add(own_key("rules"), std::string("tokenizer.json"));
  if (!rules.normalizer.empty()) keys.add(own_key("normalizer"), rules.normalizer);
  if (rules.byte_level) {
    keys.add(own_key("ignore_merges"), rules.ignore_merges);
  } else {
    keys.add(key("add_space_prefix"), rules.space_prefix != "none");
    keys.add(own_key("space_prefix"), rules.space_prefix);
  }
}

void add_vocabulary(TokenList list, bool byte_level, KeyList& keys) {
  if (!byte_level) keys.add(key("scores"), std::move(list.scores));
  keys.add(key("tokens"), std::move(list.tokens));
  keys.add(key("token_type"), std::move(list.types));
  keys.add(key("merges"), std::move(list.merges));
  if (!list.strip_left.empty()) keys.add(own_key("strip_left"), std::move(list.strip_left));
  if (!list.strip_right.empty()) keys.add(own_key("strip_right"), std::move(list.strip_right));
}

void add_ids(const SpecialIds& ids, KeyList& keys) {
  const auto id = [&](const char* name, const std::optional<std::uint32_t>& value) {
    if (value) keys.add(key(name), *value);
  };
  id("bos_token_id", ids.bos);
  id("eos_token_id", ids.eos);
  id("unknown_token_id", ids.unknown);
  id("padding_token_id", ids.padding);
  keys.add(key("add_bos_token"), ids.add_bos);
  keys.add(key("add_eos_token"), ids.add_eos);
  if (!ids.ends.empty()) keys.add(own_key("end_ids"), ids.ends);
}

void add_chat_templates(const VocabularyFiles& files, KeyList& keys) {
  if (files.chat_template) return keys.add("tokenizer.chat_template", *files.chat_template);
  if (!files.tokenizer_config) return;
  const auto found = files.tokenizer_config->root().find("chat_template");
  if (!found) return;
  if (found->is(JsonKind::kString)) {
    return keys.add("tokenizer.chat_template", std::string(found->string()));
  }
  std::vector<std::string> names;
  for (const JsonValue named : found->elements()) {
    const std::string name(named.at("name").string());
    std::string text(named.at("template").string());
    if (name == "default") {
      keys.add("tokenizer.chat_template", std::move(text));
      continue;
    }
    const bool plain =
        !name.empty() && name.size() < 100 && std::all_of(name.begin(), name.end(), [](char c) {
          return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                 c == '-';
        });
    constexpr std::size_t kMaxTemplates = 64;
    if (names.size() == kMaxTemplates) found->refuse("at most 64 templates");
    if (!plain || std::find(names.begin(), names.end(), name) != names.end()) {
      named.at("name").refuse("a name of letters, digits, _ and -, once");
    }
    keys.add("tokenizer.chat_template." + name, std::move(text));
    names.push_back(name);
  }
  if (!names.empty()) keys.add("tokenizer.chat_templates", std::move(names));
}

}  // namespace

void add_tokenizer_keys(const VocabularyFiles& files, KeyList& keys) {
  if (!files.tokenizer) return refuse_other_vocabularies(files.folder);
  const JsonValue root = files.tokenizer->root();
  const TextRules rules = read_text_rules(root);
  TokenList list = read_vocabulary(root, rules.byte_level, files.rows);
  const SpecialIds ids = read_special_ids(files, list);
  if (!rules.byte_level && ids.unknown) list.types[*ids.unknown] = kTypeUnknown;
  add_rules(rules, keys);
  add_vocabulary(std::move(list), rules.byte_level, keys);
  add_ids(ids, keys);
  add_chat_templates(files, keys);
}

}  // namespace garam
