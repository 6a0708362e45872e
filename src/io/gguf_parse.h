// The header of one GGUF file, from its bytes to checked keys and tensors. Knows nothing of split files.
#pragma once

#include <cstdint>
#include <vector>

#include "base/file.h"
#include "io/gguf.h"

namespace garam {

struct GgufHeader {
  std::uint32_t version = 0;
  std::vector<GgufKey> keys;
  std::vector<GgufTensor> tensors;  // offsets absolute, `file` 0
  std::uint64_t metadata_end = 0;
};

/// Throws Error(kFormat) naming the field that is wrong.
GgufHeader parse_gguf_header(const ReadFile& file);

}  // namespace garam
