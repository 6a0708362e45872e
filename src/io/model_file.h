// A model on the disk as everything above src/io sees it: keys and tensors under the names that GGUF gives
// them, checked, whatever container holds them. A GGUF file is one (gguf.h), a Hugging Face folder another
// (src/hf).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "io/ggml_type.h"
#include "io/gguf_value.h"
#include "io/name_index.h"

namespace garam {

struct GgufKey {
  std::string name;
  GgufValue value;
};

struct GgufTensor {
  std::string name;
  const GgmlType* type = nullptr;
  std::vector<std::uint64_t> shape;  // the fastest-varying dimension first
  std::uint64_t offset = 0;          // in its file, absolute; of a folder only a number of its own
  std::uint64_t bytes = 0;
  std::size_t file = 0;  // the part that holds it
};

/// An open model. Immutable; all const members may be called from several threads at once.
class ModelFile {
 public:
  virtual ~ModelFile() = default;

  /// As given to open().
  virtual const std::string& path() const noexcept = 0;

  /// In file order.
  const std::vector<GgufKey>& keys() const noexcept { return keys_; }
  /// Null when there is no such key.
  const GgufValue* find(std::string_view key) const;

  /// The value of a key as T, when there is one. Throws Error(kFormat) when it is of another kind or does not
  /// fit: integers are widened and narrowed as long as the number stays the same; floating-point types take
  /// f32 and f64; bool and std::string take only their own. std::vector of these takes arrays of what the
  /// element takes. T: the fixed-width integers of 32 and 64 bits, float, double, bool, std::string, and
  /// std::vector of std::int32_t, std::uint32_t, std::int64_t, std::uint64_t, float, bool, std::string.
  template <typename T>
  std::optional<T> get_if(std::string_view key) const;
  /// The same, for a key that must be there.
  template <typename T>
  T get(std::string_view key) const;
  template <typename T>
  T get_or(std::string_view key, T fallback) const {
    auto value = get_if<T>(key);
    return value ? std::move(*value) : std::move(fallback);
  }
  std::uint32_t get_u32(std::string_view key) const { return get<std::uint32_t>(key); }
  std::uint64_t get_u64(std::string_view key) const { return get<std::uint64_t>(key); }
  float get_f32(std::string_view key) const { return get<float>(key); }
  bool get_bool(std::string_view key) const { return get<bool>(key); }
  std::string get_string(std::string_view key) const { return get<std::string>(key); }
  /// An array of exactly this element type, in place; null when there is no such key. Any of GgufArray's.
  template <typename T>
  const std::vector<T>* find_array(std::string_view key) const;

  /// As get_if(), but moves the array out where no element needs converting, for the one reader that it is
  /// for: copies of a vocabulary's arrays would take as much again as the file. The key stays, empty. E:
  /// std::string, std::int32_t, float. The one member that changes a file.
  template <typename E>
  std::optional<std::vector<E>> take_array(std::string_view key);

  /// In file order.
  const std::vector<GgufTensor>& tensors() const noexcept { return tensors_; }
  /// Null when there is none.
  const GgufTensor* find_tensor(std::string_view name) const;

  /// Fills `out` from a tensor's bytes. Throws Error(kIo) when a file shrank, Error(kArgument) when the range
  /// is not inside the tensor.
  virtual void read(const GgufTensor& tensor, std::uint64_t offset_in_tensor,
                    std::span<std::byte> out) const = 0;
  /// File and name of a tensor as the container has them, for messages: "model.gguf: tensor
  /// blk.0.attn_q.weight".
  virtual std::string origin(const GgufTensor& tensor) const = 0;

  /// Files that hold the tensors, then others.
  std::size_t part_count() const noexcept { return parts_.size(); }
  const ReadFile& part(std::size_t part) const { return parts_.at(part); }
  const std::string& part_path(std::size_t part) const { return parts_.at(part).path(); }
  /// A hash of everything that was read to open the model: keys, tensor lists, vocabulary.
  virtual std::uint64_t metadata_hash() const = 0;
  /// Throws Error(kIo) when a part was written to, resized or replaced since it was opened.
  void check_unchanged() const;
  /// Bytes of all parts.
  std::uint64_t size_bytes() const noexcept;

 protected:
  ModelFile() = default;
  ModelFile(ModelFile&&) = default;
  ModelFile& operator=(ModelFile&&) = default;

  /// Throws Error(kArgument) unless `bytes` from `offset` on lie inside `tensor`.
  void check_range(const GgufTensor& tensor, std::uint64_t offset, std::uint64_t bytes) const;

  std::vector<ReadFile> parts_;
  std::vector<GgufKey> keys_;
  std::vector<GgufTensor> tensors_;
  NameIndex key_index_;
  NameIndex tensor_index_;
};

}  // namespace garam
