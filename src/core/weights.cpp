// Declarations are compared exactly: a tensor of another shape is an error, never a reinterpretation.
#include "core/weights.h"

#include "base/fail.h"

namespace garam {
namespace {

void check_shape(const TensorSource& source, const std::string& name, const TensorEntry& entry,
                 const std::vector<std::uint64_t>& expected) {
  if (entry.shape == expected) return;
  fail(ErrorCode::kFormat, "{}: tensor {}: expected shape [{}], found [{}]", source.file(), name,
       joined(expected), joined(entry.shape));
}

std::string known_formats() {
  std::string list;
  for (const WeightFormat* format : weight_formats()) {
    if (!list.empty()) list += ", ";
    list += format->name;
  }
  return list;
}

[[noreturn]] void missing(const TensorSource& source, const std::string& name) {
  fail(ErrorCode::kFormat, "{}: tensor {}: expected one of this name, found none", source.file(), name);
}

}  // namespace

const Matrix* Weights::optional_matrix(const std::string& name, std::size_t rows, std::size_t k) {
  const auto entry = source_.find(name);
  if (!entry) return nullptr;
  check_shape(source_, name, *entry, {rows, k});
  const WeightFormat& format = format_of(name, *entry);
  used_.insert(name);
  matrices_.push_back({name, {&format, nullptr, rows, k}, 0});
  return &matrices_.back().matrix;
}

const Matrix& Weights::row_matrix(const std::string& name, std::size_t k) {
  const auto entry = source_.find(name);
  if (!entry) missing(source_, name);
  check_shape(source_, name, *entry, {k});
  const WeightFormat& format = format_of(name, *entry);
  used_.insert(name);
  matrices_.push_back({name, {&format, nullptr, 1, k}, 0});
  return matrices_.back().matrix;
}

std::vector<const Matrix*> Weights::experts(const std::string& stacked, const std::string& single,
                                            std::size_t count, std::size_t rows, std::size_t k) {
  std::vector<const Matrix*> found;
  const std::size_t number = single.find('#');
  const auto name_of = [&](std::size_t expert) {
    return single.substr(0, number) + std::to_string(expert) + single.substr(number + 1);
  };
  const auto entry = source_.find(stacked);
  if (!entry && source_.find(name_of(0))) {
    for (std::size_t i = 0; i < count; ++i) {
      found.push_back(&matrix(name_of(i), rows, k));
    }
    return found;
  }
  if (!entry) missing(source_, stacked);
  check_shape(source_, stacked, *entry, {count, rows, k});
  const WeightFormat& format = format_of(stacked, *entry);
  used_.insert(stacked);
  for (std::size_t i = 0; i < count; ++i) {
    matrices_.push_back({stacked, {&format, nullptr, rows, k}, i * rows});
    found.push_back(&matrices_.back().matrix);
  }
  return found;
}

const WeightFormat& Weights::format_of(const std::string& name, const TensorEntry& entry) const {
  const WeightFormat* format = find_weight_format(entry.type);
  if (format == nullptr) {
    fail(ErrorCode::kUnsupported, "{}: tensor {}: expected a weight type of {}, found {}", source_.file(),
         name, known_formats(), entry.type_name);
  }
  return *format;
}

const Vector* Weights::add_vector(const std::string& name, const TensorEntry& entry, std::size_t first,
                                  std::size_t size) {
  const WeightFormat* format = find_weight_format(entry.type);
  if (format == nullptr || format->block != 1) {
    fail(ErrorCode::kUnsupported, "{}: tensor {}: expected weight type f32, f16 or bf16, found {}",
         source_.file(), name, entry.type_name);
  }
  used_.insert(name);
  vectors_.push_back({name, entry.type, {std::vector<float>(kernels::round_up(size, 32)), size}, first});
  return &vectors_.back().vector;
}

const Vector* Weights::optional_vector(const std::string& name, std::size_t size) {
  const auto entry = source_.find(name);
  if (!entry) return nullptr;
  check_shape(source_, name, *entry, {size});
  return add_vector(name, *entry, 0, size);
}

std::vector<const Vector*> Weights::optional_vectors(const std::string& name, std::size_t count,
                                                     std::size_t size) {
  std::vector<const Vector*> found;
  const auto entry = source_.find(name);
  if (!entry) return found;
  check_shape(source_, name, *entry, {count, size});
  for (std::size_t i = 0; i < count; ++i) found.push_back(add_vector(name, *entry, i * size, size));
  return found;
}

std::vector<const Vector*> Weights::vectors(const std::string& name, std::size_t count, std::size_t size) {
  if (!source_.find(name)) missing(source_, name);
  return optional_vectors(name, count, size);
}

const Matrix& Weights::matrix(const std::string& name, std::size_t rows, std::size_t k) {
  const Matrix* found = optional_matrix(name, rows, k);
  if (found == nullptr) missing(source_, name);
  return *found;
}

const Vector& Weights::vector(const std::string& name, std::size_t size) {
  const Vector* found = optional_vector(name, size);
  if (found == nullptr) missing(source_, name);
  return *found;
}

}  // namespace garam
