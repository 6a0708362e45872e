// Names of types and short descriptions of values.
#include "io/gguf_value.h"

#include <type_traits>

#include "base/format.h"
#include "base/printable.h"

namespace garam {
namespace {

constexpr std::string_view kNames[kGgufTypeCount] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                                     "bool", "string", "array", "u64", "i64", "f64"};

}  // namespace

GgufType element_type_of(const GgufArray& array) {
  const std::size_t index = array.index();
  return static_cast<GgufType>(index < static_cast<std::size_t>(GgufType::kArray) ? index : index + 1);
}

std::size_t size_of(const GgufArray& array) {
  return std::visit([](const auto& elements) { return elements.size(); }, array);
}

std::string_view name_of(GgufType type) {
  return kNames[static_cast<std::size_t>(type)];
}

std::string describe(const GgufValue& value) {
  return std::visit(
      [&](const auto& v) -> std::string {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, GgufArray>) {
          return formatted("array of {} {}", size_of(v), name_of(element_type_of(v)));
        } else if constexpr (std::is_same_v<T, std::string>) {
          return formatted("string \"{}\"", printable(v));
        } else {
          return formatted("{} {}", name_of(type_of(value)), v);
        }
      },
      value);
}

}  // namespace garam
