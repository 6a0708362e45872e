// Key and tensor look-ups, with the container's own type checks.
#include "model/gguf_source.h"

#include <algorithm>
#include <functional>

#include "base/fail.h"

namespace garam {

bool GgufKeys::has(const std::string& key) const {
  return file_.find(key) != nullptr;
}

std::optional<std::uint64_t> GgufKeys::unsigned_integer(const std::string& key) const {
  const GgufValue* value = file_.find(key);
  if (value == nullptr) return std::nullopt;
  if (type_of(*value) != GgufType::kArray) return file_.get_u64(key);
  // Some converters write one number per layer; architectures here have the same in all.
  const auto numbers = file_.get<std::vector<std::uint64_t>>(key);
  if (numbers.empty() ||
      std::adjacent_find(numbers.begin(), numbers.end(), std::not_equal_to<>()) != numbers.end()) {
    fail(ErrorCode::kUnsupported,
         "{}: key {}: expected one number, or the same one for every layer, found {}", file_.path(), key,
         describe(*value));
  }
  return numbers.front();
}

std::optional<double> GgufKeys::real(const std::string& key) const {
  if (!has(key)) return std::nullopt;
  return file_.get<double>(key);
}

std::optional<std::string> GgufKeys::string(const std::string& key) const {
  if (!has(key)) return std::nullopt;
  return file_.get_string(key);
}

std::optional<bool> GgufKeys::boolean(const std::string& key) const {
  if (!has(key)) return std::nullopt;
  return file_.get_bool(key);
}

std::optional<std::vector<std::string>> GgufKeys::strings(const std::string& key) const {
  if (!has(key)) return std::nullopt;
  return file_.get<std::vector<std::string>>(key);
}

std::optional<std::vector<bool>> GgufKeys::booleans(const std::string& key) const {
  const GgufValue* value = file_.find(key);
  const GgufArray* array = value != nullptr ? std::get_if<GgufArray>(value) : nullptr;
  if (array == nullptr || !std::holds_alternative<std::vector<bool>>(*array)) return std::nullopt;
  return file_.get<std::vector<bool>>(key);
}

std::optional<TensorEntry> GgufTensors::find(const std::string& name) const {
  const GgufTensor* tensor = file_.find_tensor(name);
  if (tensor == nullptr) return std::nullopt;
  TensorEntry entry;
  entry.type = tensor->type->id;
  entry.type_name = tensor->type->name;
  entry.shape.assign(tensor->shape.rbegin(), tensor->shape.rend());
  return entry;
}

}  // namespace garam
