// Which tensor of GGUF comes from which stored one, and how. A family names every tensor that it computes
// with, with the shape that follows from the configuration, and everything is compared before a byte is read.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "hf/checkpoint.h"
#include "io/model_file.h"

namespace garam {

/// How rows of a matrix lie where they are stored.
enum class StoredRows {
  kSame,
  /// Queries and keys for rotary positions: transformers rotates halves of a head, GGUF's llama neighbours.
  kHalvesOfHeads,
  kColumns,  // the matrix is stored transposed (Conv1D of gpt2)
};

/// Where the bytes of one GGUF tensor come from.
struct PlannedTensor {
  const StoredTensor* stored = nullptr;  // null: `computed` are the bytes
  std::vector<const StoredTensor*>
      stacked;  // matrices of experts, one behind the other; `stored` is the first
  std::vector<float> computed;
  StoredRows rows = StoredRows::kSame;
  std::size_t head_rows = 0;  // of a head, for kHalvesOfHeads
  std::uint32_t type = 0;     // ggml's number of what is stored
  bool to_f32 = false;        // vectors are f32 in GGUF, whatever they are stored as
  float addend = 0;           // to every value of a vector
};

class TensorPlan {
 public:
  explicit TensorPlan(const Checkpoint& checkpoint) : checkpoint_(checkpoint) {}

  /// A matrix [rows, k]. Throws Error(kFormat) where there is none or one of another shape,
  /// Error(kUnsupported) where it is not F32, F16 or BF16. `head_rows` belongs to kHalvesOfHeads.
  void matrix(const std::string& name, const std::string& stored, std::uint64_t rows, std::uint64_t k,
              StoredRows layout = StoredRows::kSame, std::size_t head_rows = 0);
  /// A tensor [count, rows, k] out of the matrices [rows, k] of experts, whose names are `stored` with the
  /// number of each in the place of '#'. Throws as matrix() does, also where they are of several types.
  void experts(const std::string& name, const std::string& stored, std::uint64_t count, std::uint64_t rows,
               std::uint64_t k);
  /// A vector; `head_rows` > 0: its values are in the order of StoredRows::kHalvesOfHeads.
  void vector(const std::string& name, const std::string& stored, std::uint64_t size, float addend = 0,
              std::size_t head_rows = 0);
  /// A vector that is stored nowhere.
  void computed(const std::string& name, std::vector<float> values);

  bool has(const std::string& stored) const { return checkpoint_.find(stored) != nullptr; }
  /// The first of `candidates` in front of which `name` is stored; the first of all where none is.
  std::string prefix(const std::string& name, std::span<const char* const> candidates) const;
  /// Names what may be there and is rightly not used.
  void ignore(const std::string& stored) { used_.insert(stored); }
  /// All whose names begin with `prefix`.
  void ignore_all(const std::string& prefix);

  /// Throws Error(kUnsupported) for a stored tensor that nobody named.
  void refuse_unused(const std::string& architecture) const;

  const Checkpoint& checkpoint() const { return checkpoint_; }
  /// Rows of a matrix that was named.
  std::uint64_t rows(const std::string& name) const;
  /// In the order in which they were named; the first `planned()` makes the first of these.
  std::vector<GgufTensor>& tensors() { return tensors_; }
  std::vector<PlannedTensor>& planned() { return planned_; }

 private:
  const StoredTensor& find(const std::string& stored, const std::vector<std::uint64_t>& shape);
  void add(const std::string& name, std::uint32_t type, std::vector<std::uint64_t> shape,
           PlannedTensor planned);

  const Checkpoint& checkpoint_;
  std::vector<GgufTensor> tensors_;
  std::vector<PlannedTensor> planned_;
  std::unordered_set<std::string> used_;
};

}  // namespace garam
