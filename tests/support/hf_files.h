// Hugging Face folders written from tiny models: the same weights and vocabulary as in GGUF, in the layout of
// transformers. Everything can be changed before it is written.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/tiny_model.h"

namespace garam::test {

using Json = nlohmann::ordered_json;

struct HfTensor {
  std::string name;
  std::string dtype;  // "F32", "F16", "BF16"
  std::vector<std::uint64_t> shape;
  std::vector<std::byte> data;
};

/// A safetensors file.
std::string safetensors_bytes(const std::vector<HfTensor>& tensors);
/// Of any header, for hostile ones: its length, the text, then zeros.
std::string safetensors_raw(const std::string& header, std::size_t data_bytes);

struct HfFiles {
  Json config = Json::object();
  Json tokenizer, tokenizer_config, generation_config;  // null: not written
  std::vector<HfTensor> tensors;

  /// `tiny` must be of llama, qwen2, qwen3, qwen3moe, phi3, gemma, gemma2, gemma3 or gpt2, with f32, f16 or
  /// bf16 weights.
  static HfFiles make(const TinyModel& tiny);

  HfTensor& tensor(const std::string& name);
  void drop(const std::string& name);
  /// Into an existing folder; with more than one shard, with an index.
  void write(const std::string& folder, std::size_t shards = 1) const;
};

/// tokenizer.json of a vocabulary in GGUF keys: byte-level (gpt2) or SentencePiece-type (llama).
Json tokenizer_json(const std::vector<std::pair<std::string, GgufValue>>& keys);

void write_text(const std::string& path, const std::string& text);

}  // namespace garam::test
