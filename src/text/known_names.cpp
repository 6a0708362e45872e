// Roles that files do not state and that every reader therefore takes from a token's text or a model's name.
// The names are those that llama.cpp knows (llama-vocab.cpp), so that generation ends where it does there.
#include <algorithm>

#include "text/vocabulary.h"

namespace garam {
namespace {

enum class Role { kEndOfTurn, kEndOfMessage, kEnd, kFillIn, kFillInEnd };

struct KnownName {
  std::string_view text;
  Role role;
};

// Within a role the first that a vocabulary has wins: a chat turn's end before the end of the text.
constexpr KnownName kKnownNames[] = {
    {"<|eot_id|>", Role::kEndOfTurn},
    {"<|im_end|>", Role::kEndOfTurn},
    {"<|end|>", Role::kEndOfTurn},
    {"<end_of_turn>", Role::kEndOfTurn},
    {"<EOT>", Role::kEndOfTurn},
    {"_<EOT>", Role::kEndOfTurn},
    {"[EOT]", Role::kEndOfTurn},
    {"<end_of_utterance>", Role::kEndOfTurn},
    {"<|endoftext|>", Role::kEndOfTurn},
    {"<|end_of_text|>", Role::kEndOfTurn},
    {"<\xef\xbd\x9c"
     "end\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>",
     Role::kEndOfTurn},
    {"<|eom_id|>", Role::kEndOfMessage},
    {"<|return|>", Role::kEnd},
    {"<|call|>", Role::kEnd},
    {"<|flush|>", Role::kEnd},
    {"<|calls|>", Role::kEnd},
    {"</s>", Role::kEnd},
    {"[EOS]", Role::kEnd},
    {"<eos>", Role::kEnd},
    {"<turn|>", Role::kEnd},
    {"<|tool_response>", Role::kEnd},
    {"[e~[", Role::kEnd},
    {"<|fim_prefix|>", Role::kFillIn},
    {"<fim-prefix>", Role::kFillIn},
    {"<fim_prefix>", Role::kFillIn},
    {"<\xef\xbd\x9c"
     "fim\xe2\x96\x81"
     "begin\xef\xbd\x9c>",
     Role::kFillIn},
    {"<PRE>", Role::kFillIn},
    {"\xe2\x96\x81<PRE>", Role::kFillIn},
    {"<|code_prefix|>", Role::kFillIn},
    {"<|prefix|>", Role::kFillIn},
    {"<|fim_suffix|>", Role::kFillIn},
    {"<fim-suffix>", Role::kFillIn},
    {"<fim_suffix>", Role::kFillIn},
    {"<\xef\xbd\x9c"
     "fim\xe2\x96\x81hole\xef\xbd\x9c>",
     Role::kFillIn},
    {"<SUF>", Role::kFillIn},
    {"\xe2\x96\x81<SUF>", Role::kFillIn},
    {"<|code_suffix|>", Role::kFillIn},
    {"<|suffix|>", Role::kFillIn},
    {"<|fim_middle|>", Role::kFillIn},
    {"<fim-middle>", Role::kFillIn},
    {"<fim_middle>", Role::kFillIn},
    {"<\xef\xbd\x9c"
     "fim\xe2\x96\x81"
     "end\xef\xbd\x9c>",
     Role::kFillIn},
    {"<MID>", Role::kFillIn},
    {"\xe2\x96\x81<MID>", Role::kFillIn},
    {"<|code_middle|>", Role::kFillIn},
    {"<|middle|>", Role::kFillIn},
    {"<|fim_pad|>", Role::kFillInEnd},
    {"<fim-pad>", Role::kFillInEnd},
    {"<fim_pad>", Role::kFillInEnd},
    {"<PAD>", Role::kFillInEnd},
    {"[PAD]", Role::kFillInEnd},
    {"<|fim_repo|>", Role::kFillInEnd},
    {"<|repo_name|>", Role::kFillInEnd},
    {"<fim-repo>", Role::kFillInEnd},
    {"<REPO>", Role::kFillInEnd},
    {"<reponame>", Role::kFillInEnd},
    {"<|file_sep|>", Role::kFillInEnd},
};

// Part of the text in gpt-oss's format, though its files call them control tokens.
constexpr std::string_view kVisible[] = {"<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"};

/// Gives out the tokens of a vocabulary by text.
class Names {
 public:
  explicit Names(Vocabulary& vocabulary) : vocabulary_(vocabulary) {}

