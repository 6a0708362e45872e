// Sizes are those of stored tensors, which lie inside their files, so that none of them can be out of bounds.
#include "hf/tensor_plan.h"

#include <algorithm>

#include "base/fail.h"
#include "base/printable.h"

namespace garam {
namespace {

constexpr std::uint32_t kF32 = 0;

struct WeightType {
  std::string_view stored;
  std::uint32_t ggml;
};
constexpr WeightType kWeightTypes[] = {{"F32", kF32}, {"F16", 1}, {"BF16", 30}};

std::uint32_t ggml_type(const Checkpoint& checkpoint, const StoredTensor& tensor) {
  for (const WeightType& type : kWeightTypes) {
    if (type.stored == tensor.type->name) return type.ggml;
  }
  fail(ErrorCode::kUnsupported, "{}: expected weights of type F32, F16 or BF16, found {}",
       checkpoint.origin(tensor), tensor.type->name);
}

}  // namespace

const StoredTensor& TensorPlan::find(const std::string& stored, const std::vector<std::uint64_t>& shape) {
  const StoredTensor* tensor = checkpoint_.find(stored);
  if (tensor == nullptr) {
    fail(ErrorCode::kFormat, "{}: tensor {}: expected one of this name, found none",
         checkpoint_.files.back().path(), printable(stored));
  }
  if (tensor->shape != shape) {
    fail(ErrorCode::kFormat, "{}: expected shape [{}], found [{}]", checkpoint_.origin(*tensor),
         joined(shape), joined(tensor->shape));
  }
  used_.insert(stored);
  return *tensor;
}

void TensorPlan::add(const std::string& name, std::uint32_t type, std::vector<std::uint64_t> shape,
                     PlannedTensor planned) {
  GgufTensor tensor;
  tensor.name = name;
  tensor.type = find_ggml_type(type);
  tensor.bytes = tensor.type->bytes_per_block;
  for (const std::uint64_t size : shape) tensor.bytes *= size;
  tensor.shape.assign(shape.rbegin(), shape.rend());
  tensor.offset = tensors_.empty() ? 0 : tensors_.back().offset + tensors_.back().bytes;
  tensor.file = planned.stored == nullptr ? 0 : planned.stored->file;
  tensors_.push_back(std::move(tensor));
  planned_.push_back(std::move(planned));
}

void TensorPlan::matrix(const std::string& name, const std::string& stored, std::uint64_t rows,
                        std::uint64_t k, StoredRows layout, std::size_t head_rows) {
  const bool transposed = layout == StoredRows::kColumns;
  PlannedTensor planned;
  planned.stored = &find(stored, transposed ? std::vector{k, rows} : std::vector{rows, k});
  planned.rows = layout;
  planned.head_rows = head_rows;
  planned.type = ggml_type(checkpoint_, *planned.stored);
  add(name, planned.type, {rows, k}, std::move(planned));
}

void TensorPlan::experts(const std::string& name, const std::string& stored, std::uint64_t count,
                         std::uint64_t rows, std::uint64_t k) {
  PlannedTensor planned;
  const std::size_t number = stored.find('#');
  for (std::uint64_t i = 0; i < count; ++i) {
    planned.stacked.push_back(&find(std::string(stored).replace(number, 1, std::to_string(i)), {rows, k}));
    const StoredTensor& first = *planned.stacked.front();
    const StoredTensor& last = *planned.stacked.back();
    if (last.type == first.type) continue;
    fail(ErrorCode::kUnsupported, "{}: expected type {}, as expert 0 has it, found {}",
         checkpoint_.origin(last), first.type->name, last.type->name);
  }
  planned.stored = planned.stacked.front();
  planned.type = ggml_type(checkpoint_, *planned.stored);
  add(name, planned.type, {count, rows, k}, std::move(planned));
}

void TensorPlan::vector(const std::string& name, const std::string& stored, std::uint64_t size, float addend,
                        std::size_t head_rows) {
  PlannedTensor planned;
  planned.stored = &find(stored, {size});
  planned.rows = head_rows > 0 ? StoredRows::kHalvesOfHeads : StoredRows::kSame;
  planned.head_rows = head_rows;
  planned.to_f32 = true;
  planned.addend = addend;
  planned.type = ggml_type(checkpoint_, *planned.stored);
  add(name, kF32, {size}, std::move(planned));
}

void TensorPlan::computed(const std::string& name, std::vector<float> values) {
  const std::uint64_t size = values.size();
  PlannedTensor planned;
  planned.computed = std::move(values);
  add(name, kF32, {size}, std::move(planned));
}

std::string TensorPlan::prefix(const std::string& name, std::span<const char* const> candidates) const {
  for (const char* candidate : candidates) {
    if (has(candidate + name)) return candidate;
  }
  return candidates.front();
}

std::uint64_t TensorPlan::rows(const std::string& name) const {
  const auto is_it = [&](const GgufTensor& tensor) { return tensor.name == name; };
  return std::find_if(tensors_.begin(), tensors_.end(), is_it)->shape.back();
}

void TensorPlan::ignore_all(const std::string& prefix) {
  for (const StoredTensor& tensor : checkpoint_.tensors) {
    if (tensor.name.starts_with(prefix)) used_.insert(tensor.name);
  }
}

void TensorPlan::refuse_unused(const std::string& architecture) const {
  for (const StoredTensor& tensor : checkpoint_.tensors) {
    if (used_.count(tensor.name) != 0) continue;
    fail(ErrorCode::kUnsupported,
         "{}: expected only tensors that architecture {} computes with, found another; leaving it out would "
         "give wrong text",
         checkpoint_.origin(tensor), architecture);
  }
}

}  // namespace garam
