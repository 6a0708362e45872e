// Arrays hold no arrays, so nothing here calls itself. A count is compared with the bytes left before memory
// for the elements is taken, so a file never costs more than a small multiple of its own size.
#include "io/gguf_parse_value.h"

#include "base/fail.h"
#include "base/printable.h"
#include "io/gguf_rules.h"

namespace garam {
namespace {

constexpr std::uint64_t kStringLengthBytes = 8;

GgufType read_type(BoundedReader& in, std::string_view label) {
  const auto id = in.number<std::uint32_t>(label);
  if (id < kGgufTypeCount) return static_cast<GgufType>(id);
  fail(ErrorCode::kFormat, "{}: {}: expected a value type from 0 to {}, found {}", in.path(), label,
       kGgufTypeCount - 1, id);
}

bool to_bool(const BoundedReader& in, std::uint8_t byte, std::string_view label) {
  if (byte <= 1) return byte == 1;
  fail(ErrorCode::kFormat, "{}: {}: expected a bool of 0 or 1, found {}", in.path(), label, byte);
}

template <typename T>
GgufArray read_numbers(BoundedReader& in, std::string_view label) {
  std::vector<T> elements(in.count(sizeof(T), label));
  in.read(std::as_writable_bytes(std::span(elements)), label);
  return elements;
}

GgufArray read_bools(BoundedReader& in, std::string_view label) {
  std::vector<bool> elements(in.count(1, label));
  for (std::size_t i = 0; i < elements.size(); ++i) {
    elements[i] = to_bool(in, in.number<std::uint8_t>(label), label);
  }
  return elements;
}

GgufArray read_strings(BoundedReader& in, std::string_view label) {
  const std::uint64_t count = in.count(kStringLengthBytes, label);
  std::vector<std::string> elements;
  elements.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) elements.push_back(in.string(kGgufMaxHeaderBytes, label));
  return elements;
}

GgufArray read_array(BoundedReader& in, std::string_view label) {
  switch (read_type(in, label)) {
    case GgufType::kU8:
      return read_numbers<std::uint8_t>(in, label);
    case GgufType::kI8:
      return read_numbers<std::int8_t>(in, label);
    case GgufType::kU16:
      return read_numbers<std::uint16_t>(in, label);
    case GgufType::kI16:
      return read_numbers<std::int16_t>(in, label);
    case GgufType::kU32:
      return read_numbers<std::uint32_t>(in, label);
    case GgufType::kI32:
      return read_numbers<std::int32_t>(in, label);
    case GgufType::kF32:
      return read_numbers<float>(in, label);
    case GgufType::kBool:
      return read_bools(in, label);
    case GgufType::kString:
      return read_strings(in, label);
    case GgufType::kArray:
      break;
    case GgufType::kU64:
      return read_numbers<std::uint64_t>(in, label);
    case GgufType::kI64:
      return read_numbers<std::int64_t>(in, label);
    case GgufType::kF64:
      return read_numbers<double>(in, label);
  }
  fail(ErrorCode::kFormat, "{}: {}: expected an array of numbers, bools or strings, found an array of arrays",
       in.path(), label);
}

}  // namespace

GgufValue read_gguf_value(BoundedReader& in, std::string_view key) {
  const std::string label = "key " + printable(key);
  switch (read_type(in, label)) {
    case GgufType::kU8:
      return in.number<std::uint8_t>(label);
    case GgufType::kI8:
      return in.number<std::int8_t>(label);
    case GgufType::kU16:
      return in.number<std::uint16_t>(label);
    case GgufType::kI16:
      return in.number<std::int16_t>(label);
    case GgufType::kU32:
      return in.number<std::uint32_t>(label);
    case GgufType::kI32:
      return in.number<std::int32_t>(label);
    case GgufType::kF32:
      return in.number<float>(label);
    case GgufType::kBool:
      return to_bool(in, in.number<std::uint8_t>(label), label);
    case GgufType::kString:
      return in.string(kGgufMaxHeaderBytes, label);
    case GgufType::kArray:
      return read_array(in, label);
    case GgufType::kU64:
      return in.number<std::uint64_t>(label);
    case GgufType::kI64:
      return in.number<std::int64_t>(label);
    case GgufType::kF64:
      return in.number<double>(label);
  }
  fail(ErrorCode::kFormat, "{}: {}: expected a value", in.path(), label);
}

}  // namespace garam