  std::optional<std::int32_t> id(std::string_view text) const {
    const std::uint32_t found = vocabulary_.ids.find(text);
    if (found == TextTable::kAbsent) return std::nullopt;
    return static_cast<std::int32_t>(found);
  }
  TokenInfo* info(std::string_view text) const {
    const auto found = id(text);
    return found ? &vocabulary_.infos[static_cast<std::size_t>(*found)] : nullptr;
  }
  bool ends(std::string_view text) const {
    const TokenInfo* found = info(text);
    return found != nullptr && found->end_of_generation;
  }

 private:
  Vocabulary& vocabulary_;
};

void mark_end(Vocabulary& vocabulary, std::optional<std::int32_t> id) {
  if (id) vocabulary.infos[static_cast<std::size_t>(*id)].end_of_generation = true;
}

/// Names that mean something else where others stand beside them.
void resolve_conflicts(const Names& names) {
  const bool harmony = names.ends("<|return|>") && (names.ends("<|call|>") || names.ends("<|calls|>"));
  const bool solar = names.ends("<|flush|>") && (names.ends("<|call|>") || names.ends("<|calls|>"));
  if ((harmony || solar) && names.ends("<|end|>")) {
    // Ends a message of several there, not the generation.
    names.info("<|end|>")->end_of_generation = false;
    names.info("<|end|>")->kind = TokenKind::kUserDefined;
  }
  if (names.ends("<|tool_response>") && names.ends("</s>")) {
    // Gemma 4's vocabulary has the HTML tag as ordinary text.
    names.info("</s>")->end_of_generation = false;
    names.info("</s>")->kind = TokenKind::kNormal;
  }
}

void apply_strip_rules(std::string name, Vocabulary& vocabulary, const Names& names) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  const auto contains = [&name](std::string_view part) { return name.find(part) != std::string::npos; };
  if (contains("phi-3") || contains("phi3")) {
    for (TokenInfo& info : vocabulary.infos) {
      info.strip_right = info.kind == TokenKind::kControl || info.kind == TokenKind::kUserDefined ||
                         info.kind == TokenKind::kUnknown;
    }
    if (TokenInfo* info = names.info("</s>")) info->strip_right = true;
    for (const std::string_view text : {"<unk>", "<s>", "<|endoftext|>"}) {
      if (TokenInfo* info = names.info(text)) info->strip_right = false;
    }
  } else if (contains("modern-bert")) {
    if (TokenInfo* info = names.info("[MASK]")) info->strip_left = true;
  }
}

}  // namespace

void apply_known_names(const VocabData& data, Vocabulary& vocabulary) {
  const Names names(vocabulary);
  for (const KnownName& known : kKnownNames) {
    const auto id = names.id(known.text);
    if (!id) continue;
    TokenInfo& info = vocabulary.infos[static_cast<std::size_t>(*id)];
    info.kind = TokenKind::kControl;
    if (known.role != Role::kFillIn) info.end_of_generation = true;
    if (known.role == Role::kEndOfTurn && !vocabulary.eot) vocabulary.eot = id;
    if (known.role == Role::kEndOfMessage && !vocabulary.eom) vocabulary.eom = id;
  }
  for (const std::string_view text : kVisible) {
    if (TokenInfo* info = names.info(text)) info->kind = TokenKind::kUserDefined;
  }
  for (const auto& id : {vocabulary.eos, vocabulary.eot, vocabulary.eom}) mark_end(vocabulary, id);
  for (const auto& id : {data.fim_pad, data.fim_rep, data.fim_sep}) {
    if (id) mark_end(vocabulary, static_cast<std::int32_t>(*id));
  }
  resolve_conflicts(names);
  if (!vocabulary.by_tokenizer_json) apply_strip_rules(data.name, vocabulary, names);
}

}  // namespace garam
