// Weights by name. An architecture declares what it needs, with shapes; the declaration is checked against
// the file before anything is allocated, and filled afterwards by the loader in src/model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "tensor/matrix.h"

namespace garam {

/// What a file says about one tensor.
struct TensorEntry {
  std::uint32_t type = 0;  // ggml's number
  std::string type_name;
  std::vector<std::uint64_t> shape;  // rows first
};

/// The tensors of a model file.
class TensorSource {
 public:
  virtual ~TensorSource() = default;
  virtual const std::string& file() const = 0;
  virtual std::optional<TensorEntry> find(const std::string& name) const = 0;
};

/// A vector of f32: a norm weight, a bias. Zero padded to a multiple of 32.
struct Vector {
  std::vector<float> values;
  std::size_t size = 0;
  const float* data() const { return values.data(); }
};

class Weights {
 public:
  explicit Weights(const TensorSource& source) : source_(source) {}

  /// Declares a required matrix. The reference stays valid; its panels come later. Throws Error(kFormat) when
  /// it is missing or of another shape, Error(kUnsupported) when its weight type is not computed.
  const Matrix& matrix(const std::string& name, std::size_t rows, std::size_t k);
  /// Declares a required vector.
  const Vector& vector(const std::string& name, std::size_t size);
  /// Null when the file has none.
  const Matrix* optional_matrix(const std::string& name, std::size_t rows, std::size_t k);
  const Vector* optional_vector(const std::string& name, std::size_t size);
  /// Declares a matrix of one row, whose tensor is [k].
  const Matrix& row_matrix(const std::string& name, std::size_t k);
  /// Declares the `count` rows of a tensor [count, size]; none when the file has no such tensor.
  std::vector<const Vector*> optional_vectors(const std::string& name, std::size_t count, std::size_t size);
  /// The same, required.
  std::vector<const Vector*> vectors(const std::string& name, std::size_t count, std::size_t size);
  /// Declares the matrices of `count` experts: one tensor [count, rows, k], or a tensor for each, whose name
  /// is `name` with its number in the place of `#`, as files had them before.
  std::vector<const Matrix*> experts(const std::string& stacked, const std::string& single, std::size_t count,
                                     std::size_t rows, std::size_t k);
  /// Names a tensor that may be there and is rightly not used.
  void ignore(const std::string& name) { used_.insert(name); }

  struct NamedMatrix {
    std::string name;
    Matrix matrix;
    std::size_t first_row = 0;  // of the tensor
  };
  struct NamedVector {
    std::string name;
    std::uint32_t type;
    Vector vector;
    std::size_t first = 0;  // element of the tensor
  };
  // For the loader.
  std::deque<NamedMatrix>& matrices() { return matrices_; }
  const std::deque<NamedMatrix>& matrices() const { return matrices_; }
  std::deque<NamedVector>& vectors() { return vectors_; }
  bool used(const std::string& name) const { return used_.count(name) != 0; }

 private:
  const WeightFormat& format_of(const std::string& name, const TensorEntry& entry) const;
  const Vector* add_vector(const std::string& name, const TensorEntry& entry, std::size_t first,
                           std::size_t size);

  const TensorSource& source_;
  std::deque<NamedMatrix> matrices_;
  std::deque<NamedVector> vectors_;
  std::unordered_set<std::string> used_;
};

}  // namespace garam
