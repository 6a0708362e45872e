// The tensor types of GGUF files: how many values make a block and how many bytes it takes. Sizes only; what
// the bytes mean, and which types garam computes with, is src/tensor's.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace garam {

struct GgmlType {
  std::uint32_t id;       // the number in files
  std::string_view name;  // as ggml writes it
  std::uint32_t block;    // values in a block; the fastest dimension is a multiple of it
  std::uint32_t bytes_per_block;
};

/// Every type that files may use, by rising id.
std::span<const GgmlType> ggml_types();
/// By id; null for ids that were removed or that this version does not know.
const GgmlType* find_ggml_type(std::uint32_t id);
/// By name, letters of either case; null when there is none.
const GgmlType* find_ggml_type(std::string_view name);
/// For messages about an id without a type: "4 (q4_2, removed from the format)", "99 (unknown)".
std::string describe_missing_ggml_type(std::uint32_t id);

}  // namespace garam
