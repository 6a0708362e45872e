// The values of GGUF keys: 13 types, of which one is an array of any of the other 12.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace garam {

/// Value types, numbered as in files.
enum class GgufType : std::uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};
inline constexpr std::uint32_t kGgufTypeCount = 13;

/// An array, elements as they are, in the order of GgufType without kArray.
using GgufArray =
    std::variant<std::vector<std::uint8_t>, std::vector<std::int8_t>, std::vector<std::uint16_t>,
                 std::vector<std::int16_t>, std::vector<std::uint32_t>, std::vector<std::int32_t>,
                 std::vector<float>, std::vector<bool>, std::vector<std::string>, std::vector<std::uint64_t>,
                 std::vector<std::int64_t>, std::vector<double>>;

/// A value. Alternatives stand in the order of GgufType, so index() is the number in files. Strings are any
/// bytes.
using GgufValue =
    std::variant<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::uint32_t, std::int32_t, float,
                 bool, std::string, GgufArray, std::uint64_t, std::int64_t, double>;

inline GgufType type_of(const GgufValue& value) {
  return static_cast<GgufType>(value.index());
}
GgufType element_type_of(const GgufArray& array);
std::size_t size_of(const GgufArray& array);

/// "u32", "string", "array".
std::string_view name_of(GgufType type);
/// For messages: "u32 7", "string \"yarn\"", "array of 3 f32".
std::string describe(const GgufValue& value);

}  // namespace garam
