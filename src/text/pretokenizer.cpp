// The table of pre-tokenizers.
#include "text/pretokenizer.h"

namespace garam {
namespace {

// Names and flags as llama.cpp reads them; several models name the same rule differently.
constexpr PreTokenizer kPreTokenizers[] = {
    {"gpt-2", split_gpt2},
    {"phi-2", split_gpt2},
    {"mpt", split_gpt2},
    {"olmo", split_gpt2},
    {"jais", split_gpt2},
    {"trillion", split_gpt2},
    {"granite-docling", split_gpt2},
    {"exaone4", split_gpt2},
    {"gigachat", split_gpt2},
    {"a.x-4.0", split_gpt2},
    {"mellum", split_gpt2},
    {"modern-bert", split_gpt2},
    {"jina-es", split_gpt2},
    {"jina-de", split_gpt2},
    {"jina-v2-es", split_gpt2},
    {"jina-v2-de", split_gpt2},
    {"jina-v1-en", split_gpt2, false, false, true},
    {"jina-v2-code", split_gpt2, false, false, true},
    {"roberta-bpe", split_gpt2, false, false, true},
    {"starcoder", split_starcoder},
    {"refact", split_starcoder},
    {"command-r", split_starcoder},
    {"smollm", split_starcoder},
    {"codeshell", split_starcoder},
    {"exaone", split_starcoder},
    {"minerva", split_starcoder},
    {"minerva-7b", split_starcoder},
    {"mellum2", split_starcoder},
    {"llama-bpe", split_llama3, true, true},
    {"llama3", split_llama3, true, true},
    {"llama-v3", split_llama3, true, true},
    {"falcon3", split_llama3, true, true},
    {"falcon-h1", split_llama3, true, true},
    {"pixtral", split_llama3, true, true},
    {"midm-2.0", split_llama3, true, true},
    {"lfm2", split_llama3, true, true},
    {"jina-v5-nano", split_llama3, true, true},
    {"dbrx", split_llama3},
    {"smaug-bpe", split_llama3},
    {"glm4", split_llama3},
    {"chatglm-bpe", split_llama3},
    {"qwen2", split_qwen2},
    {"deepseek-r1-qwen", split_qwen2},
    {"kormo", split_qwen2},
    {"f2llmv2", split_qwen2},
    {"megrez", split_qwen2},
    {"stablelm2", split_qwen2},
    {"hunyuan", split_qwen2},
    {"solar-open", split_qwen2},
    {"grok-2", split_qwen2},
    {"qwen35", split_qwen35},
    {"gpt-4o", split_gpt4o, false, false, false, split_gpt4o_cased},
    {"llama4", split_gpt4o},
    {"kanana2", split_gpt4o},
    {"talkie", split_gpt4o},
    {"minimax-m2", split_gpt4o},
    {"tekken", split_tekken, true, true, false, split_tekken_cased},
    {"falcon", split_falcon},
    {"default", split_default},
    {"deepseek-llm", split_deepseek_llm},
    {"deepseek-coder", split_deepseek_coder},
    {"bloom", split_bloom},
    {"poro-chat", split_bloom},
    {"gpt3-finnish", split_bloom},
    {"chameleon", split_chameleon, false, true},
};

}  // namespace

const PreTokenizer* find_pre_tokenizer(std::string_view name) {
  if (name.empty()) name = "default";
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
