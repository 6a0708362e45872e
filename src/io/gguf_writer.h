// Writes GGUF files: keys in the order added, then tensors in the order added. It refuses what GgufFile would
// refuse, so whatever it writes can be read. Tensors are given as bytes or as a function that supplies them
// piece by piece, so a model larger than memory can be written. Knows no architecture.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "io/ggml_type.h"
#include "io/gguf.h"
#include "io/gguf_value.h"

namespace garam {

struct GgufWriterOptions {
  std::uint32_t version = 3;     // or 2
  std::uint32_t alignment = 32;  // another one is written as general.alignment
};

class GgufWriter {
 public:
  /// Fills `out` with a tensor's bytes from `offset` on; called front to back, once for each piece.
  using Source = std::function<void(std::uint64_t offset, std::span<std::byte> out)>;

  /// Throws Error(kArgument) for another version or an alignment that is not a power of two up to 2^20.
  explicit GgufWriter(GgufWriterOptions options = {});

  /// Adds a key; the type written is the type given: `add("llama.block_count", std::uint32_t{3})`.
  /// Throws Error(kArgument) for a name that was used or that the format does not allow.
  GgufWriter& add(std::string key, GgufValue value);

  /// Adds a tensor; `shape` has the fastest-varying dimension first. Throws Error(kArgument) when the name
  /// was used, when type and shape do not fit, or when the number of bytes is not what they say.
  GgufWriter& add_tensor(std::string name, std::uint32_t ggml_type, std::vector<std::uint64_t> shape,
                         std::vector<std::byte> bytes);
  /// f32 values.
  GgufWriter& add_tensor(std::string name, std::vector<std::uint64_t> shape, std::span<const float> values);
  /// Bytes that come when the file is written.
  GgufWriter& add_tensor(std::string name, std::uint32_t ggml_type, std::vector<std::uint64_t> shape,
                         Source source);

  /// Writes the file, whole or not at all. Throws Error(kIo), and what sources throw.
  void write(const std::string& path) const;
  /// The same bytes in memory.
  std::vector<std::byte> write_to_memory() const;

 private:
  struct Tensor {
    std::string name;
    const GgmlType* type;
    std::vector<std::uint64_t> shape;
    std::uint64_t bytes;
    Source source;
  };
  using Sink = std::function<void(std::span<const std::byte>)>;

  static Tensor make_tensor(std::string name, std::uint32_t ggml_type, std::vector<std::uint64_t> shape);
  GgufWriter& add_tensor(Tensor tensor);
  std::vector<std::byte> header() const;
  void write_all(const Sink& sink) const;

  GgufWriterOptions options_;
  std::vector<GgufKey> keys_;
  std::vector<Tensor> tensors_;
  std::unordered_set<std::string> key_names_;
  std::unordered_set<std::string> tensor_names_;
};

}  // namespace garam
