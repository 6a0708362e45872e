// Merges and pieces are a few frequent pairs of English, in an order in which each builds on earlier ones.
#include "support/tiny_vocabulary.h"

#include <cstdio>

namespace garam::test {
namespace {

enum TokenType : std::int32_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kByte = 6 };

/// U+0000 to U+07FF as UTF-8.
std::string utf8(unsigned code) {
  if (code < 0x80) return std::string(1, static_cast<char>(code));
  return {static_cast<char>(0xc0 | code >> 6), static_cast<char>(0x80 | (code & 0x3f))};
}

/// GPT-2's spelling of a byte: itself where it is printable Latin-1, else the next free character from
/// U+0100.
std::vector<std::string> byte_spellings() {
  std::vector<std::string> spellings;
  unsigned next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte != 0xad);
    spellings.push_back(utf8(printable ? byte : next++));
  }
  return spellings;
}

const char* const kPairs[][2] = {
    {" ", "t"}, {"h", "e"},  {" ", "a"},  {"i", "n"}, {"r", "e"},   {"o", "n"},   {" t", "he"},
    {"e", "r"}, {" ", "s"},  {"a", "t"},  {"o", "u"}, {" ", "w"},   {"n", "d"},   {"i", "t"},
    {" ", "o"}, {"o", "r"},  {"in", "g"}, {"e", "s"}, {" a", "nd"}, {"e", "n"},   {" ", "b"},
    {"l", "l"}, {" t", "o"}, {"a", "n"},  {" ", "c"}, {"e", "d"},   {"i", "s"},   {" o", "f"},
    {"a", "r"}, {" ", "m"},  {" ", "f"},  {"a", "s"}, {" ", "h"},   {" w", "as"}, {"l", "y"},
};

std::size_t byte_level(TinyModel& model) {
  std::vector<std::string> tokens = byte_spellings();
  std::vector<std::string> merges;
  const std::string space = tokens[' '];
  const auto spell = [&](const char* text) { return *text == ' ' ? space + (text + 1) : std::string(text); };
  for (const auto& [left, right] : kPairs) {
    merges.push_back(spell(left) + " " + spell(right));
    tokens.push_back(spell(left) + spell(right));
  }
  std::vector<std::int32_t> types(tokens.size(), kNormal);
  const auto end = static_cast<std::uint32_t>(tokens.size());
  for (const char* control : {"<|endoftext|>", "<|im_start|>", "<|im_end|>"}) {
    tokens.push_back(control);
    types.push_back(kControl);
  }
  const std::size_t count = tokens.size();
  model.set("tokenizer.ggml.model", std::string("gpt2"));
  model.set("tokenizer.ggml.pre", std::string("gpt-2"));
  model.set("tokenizer.ggml.tokens", std::move(tokens));
  model.set("tokenizer.ggml.token_type", std::move(types));
  model.set("tokenizer.ggml.merges", std::move(merges));
  model.set("tokenizer.ggml.bos_token_id", end);
  model.set("tokenizer.ggml.eos_token_id", end);
  return count;
}

std::size_t sentence_piece(TinyModel& model) {
  const std::string space = "\xe2\x96\x81";  // U+2581
  std::vector<std::string> tokens = {"<unk>", "<s>", "</s>"};
  std::vector<std::int32_t> types = {kUnknown, kControl, kControl};
  for (unsigned byte = 0; byte < 256; ++byte) {
    char text[8];
    std::snprintf(text, sizeof text, "<0x%02X>", byte);
    tokens.push_back(text);
    types.push_back(kByte);
  }
  std::vector<float> scores(tokens.size(), 0.0f);
  float score = 0;
  const auto add = [&](std::string token, TokenType type) {
    tokens.push_back(std::move(token));
    types.push_back(type);
    scores.push_back(type == kNormal ? score -= 1 : 0);
  };
  const auto spell = [&](const char* text) { return *text == ' ' ? space + (text + 1) : std::string(text); };
  for (const auto& [left, right] : kPairs) add(spell(left) + spell(right), kNormal);
  add(space, kNormal);
  for (char letter = 'a'; letter <= 'z'; ++letter) add(std::string(1, letter), kNormal);
  add("<tool>", kUserDefined);
  const std::size_t count = tokens.size();
  model.set("tokenizer.ggml.model", std::string("llama"));
  model.set("tokenizer.ggml.pre", std::string("default"));
  model.set("tokenizer.ggml.tokens", std::move(tokens));
  model.set("tokenizer.ggml.scores", std::move(scores));
  model.set("tokenizer.ggml.token_type", std::move(types));
  model.set("tokenizer.ggml.unknown_token_id", std::uint32_t{0});
  model.set("tokenizer.ggml.bos_token_id", std::uint32_t{1});
  model.set("tokenizer.ggml.eos_token_id", std::uint32_t{2});
  model.set("tokenizer.ggml.add_bos_token", true);
  return count;
}

}  // namespace

std::size_t add_vocabulary(TinyVocabulary vocabulary, TinyModel& model) {
  return vocabulary == TinyVocabulary::kByteLevel ? byte_level(model) : sentence_piece(model);
}

}  // namespace garam::test
