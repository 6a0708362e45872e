// What every container has in common.
#include "io/model_file.h"

#include "base/checked.h"
#include "base/fail.h"

namespace garam {

const GgufValue* ModelFile::find(std::string_view key) const {
  const GgufKey* found = key_index_.find(keys_, key);
  return found == nullptr ? nullptr : &found->value;
}

const GgufTensor* ModelFile::find_tensor(std::string_view name) const {
  return tensor_index_.find(tensors_, name);
}

void ModelFile::check_range(const GgufTensor& tensor, std::uint64_t offset, std::uint64_t bytes) const {
  const auto end = checked_add(offset, bytes);
  if (end && *end <= tensor.bytes) return;
  fail(ErrorCode::kArgument, "{}: expected a range inside its {} bytes, found {} bytes at {}", origin(tensor),
       tensor.bytes, bytes, offset);
}

void ModelFile::check_unchanged() const {
  for (const ReadFile& part : parts_) part.check_unchanged();
}

std::uint64_t ModelFile::size_bytes() const noexcept {
  std::uint64_t total = 0;
  for (const ReadFile& part : parts_) total += part.size();
  return total;
}

}  // namespace garam
