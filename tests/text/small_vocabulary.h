// Two vocabularies small enough to work out by hand, and complete enough to spell any bytes.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "text/byte_alphabet.h"
#include "text/unicode.h"
#include "text/vocab.h"

namespace garam::test {

enum TokenType : std::int32_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6
};

/// "_" for the mark of SentencePiece.
inline std::string marked(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '_' ? "\xe2\x96\x81" : std::string(1, c);
  return out;
}

/// The other way round: "_" for each mark.
inline std::string unmarked(std::string text) {
  for (std::size_t at; (at = text.find("\xe2\x96\x81")) != std::string::npos;) text.replace(at, 3, "_");
  return text;
}

/// Adds a token and returns its id.
inline std::int32_t add_token(VocabData& data, std::string text, TokenType type, float score = 0) {
  data.tokens.push_back(std::move(text));
  if (!data.types) data.types.emplace();
  data.types->push_back(type);
  if (data.scores) data.scores->push_back(score);
  return static_cast<std::int32_t>(data.tokens.size() - 1);
}

/// Text in GPT-2's alphabet: "G t" for " t", with U+0120 for the G.
inline std::string in_alphabet(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    for (std::uint32_t code = 0; code < kAlphabetBytes.size(); ++code) {
      if (kAlphabetBytes[code] == static_cast<unsigned char>(c)) append_utf8(text, code);
    }
  }
  return text;
}

/// Byte-level BPE: ids 0 to 255 are the bytes, then one token for each of kSmallMerges, then <|end|>
/// (control, EOS), <|bos|> (control, BOS) and <tool> (user-defined).
inline const std::vector<std::pair<std::string, std::string>> kSmallMerges = {
    {" ", "t"}, {"h", "e"},   {" t", "he"},  {"a", "a"}, {"aa", "aa"},
    {"l", "l"}, {"he", "ll"}, {"hell", "o"}, {"1", "2"}, {"\n", "\n"}};

inline VocabData small_bpe(std::string pre = "gpt-2") {
  VocabData data;
  data.model = "gpt2";
  data.pre = std::move(pre);
  for (int b = 0; b < 256; ++b) {
    const char byte = static_cast<char>(b);
    add_token(data, in_alphabet({&byte, 1}), kNormal);
  }
  data.merges.emplace();
  for (const auto& [left, right] : kSmallMerges) {
    data.merges->push_back(in_alphabet(left) + " " + in_alphabet(right));
    add_token(data, in_alphabet(left + right), kNormal);
  }
  data.eos = static_cast<std::uint32_t>(add_token(data, "<|end|>", kControl));
  data.bos = static_cast<std::uint32_t>(add_token(data, "<|bos|>", kControl));
  add_token(data, "<tool>", kUserDefined);
  return data;
}

/// SentencePiece-type: <unk> <s> </s>, the 256 byte tokens (ids 3 to 258), then pieces with falling scores,
/// then <tool> (user-defined). "_" below stands for U+2581.
inline VocabData small_spm() {
  VocabData data;
  data.model = "llama";
  data.scores.emplace();
  add_token(data, "<unk>", kUnknown);
  add_token(data, "<s>", kControl);
  add_token(data, "</s>", kControl);
  for (unsigned b = 0; b < 256; ++b) {
    char text[8];
    std::snprintf(text, sizeof text, "<0x%02X>", b);
    add_token(data, text, kByte);
  }
  float score = 0;
  for (const char* piece : {"_t", "he", "_the", "ab", "bc", "aa", "__", "_", "a", "b", "c", "e", "h", "t"}) {
    add_token(data, marked(piece), kNormal, score -= 1);
  }
  add_token(data, "<tool>", kUserDefined);
  return data;
}

/// The id of a token by its text. Fails the test when there is none.
inline std::int32_t id_of(const Tokenizer& tokenizer, std::string_view text) {
  return tokenizer.find(text).value();
}

/// Each id as the vocabulary writes it, with spaces between.
inline std::string spelled(const Tokenizer& tokenizer, const std::vector<std::int32_t>& ids) {
  std::string out;
  for (const std::int32_t id : ids) {
    if (!out.empty()) out += ' ';
    out += tokenizer.text(id);
  }
  return out;
}

inline std::string tokens(const Tokenizer& tokenizer, std::string_view text, bool parse_special = false) {
  return spelled(tokenizer, tokenizer.encode(text, {.add_special = false, .parse_special = parse_special}));
}

}  // namespace garam::test
