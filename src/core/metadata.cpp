// Range checks with one message form: file: key: expected, found.
#include "core/metadata.h"

#include <cmath>

#include "base/fail.h"

namespace garam {
namespace {

std::uint64_t check_integer(const std::string& file, const std::string& key, std::uint64_t value,
                            std::uint64_t low, std::uint64_t high) {
  if (value < low || value > high) {
    fail(ErrorCode::kFormat, "{}: key {}: expected an integer from {} to {}, found {}", file, key, low, high,
         value);
  }
  return value;
}

float check_real(const std::string& file, const std::string& key, double value, double low, double high) {
  if (!std::isfinite(value) || value < low || value > high) {
    fail(ErrorCode::kFormat, "{}: key {}: expected a number from {} to {}, found {}", file, key, low, high,
         value);
  }
  return static_cast<float>(value);
}

[[noreturn]] void missing(const std::string& file, const std::string& key) {
  fail(ErrorCode::kFormat, "{}: key {}: expected a number, found no such key", file, key);
}

}  // namespace

std::uint64_t Metadata::integer(std::string_view key, std::uint64_t low, std::uint64_t high) const {
  const auto value = source_.unsigned_integer(name(key));
  if (!value) missing(file(), name(key));
  return check_integer(file(), name(key), *value, low, high);
}

std::uint64_t Metadata::integer_or(std::string_view key, std::uint64_t low, std::uint64_t high,
                                   std::uint64_t fallback) const {
  const auto value = source_.unsigned_integer(name(key));
  return value ? check_integer(file(), name(key), *value, low, high) : fallback;
}

bool Metadata::has(std::string_view key) const {
  return source_.has(name(key));
}

float Metadata::real(std::string_view key, double low, double high) const {
  const auto value = source_.real(name(key));
  if (!value) missing(file(), name(key));
  return check_real(file(), name(key), *value, low, high);
}

float Metadata::real_or(std::string_view key, double low, double high, float fallback) const {
  const auto value = source_.real(name(key));
  return value ? check_real(file(), name(key), *value, low, high) : fallback;
}

std::string Metadata::string_or(std::string_view key, std::string_view fallback) const {
  return source_.string(name(key)).value_or(std::string(fallback));
}

std::vector<std::string> Metadata::strings(std::string_view key, std::size_t most) const {
  auto values = source_.strings(name(key));
  if (!values) return {};
  if (values->size() > most) {
    fail(ErrorCode::kFormat, "{}: key {}: expected at most {} strings, found {}", file(), name(key), most,
         values->size());
  }
  return *std::move(values);
}

std::optional<std::vector<bool>> Metadata::booleans(std::string_view key, std::size_t size) const {
  auto values = source_.booleans(name(key));
  if (values && values->size() != size) {
    fail(ErrorCode::kFormat, "{}: key {}: expected {} elements, one a layer, found {}", file(), name(key),
         size, values->size());
  }
  return values;
}

bool Metadata::boolean_or(std::string_view key, bool fallback) const {
  return source_.boolean(name(key)).value_or(fallback);
}

}  // namespace garam
