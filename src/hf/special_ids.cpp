// Later files only fill in what earlier ones leave open.
#include "hf/special_ids.h"

#include "base/fail.h"
#include "base/printable.h"

namespace garam {
namespace {

std::uint32_t token_id(const JsonValue& text, const TokenList& list) {
  const auto id = list.find(text.string());
  if (!id) text.refuse("a token of tokenizer.json");
  return *id;
}

/// "bos_token": its text, or an object that has it.
std::optional<std::uint32_t> named_token(const VocabularyFiles& files, std::string_view name,
                                         const TokenList& list) {
  if (!files.tokenizer_config) return std::nullopt;
  const auto token = files.tokenizer_config->root().find(name);
  if (!token) return std::nullopt;
  return token_id(token->is(JsonKind::kObject) ? token->at("content") : *token, list);
}

/// "eos_token_id": a number or a list of them.
std::vector<std::uint32_t> ids_of(const std::optional<JsonValue>& file, std::string_view name,
                                  const TokenList& list) {
  std::vector<std::uint32_t> ids;
  const auto value = file ? file->find(name) : std::nullopt;
  if (!value) return ids;
  const auto add = [&](const JsonValue& id) {
    ids.push_back(static_cast<std::uint32_t>(id.integer(0, list.tokens.size() - 1)));
  };
  if (!value->is(JsonKind::kArray)) {
    // Configurations of old models have -1 for none.
    if (!value->is(JsonKind::kSigned)) add(*value);
    return ids;
  }
  for (const JsonValue id : value->elements()) add(id);
  return ids;
}

/// Tokens that a TemplateProcessing puts around one text.
struct Template {
  std::optional<std::uint32_t> before, after;
};

std::uint32_t template_token(const JsonValue& piece, const JsonValue& processor, const TokenList& list) {
  const JsonValue ids = processor.at("special_tokens").at(piece.at("id").string()).at("ids");
  if (!ids.is(JsonKind::kArray) || ids.size() != 1) ids.refuse("one id");
  return static_cast<std::uint32_t>((*ids.elements().begin()).integer(0, list.tokens.size() - 1));
}

void read_template(const JsonValue& processor, const TokenList& list, Template& result) {
  bool behind = false;
  const JsonValue single = processor.at("single");
  for (const JsonValue piece : single.elements()) {
    if (piece.find("Sequence")) {
      behind = true;
      continue;
    }
    auto& place = behind ? result.after : result.before;
    if (place) {
      fail(ErrorCode::kUnsupported,
           "{}: expected at most one token before and one behind the text, found more", single.where());
    }
    place = template_token(piece.at("SpecialToken"), processor, list);
  }
}

void read_processor(const JsonValue& processor, const TokenList& list, Template& result) {
  const JsonValue type = processor.at("type");
  if (type.string() == "TemplateProcessing") return read_template(processor, list, result);
  if (type.string() == "ByteLevel") return;  // is about offsets only
  if (type.string() == "Sequence") {
    for (const JsonValue inner : processor.at("processors").elements()) {
      if (inner.at("type").string() == "Sequence") inner.at("type").refuse("another type inside a Sequence");
      read_processor(inner, list, result);
    }
    return;
  }
  fail(ErrorCode::kUnsupported, "{}: expected TemplateProcessing, ByteLevel or Sequence, found {}",
       type.where(), type.describe());
}

/// The classes whose own flags overrule the template of tokenizer.json, since they rewrite it.
bool rewrites_template(const JsonValue& config) {
  const auto name = config.find("tokenizer_class");
  if (!name || !name->is(JsonKind::kString)) return false;
  for (const std::string_view known : {"LlamaTokenizer", "LlamaTokenizerFast", "CodeLlamaTokenizer",
                                       "CodeLlamaTokenizerFast", "GemmaTokenizer", "GemmaTokenizerFast"}) {
    if (name->string() == known) return true;
  }
  return false;
}

/// What the flag `name` makes of the token that the template puts there.
void overrule(const JsonValue& config, std::string_view name, std::optional<std::uint32_t> token,
              std::optional<std::uint32_t>& place) {
  const auto flag = config.find(name);
  if (!flag) return;
  place = flag->boolean() ? token : std::nullopt;
}

}  // namespace

SpecialIds read_special_ids(const VocabularyFiles& files, const TokenList& list) {
  SpecialIds ids;
  ids.bos = named_token(files, "bos_token", list);
  ids.eos = named_token(files, "eos_token", list);
  ids.unknown = named_token(files, "unk_token", list);
  ids.padding = named_token(files, "pad_token", list);
  const JsonValue model = files.tokenizer->root().at("model");
  if (const auto unknown = model.find("unk_token"); unknown && !ids.unknown) {
    ids.unknown = token_id(*unknown, list);
  }
  const auto generation =
      files.generation_config ? std::optional(files.generation_config->root()) : std::nullopt;
  for (const auto& file : {generation, files.config, files.text_config}) {
    const auto bos = ids_of(file, "bos_token_id", list), eos = ids_of(file, "eos_token_id", list);
    if (!ids.bos && !bos.empty()) ids.bos = bos.front();
    if (!ids.eos && !eos.empty()) ids.eos = eos.front();
    if (ids.ends.empty()) ids.ends = eos;
  }

  Template around;
  if (const auto processor = files.tokenizer->root().find("post_processor")) {
    read_processor(*processor, list, around);
  }
  if (files.tokenizer_config && rewrites_template(files.tokenizer_config->root())) {
    overrule(files.tokenizer_config->root(), "add_bos_token", ids.bos, around.before);
    overrule(files.tokenizer_config->root(), "add_eos_token", ids.eos, around.after);
  }
  ids.add_bos = around.before.has_value();
  ids.add_eos = around.after.has_value();
  if (around.before) ids.bos = around.before;
  if (around.after) ids.eos = around.after;
  return ids;
}

}  // namespace garam
