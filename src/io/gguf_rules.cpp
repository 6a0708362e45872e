// Every product and sum is checked; messages say what was expected and what was found.
#include "io/gguf_rules.h"

#include <algorithm>
#include <bit>

#include "base/checked.h"
#include "base/format.h"
#include "base/printable.h"

namespace garam {

std::string gguf_name_problem(std::string_view name, std::uint64_t max_bytes) {
  if (name.empty()) return "expected a name, found an empty one";
  if (name.size() > max_bytes) {
    return formatted("expected a name of at most {} bytes, found {}", max_bytes, name.size());
  }
  const auto bad = std::find_if(name.begin(), name.end(), [](char c) { return c < ' ' || c > '~'; });
  if (bad == name.end()) return {};
  return formatted("expected a name in printable ASCII, found byte 0x{:02x} in \"{}\"",
                   static_cast<unsigned char>(*bad), printable(name));
}

std::string gguf_alignment_problem(std::uint32_t alignment) {
  if (std::has_single_bit(alignment) && alignment <= kGgufMaxAlignment) return {};
  return formatted("expected a power of two from 1 to {}, found {}", kGgufMaxAlignment, alignment);
}

GgufTensorSize gguf_tensor_size(const GgmlType& type, const std::vector<std::uint64_t>& shape) {
  if (shape.empty() || shape.size() > kGgufMaxDims) {
    return {0, formatted("expected 1 to {} dimensions, found {}", kGgufMaxDims, shape.size())};
  }
  std::optional<std::uint64_t> values = 1;
  for (const std::uint64_t dim : shape) {
    if (dim == 0) {
      return {0, formatted("expected dimensions above 0, found shape {}", describe_shape(shape))};
    }
    if (values) values = checked_mul(*values, dim);
  }
  if (shape[0] % type.block != 0) {
    return {0, formatted("expected a first dimension that is a multiple of {}, the block of {}, found {}",
                         type.block, type.name, shape[0])};
  }
  const auto bytes = values ? checked_mul(*values / type.block, type.bytes_per_block) : std::nullopt;
  if (!bytes) {
    return {0, formatted("expected a size that fits 64 bits, found shape {} of {}", describe_shape(shape),
                         type.name)};
  }
  return {*bytes, {}};
}

std::string describe_shape(const std::vector<std::uint64_t>& shape) {
  return formatted("[{}]", joined(shape));
}

}  // namespace garam
