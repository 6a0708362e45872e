// The table of pre-tokenizers.
#include "text/pretokenizer.h"

namespace garam {
namespace {

// Names and flags as llama.cpp reads them; several models name the same rule differently.
constexpr PreTokenizer kPreTokenizers[] = {
    {"gpt-2", split_gpt2, false, false},     {"phi-2", split_gpt2, false, false},
    {"mpt", split_gpt2, false, false},       {"olmo", split_gpt2, false, false},
    {"llama-bpe", split_llama3, true, true}, {"llama3", split_llama3, true, true},
    {"llama-v3", split_llama3, true, true},  {"dbrx", split_llama3, false, false},
};

}  // namespace

const PreTokenizer* find_pre_tokenizer(std::string_view name) {
  for (const PreTokenizer& row : kPreTokenizers) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

std::string known_pre_tokenizers() {
  std::string names;
  for (const PreTokenizer& row : kPreTokenizers) {
    if (!names.empty()) names += ", ";
    names += row.name;
  }
  return names;
}

}  // namespace garam
