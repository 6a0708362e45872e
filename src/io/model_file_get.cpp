// Typed access to keys. A number keeps its value or is refused: nothing wraps, nothing is cut off.
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "base/fail.h"
#include "base/printable.h"
#include "io/model_file.h"

namespace garam {
namespace {

template <typename T>
struct IsVector : std::false_type {};
template <typename E>
struct IsVector<std::vector<E>> : std::true_type {};

template <typename T>
constexpr std::string_view type_name() {
  if constexpr (std::is_same_v<T, std::uint32_t>) return "u32";
  if constexpr (std::is_same_v<T, std::uint64_t>) return "u64";
  if constexpr (std::is_same_v<T, std::int32_t>) return "i32";
  if constexpr (std::is_same_v<T, std::int64_t>) return "i64";
  if constexpr (std::is_same_v<T, float>) return "f32";
  if constexpr (std::is_same_v<T, double>) return "f64";
  if constexpr (std::is_same_v<T, bool>) return "bool";
  if constexpr (std::is_same_v<T, std::string>) return "string";
}

/// Whether a value of type V may be asked for as T at all.
template <typename T, typename V>
constexpr bool kCompatible = std::is_same_v<T, V> ||
                             (std::is_integral_v<T> && !std::is_same_v<T, bool> && std::is_integral_v<V> &&
                              !std::is_same_v<V, bool>) ||
                             (std::is_floating_point_v<T> && std::is_floating_point_v<V>);

/// `value` as T, or nothing when it is out of T's range.
template <typename T, typename V>
std::optional<T> convert(const V& value) {
  if constexpr (std::is_same_v<T, V>) {
    return value;
  } else if constexpr (std::is_integral_v<T>) {
    if (!std::in_range<T>(value)) return std::nullopt;
    return static_cast<T>(value);
  } else {
    constexpr double kLargest = std::numeric_limits<T>::max();
    if (std::isfinite(value) && std::fabs(static_cast<double>(value)) > kLargest) return std::nullopt;
    return static_cast<T>(value);
  }
}

template <typename T>
[[noreturn]] void wrong_value(const std::string& path, std::string_view key, std::string_view prefix,
                              const std::string& found) {
  fail(ErrorCode::kFormat, "{}: key {}: expected {}{}, found {}", path, printable(key), prefix,
       type_name<T>(), found);
}

template <typename T>
T scalar(const std::string& path, std::string_view key, const GgufValue& value) {
  return std::visit(
      [&](const auto& v) -> T {
        using V = std::decay_t<decltype(v)>;
        if constexpr (kCompatible<T, V>) {
          if (auto converted = convert<T>(v)) return std::move(*converted);
        }
        wrong_value<T>(path, key, "", describe(value));
      },
      value);
}

template <typename E>
std::vector<E> elements(const std::string& path, std::string_view key, const GgufValue& value) {
  const auto* array = std::get_if<GgufArray>(&value);
  if (array == nullptr) wrong_value<E>(path, key, "an array of ", describe(value));
  return std::visit(
      [&](const auto& items) -> std::vector<E> {
        using V = typename std::decay_t<decltype(items)>::value_type;
        if constexpr (std::is_same_v<E, V>) {
          return items;
        } else if constexpr (kCompatible<E, V>) {
          std::vector<E> result;
          result.reserve(items.size());
          for (const V item : items) {
            const auto converted = convert<E>(item);
            if (!converted) {
              wrong_value<E>(path, key, "an array of ", formatted("{} at {}", item, result.size()));
            }
            result.push_back(*converted);
          }
          return result;
        } else {
          wrong_value<E>(path, key, "an array of ", describe(value));
        }
      },
      *array);
}

}  // namespace

template <typename T>
std::optional<T> ModelFile::get_if(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if constexpr (IsVector<T>::value) {
    return elements<typename T::value_type>(path(), key, *value);
  } else {
    return scalar<T>(path(), key, *value);
  }
}

template <typename T>
T ModelFile::get(std::string_view key) const {
  auto value = get_if<T>(key);
  if (value) return std::move(*value);
  if constexpr (IsVector<T>::value) {
    wrong_value<typename T::value_type>(path(), key, "an array of ", "no such key");
  } else {
    wrong_value<T>(path(), key, "", "no such key");
  }
}

template <typename T>
const std::vector<T>* ModelFile::find_array(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return nullptr;
  const auto* array = std::get_if<GgufArray>(value);
  const auto* items = array != nullptr ? std::get_if<std::vector<T>>(array) : nullptr;
  if (items != nullptr) return items;
  fail(ErrorCode::kFormat, "{}: key {}: expected an array of {}, found {}", path(), printable(key),
       name_of(element_type_of(std::vector<T>{})), describe(*value));
}

template <typename E>
std::optional<std::vector<E>> ModelFile::take_array(std::string_view key) {
  const GgufKey* found = key_index_.find(keys_, key);
  if (found == nullptr) return std::nullopt;
  GgufValue& value = keys_[static_cast<std::size_t>(found - keys_.data())].value;
  auto* array = std::get_if<GgufArray>(&value);
  auto* items = array != nullptr ? std::get_if<std::vector<E>>(array) : nullptr;
  return items != nullptr ? std::exchange(*items, {}) : elements<E>(path(), key, value);
}
template std::optional<std::vector<std::string>> ModelFile::take_array(std::string_view);
template std::optional<std::vector<std::int32_t>> ModelFile::take_array(std::string_view);
template std::optional<std::vector<float>> ModelFile::take_array(std::string_view);

#define GARAM_GET(T)                                                   \
  template std::optional<T> ModelFile::get_if(std::string_view) const; \
  template T ModelFile::get(std::string_view) const;
GARAM_GET(std::uint32_t)
GARAM_GET(std::uint64_t)
GARAM_GET(std::int32_t)
GARAM_GET(std::int64_t)
GARAM_GET(float)
GARAM_GET(double)
GARAM_GET(bool)
GARAM_GET(std::string)
GARAM_GET(std::vector<std::uint32_t>)
GARAM_GET(std::vector<std::uint64_t>)
GARAM_GET(std::vector<std::int32_t>)
GARAM_GET(std::vector<std::int64_t>)
GARAM_GET(std::vector<float>)
GARAM_GET(std::vector<bool>)
GARAM_GET(std::vector<std::string>)
#undef GARAM_GET

#define GARAM_ARRAY(T) template const std::vector<T>* ModelFile::find_array(std::string_view) const;
GARAM_ARRAY(std::uint8_t)
GARAM_ARRAY(std::int8_t)
GARAM_ARRAY(std::uint16_t)
GARAM_ARRAY(std::int16_t)
GARAM_ARRAY(std::uint32_t)
GARAM_ARRAY(std::int32_t)
GARAM_ARRAY(std::uint64_t)
GARAM_ARRAY(std::int64_t)
GARAM_ARRAY(float)
GARAM_ARRAY(double)
GARAM_ARRAY(bool)
GARAM_ARRAY(std::string)
#undef GARAM_ARRAY

}  // namespace garam
