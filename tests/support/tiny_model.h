// Tiny random models as GGUF files, so that a fresh clone can test correctness without any data. The bytes
// follow from the options alone: integer arithmetic and single IEEE operations, the same with every compiler
// and on every machine, so that hashes of logits can be committed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "io/gguf_value.h"

namespace garam::test {

enum class TinyRope {
  kPlain,
  kLinear,     // rope.scaling.type linear, factor 4
  kOldLinear,  // rope.scale_linear, as files had it before there were scaling types
  kYarn,       // factor 4 over an original context of 64
  kFactors,    // the tensor rope_freqs.weight of Llama 3.1
  kLong,       // phi3: two sets of factors over an original context of 64
};

enum class TinyVocabulary {
  kNone,           // token ids only
  kByteLevel,      // "gpt2": 256 bytes, merges, control tokens
  kSentencePiece,  // "llama": scores, 256 byte tokens to fall back to, control tokens
};

struct TinyOptions {
  std::string architecture = "llama";  // any that garam knows
  std::string weights = "f32";         // f16, bf16, q8_0, q4_0, or "mixed": each matrix another type
  std::size_t layers = 2;
  std::size_t heads = 4;
  std::size_t kv_heads = 2;  // where the architecture has fewer than heads
  std::size_t head_dim = 16;
  std::size_t value_dim = 0;  // 0 = head_dim
  std::size_t rope_dims = 0;  // 0 = head_dim
  std::size_t width = 64;     // a multiple of 32 for quantised weights, like heads * value_dim and hidden
  std::size_t hidden = 96;
  std::size_t experts = 0;        // two of them used; where an architecture always has some, 0 = 6
  std::size_t expert_hidden = 0;  // 0 = hidden; always that in llama
  bool stacked_experts = true;    // in one tensor, or in one for each, as older files have them
  std::size_t context = 1024;
  std::size_t window = 0;  // 0 = none
  std::size_t vocab = 67;  // without a vocabulary; odd, so that the last panel is never full
  bool separate_output = true;
  bool biases = false;   // of llama's attention projections, as some relatives have them
  bool parallel = true;  // gptneox: use_parallel_residual; stablelm: whether ffn_norm is missing; falcon: and
                         // attn_norm_2
  std::size_t scores = 0;   // qwen3: outputs of a classification head, labelled where more than one
  bool head_norms = false;  // command-r: LayerNorm of every head of q and k, as Command-R+ has them
  TinyRope rope = TinyRope::kPlain;
  TinyVocabulary vocabulary = TinyVocabulary::kNone;
  std::uint64_t seed = 1;
};

struct TinyTensor {
  std::string name;
  std::uint32_t type = 0;            // ggml's number
  std::vector<std::uint64_t> shape;  // rows first
  std::vector<std::byte> data;

  /// Element i of an f32 tensor.
  float get(std::size_t i) const;
  void set(std::size_t i, float value);
};

/// A model file before it is written: keys and tensors in order, to be changed at will.
struct TinyModel {
  std::vector<std::pair<std::string, GgufValue>> keys;
  std::vector<TinyTensor> tensors;

  static TinyModel make(const TinyOptions& options);

  /// Replaces a key or adds it.
  void set(const std::string& key, GgufValue value);
  void erase(const std::string& key);
  TinyTensor& tensor(const std::string& name);
  void drop(const std::string& name);
  /// Adds a tensor of random values.
  void add(const std::string& name, const std::string& type, std::vector<std::uint64_t> shape,
           std::uint64_t seed = 1);
  void write(const std::string& path) const;
};

/// Random ids in [0, vocab), the same everywhere.
std::vector<std::int32_t> tiny_tokens(std::size_t count, std::size_t vocab, std::uint64_t seed = 1);

}  // namespace garam::test
