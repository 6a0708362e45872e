// Numbers of plain weight types (f32, f16, bf16) as f32, exactly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "tensor/half.h"

namespace garam {

inline constexpr std::uint32_t kGgmlF32 = 0, kGgmlF16 = 1, kGgmlBf16 = 30;

inline bool is_plain(std::uint32_t ggml_type) {
  return ggml_type == kGgmlF32 || ggml_type == kGgmlF16 || ggml_type == kGgmlBf16;
}

/// Value i of an array of a plain type.
inline float plain_value(std::uint32_t ggml_type, const std::byte* bytes, std::size_t i) {
  if (ggml_type == kGgmlF32) {
    float value;
    std::memcpy(&value, bytes + i * sizeof value, sizeof value);
    return value;
  }
  std::uint16_t bits;
  std::memcpy(&bits, bytes + i * sizeof bits, sizeof bits);
  return ggml_type == kGgmlF16 ? half_to_float(bits) : bf16_to_float(bits);
}

}  // namespace garam
