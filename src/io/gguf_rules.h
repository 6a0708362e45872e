// What a GGUF file may contain: one table of limits, and the checks that reader and writer share, so that
// nothing is written that would be refused when read. Knows no files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/ggml_type.h"

namespace garam {

// Limits. All are far above what exists and keep the memory for a header proportional to a bounded part of
// the file.
inline constexpr std::uint64_t kGgufMaxHeaderBytes = std::uint64_t{1}
                                                     << 28;     // keys and tensor list of one part;
                                                                // bounds strings, arrays and counts
inline constexpr std::uint64_t kGgufMaxKeyBytes = 65535;        // of one key's name (the format's own)
inline constexpr std::uint64_t kGgufMaxTensorNameBytes = 1024;  // ggml itself stops at 63
inline constexpr std::uint32_t kGgufMaxDims = 4;
inline constexpr std::uint32_t kGgufMaxAlignment = std::uint32_t{1} << 20;
inline constexpr std::uint32_t kGgufMaxParts = 1024;  // of a split file

inline constexpr std::uint32_t kGgufDefaultAlignment = 32;
inline constexpr char kGgufMagic[4] = {'G', 'G', 'U', 'F'};
inline constexpr std::string_view kGgufAlignmentKey = "general.alignment";

// Fewest bytes that a key with its value, or a tensor's entry, takes in a file: a name of one byte and its
// length, then type and a value of one byte; or number of dimensions, one of them, type and offset.
inline constexpr std::uint64_t kGgufMinKeyBytes = 8 + 1 + 4 + 1;
inline constexpr std::uint64_t kGgufMinTensorBytes = 8 + 1 + 4 + 8 + 4 + 8;

/// What is wrong with the name of a key or tensor, as "expected ..., found ..."; empty when it is fine.
/// Names are printable ASCII, as the format demands of keys: never NUL, which other readers would stop at.
std::string gguf_name_problem(std::string_view name, std::uint64_t max_bytes);

/// What is wrong with an alignment; empty when it is fine.
std::string gguf_alignment_problem(std::uint32_t alignment);

/// Bytes of a tensor of this type and shape, or what is wrong with the shape. A tensor without dimensions is
/// refused: writers store scalars as [1], and readers disagree on what no dimension means. So is a tensor
/// without values, which no model has.
struct GgufTensorSize {
  std::uint64_t bytes = 0;
  std::string problem;
};
GgufTensorSize gguf_tensor_size(const GgmlType& type, const std::vector<std::uint64_t>& shape);

/// "[2048, 512]".
std::string describe_shape(const std::vector<std::uint64_t>& shape);

}  // namespace garam
