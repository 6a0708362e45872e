// Recognising rules. Source: huggingface/tokenizers, whose sections these are.
#include "hf/text_rules.h"

#include <vector>

#include "base/fail.h"
#include "base/printable.h"

namespace garam {
namespace {

constexpr std::string_view kMark = "\xe2\x96\x81";  // U+2581

[[noreturn]] void unsupported(const JsonValue& value, std::string_view expected) {
  fail(ErrorCode::kUnsupported, "{}: expected {}, found {}", value.where(), expected, value.describe());
}

bool flag(const JsonValue& section, std::string_view name, bool fallback) {
  const auto value = section.find(name);
  return value ? value->boolean() : fallback;
}

/// The parts of a section: of a Sequence its own, in order.
std::vector<JsonValue> parts_of(const JsonValue& root, std::string_view section, std::string_view list) {
  std::vector<JsonValue> parts;
  const auto found = root.find(section);
  if (!found) return parts;
  if (found->at("type").string() != "Sequence") return {*found};
  for (const JsonValue part : found->at(list).elements()) {
    if (part.at("type").string() == "Sequence") unsupported(part.at("type"), "no Sequence inside a Sequence");
    parts.push_back(part);
  }
  return parts;
}

/// The text of {"String": ...} or {"Regex": ...}.
std::string_view pattern_of(const JsonValue& part, std::string_view kind) {
  const auto text = part.at("pattern").find(kind);
  return text ? text->string() : std::string_view();
}

// Split expressions, as tokenizer.json of these models has them, and the rule of src/text that each is.
constexpr std::string_view kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen35 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// Both of two alternatives begin with a character that is no letter, and have capitals before small letters.
constexpr std::string_view kGpt4o =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kTekken =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

/// A Sequence of splits, before ByteLevel, and what it is called.
struct Recipe {
  std::vector<std::string_view> steps;  // expressions; "digits" for Digits; "gpt2" for ByteLevel's own
  std::string_view name, name_ignoring_merges;
};

const std::vector<Recipe>& recipes() {
  static const std::vector<Recipe> list = {
      {{"gpt2"}, "gpt-2", "gpt-2"},
      {{kGpt2}, "gpt-2", "gpt-2"},
      {{"digits", "gpt2"}, "smollm", "smollm"},
      {{kLlama3}, "dbrx", "llama-bpe"},
      {{kQwen2}, "qwen2", "qwen2"},
      {{kQwen35}, "qwen35", "qwen35"},
      {{kGpt4o}, "gpt-4o", "gpt-4o"},
      {{kTekken}, "tekken", "tekken"},
      {{R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)",
        "[\xe4\xb8\x80-\xe9\xbe\xa5\xe0\xa0\x80-\xe4\xb8\x80\xea\xb0\x80-\xed\x9f\xbf]+", "digits"},
       "deepseek-coder",
       "deepseek-coder"},
  };
  return list;
}

/// Matches stay apart and so does what lies between them; where the expression matches everything, removing
/// what it does not match comes to the same.
void check_split(const JsonValue& part) {
  const std::string_view behavior = part.at("behavior").string();
  const bool inverted = flag(part, "invert", false);
  if ((behavior == "Isolated" && !inverted) || (behavior == "Removed" && inverted)) return;
  unsupported(part.at("behavior"), "Isolated");
}

std::string_view step_of(const JsonValue& part) {
  const JsonValue type = part.at("type");
  if (type.string() == "Digits") {
    if (!flag(part, "individual_digits", false)) unsupported(type, "Digits with individual_digits");
    return "digits";
  }
  if (type.string() == "Split") {
    check_split(part);
    const std::string_view expression = pattern_of(part, "Regex");
    return expression.empty() ? pattern_of(part, "String") : expression;
  }
  if (type.string() != "ByteLevel") unsupported(type, "Split, Digits or ByteLevel");
  if (flag(part, "add_prefix_space", true)) unsupported(type, "ByteLevel without add_prefix_space");
  return flag(part, "use_regex", true) ? "gpt2" : "";
}

void read_byte_level(const JsonValue& root, const std::vector<JsonValue>& splits, TextRules& rules) {
  rules.byte_level = true;
  for (const JsonValue& part : parts_of(root, "normalizer", "normalizers")) {
    if (part.at("type").string() != "NFC") unsupported(part.at("type"), "NFC or no normalizer");
    rules.normalizer = "nfc";
  }
  std::vector<std::string_view> steps;
  for (const JsonValue& part : splits) {
    if (const std::string_view step = step_of(part); !step.empty()) steps.push_back(step);
  }
  for (const Recipe& recipe : recipes()) {
    if (recipe.steps != steps) continue;
    rules.pre_tokenizer = rules.ignore_merges ? recipe.name_ignoring_merges : recipe.name;
    return;
  }
  std::string text;
  for (const std::string_view step : steps) {
    if (text.size() < 300) text += (text.empty() ? "" : "; ") + printable(step, 300);
  }
  fail(ErrorCode::kUnsupported,
       "{}: expected a pre-tokenizer that garam knows (GPT-2's, SmolLM's, Llama 3's, Qwen's, GPT-4o's, "
       "Tekken, DeepSeek's), "
       "found "
       "the expression {}",
       root.at("pre_tokenizer").where(), text.empty() ? "\"\"" : text);
}

/// Replace of spaces by U+2581.
bool marks_spaces(const JsonValue& part) {
  return part.at("type").string() == "Replace" && pattern_of(part, "String") == " " &&
         part.at("content").string() == kMark;
}

std::string metaspace_prefix(const JsonValue& part) {
  if (part.at("replacement").string() != kMark) unsupported(part.at("replacement"), "U+2581");
  if (flag(part, "split", true)) unsupported(part.at("type"), "Metaspace without split");
  const auto scheme = part.find("prepend_scheme");
  if (!scheme) return flag(part, "add_prefix_space", true) ? "each_unless_space" : "none";
  if (scheme->string() == "always") return "each_unless_space";
  if (scheme->string() == "first") return "first_unless_space";
  if (scheme->string() == "never") return "none";
  unsupported(*scheme, "always, first or never");
}

void read_sentencepiece(const JsonValue& root, const std::vector<JsonValue>& splits, TextRules& rules) {
  if (rules.ignore_merges) unsupported(root.at("model").at("ignore_merges"), "false without ByteLevel");
  if (!flag(root.at("model"), "byte_fallback", false)) {
    fail(ErrorCode::kUnsupported, "{}: expected byte_fallback, or a pre-tokenizer ByteLevel, found neither",
         root.at("model").where());
  }
  bool marked = false;
  for (const JsonValue& part : parts_of(root, "normalizer", "normalizers")) {
    if (marks_spaces(part)) {
      marked = true;
    } else if (!marked && part.at("type").string() == "Prepend" && part.at("prepend").string() == kMark) {
      rules.space_prefix = "each";
    } else {
      unsupported(part.at("type"), "Prepend and Replace of spaces by U+2581");
    }
  }
  for (const JsonValue& part : splits) {
    const std::string_view type = part.at("type").string();
    if (type == "Metaspace" && !marked) {
      rules.space_prefix = metaspace_prefix(part);
      marked = true;
    } else if (type == "Split" && marked && pattern_of(part, "String") == " ") {
      continue;  // no space is left to split at
    } else {
      unsupported(part.at("type"), "Metaspace, or none where the normalizer marks spaces");
    }
  }
  if (!marked) {
    fail(ErrorCode::kUnsupported, "{}: expected spaces to become U+2581, found no rule that does it",
         root.where());
  }
}

void check_model(const JsonValue& model) {
  const auto type = model.find("type");
  if (type && type->string() != "BPE") unsupported(*type, "BPE");
  if (const auto dropout = model.find("dropout"); dropout && dropout->real(0, 1) != 0) {
    unsupported(*dropout, "null");
  }
  for (const char* name : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (const auto text = model.find(name); text && !text->string().empty()) unsupported(*text, "null");
  }
}

}  // namespace

TextRules read_text_rules(const JsonValue& root) {
  const JsonValue model = root.at("model");
  check_model(model);
  TextRules rules;
  rules.ignore_merges = flag(model, "ignore_merges", false);
  const std::vector<JsonValue> splits = parts_of(root, "pre_tokenizer", "pretokenizers");
  bool byte_level = false;
  for (const JsonValue& part : splits) byte_level = byte_level || part.at("type").string() == "ByteLevel";
  if (byte_level) {
    read_byte_level(root, splits, rules);
  } else {
    read_sentencepiece(root, splits, rules);
  }
  return rules;
}

}  // namespace garam
