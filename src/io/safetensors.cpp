// The header, checked field by field. What it says of places is believed only where all tensors together
// cover the file exactly.
#include "io/safetensors.h"

#include <algorithm>
#include <optional>
#include <span>

#include "base/checked.h"
#include "base/fail.h"
#include "base/hash.h"
#include "base/printable.h"
#include "io/json.h"

namespace garam {
namespace {

constexpr SafetensorsType kTypes[] = {
    {"F64", 64},    {"F32", 32},    {"F16", 16}, {"BF16", 16},   {"I64", 64},    {"I32", 32}, {"I16", 16},
    {"I8", 8},      {"U64", 64},    {"U32", 32}, {"U16", 16},    {"U8", 8},      {"BOOL", 8}, {"F8_E4M3", 8},
    {"F8_E5M2", 8}, {"F8_E8M0", 8}, {"F4", 4},   {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"C64", 64},
};

std::string tensor_at(const ReadFile& file, std::string_view name) {
  return formatted("{}: tensor {}", file.path(), printable(name));
}

const SafetensorsType& type_of(const JsonValue& entry, const std::string& where) {
  const JsonValue dtype = entry.at("dtype");
  for (const SafetensorsType& type : kTypes) {
    if (type.name == dtype.string()) return type;
  }
  std::string known;
  for (const SafetensorsType& type : kTypes) {
    known += known.empty() ? "" : ", ";
    known += type.name;
  }
  fail(ErrorCode::kUnsupported, "{}: expected one of the types {}, found \"{}\"", where, known,
       printable(dtype.string(), 20));
}

std::vector<std::uint64_t> shape_of(const JsonValue& entry, const std::string& where) {
  std::vector<std::uint64_t> shape;
  for (const JsonValue size : entry.at("shape").elements()) {
    if (shape.size() == kSafetensorsMaxDimensions) {
      fail(ErrorCode::kFormat, "{}: expected at most {} dimensions, found more", where,
           kSafetensorsMaxDimensions);
    }
    shape.push_back(size.integer(0, UINT64_MAX));
  }
  return shape;
}

/// Bytes that elements of this type and shape take; nothing where they do not fit or end inside a byte.
std::optional<std::uint64_t> byte_count(const SafetensorsType& type,
                                        const std::vector<std::uint64_t>& shape) {
  std::optional<std::uint64_t> bits = type.bits;
  for (const std::uint64_t size : shape) bits = bits ? checked_mul(*bits, size) : std::nullopt;
  if (!bits || *bits % 8 != 0) return std::nullopt;
  return *bits / 8;
}

SafetensorsTensor read_entry(const ReadFile& file, const JsonValue& entry, std::uint64_t data_bytes) {
  if (entry.key().size() > kSafetensorsMaxNameBytes || entry.key().empty()) {
    fail(ErrorCode::kFormat, "{}: name of a tensor: expected 1 to {} bytes, found {}", file.path(),
         kSafetensorsMaxNameBytes, entry.key().size());
  }
  SafetensorsTensor tensor;
  tensor.name = entry.key();
  const std::string where = tensor_at(file, tensor.name);
  tensor.type = &type_of(entry, where);
  tensor.shape = shape_of(entry, where);
  const JsonValue offsets = entry.at("data_offsets");
  if (!offsets.is(JsonKind::kArray) || offsets.size() != 2) offsets.refuse("[begin, end]");
  auto at = offsets.elements().begin();
  tensor.offset = (*at).integer(0, data_bytes);
  const std::uint64_t end = (*++at).integer(tensor.offset, data_bytes);
  tensor.bytes = end - tensor.offset;
  const auto expected = byte_count(*tensor.type, tensor.shape);
  if (expected != tensor.bytes) {
    fail(ErrorCode::kFormat, "{}: expected {} for shape [{}] of {}, found {} bytes", where,
         expected ? formatted("{} bytes", *expected) : "a whole number of bytes that fits 64 bits",
         joined(tensor.shape), tensor.type->name, tensor.bytes);
  }
  return tensor;
}

void check_metadata(const JsonValue& metadata) {
  for (const JsonValue entry : metadata.members()) entry.string();
}

/// In the order of their bytes, each begins where the one before it ends, from the first byte to the last.
void check_cover(const ReadFile& file, std::vector<SafetensorsTensor>& tensors, std::uint64_t data_bytes) {
  std::stable_sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) {
    return a.offset != b.offset ? a.offset < b.offset : a.bytes < b.bytes;
  });
  std::uint64_t end = 0;
  for (const SafetensorsTensor& tensor : tensors) {
    if (tensor.offset != end) {
      fail(ErrorCode::kFormat, "{}: expected its bytes to begin at {}, where those before it end, found {}",
           tensor_at(file, tensor.name), end, tensor.offset);
    }
    end += tensor.bytes;
  }
  if (end == data_bytes) return;
  fail(ErrorCode::kFormat, "{}: expected {} bytes of tensors behind the header, found {}", file.path(), end,
       data_bytes);
}

}  // namespace

SafetensorsHeader read_safetensors_header(const ReadFile& file) {
  std::uint64_t length = 0;
  if (file.size() < sizeof length) {
    fail(ErrorCode::kFormat, "{}: expected a safetensors file, found {} bytes", file.path(), file.size());
  }
  file.read(0, std::as_writable_bytes(std::span(&length, 1)));
  const std::uint64_t left = file.size() - sizeof length;
  const std::uint64_t most = std::min(left, kSafetensorsMaxHeaderBytes);
  if (length < 2 || length > most) {
    fail(ErrorCode::kFormat, "{}: length of the header: expected 2 to {}, found {}{}", file.path(), most,
         length, length > left ? "; is it a safetensors file, and whole?" : "");
  }
  std::string text(length, '\0');
  file.read(sizeof length, std::as_writable_bytes(std::span(text.data(), text.size())));
  if (text[0] != '{') {
    fail(ErrorCode::kFormat, "{}: header: expected to begin with {{, found \"{}\"", file.path(),
         printable(text.substr(0, 1)));
  }
  const JsonDocument document =
      JsonDocument::parse(text, file.path(), {kSafetensorsMaxHeaderBytes, kSafetensorsMaxValues, 8});

  SafetensorsHeader header;
  header.hash = hash_bytes(text.data(), text.size());
  const std::uint64_t data_bytes = left - length;
  for (const JsonValue entry : document.root().members()) {
    if (entry.key() == "__metadata__") {
      check_metadata(entry);
    } else {
      header.tensors.push_back(read_entry(file, entry, data_bytes));
    }
  }
  check_cover(file, header.tensors, data_bytes);
  for (SafetensorsTensor& tensor : header.tensors) tensor.offset += sizeof length + length;
  return header;
}

}  // namespace garam
