// A safetensors file: 8 bytes of header length, a header in JSON that names each tensor, its type, shape and
// place, then the tensors' bytes. Opening one gives a file whose tensors lie one behind the other and cover
// the whole of it, or throws garam::Error. Source of the format: huggingface/safetensors, README.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace garam {

/// An element type. Those that weights may have are ggml's too.
struct SafetensorsType {
  std::string_view name;  // "BF16"
  std::uint32_t bits;     // of an element
};

struct SafetensorsTensor {
  std::string name;  // any UTF-8
  const SafetensorsType* type = nullptr;
  std::vector<std::uint64_t> shape;  // rows first
  std::uint64_t offset = 0;          // in the file
  std::uint64_t bytes = 0;
};

inline constexpr std::uint64_t kSafetensorsMaxHeaderBytes = 100'000'000;  // as the reference reader has it
inline constexpr std::size_t kSafetensorsMaxValues = std::size_t{4} << 20;
inline constexpr std::size_t kSafetensorsMaxNameBytes = 1024;
inline constexpr std::size_t kSafetensorsMaxDimensions = 8;

struct SafetensorsHeader {
  std::vector<SafetensorsTensor> tensors;  // in the order of their bytes
  std::uint64_t hash = 0;                  // of the header
};

/// Throws Error(kFormat) naming the tensor and the field that is wrong, Error(kUnsupported) for an element
/// type that the format's readers do not know.
SafetensorsHeader read_safetensors_header(const ReadFile& file);

}  // namespace garam
