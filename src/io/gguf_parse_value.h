// One value of a key, as it lies in a GGUF file.
#pragma once

#include <string_view>

#include "io/bounded_reader.h"
#include "io/gguf_value.h"

namespace garam {

/// Reads the type and the value that follow the name `key`. Throws Error(kFormat).
GgufValue read_gguf_value(BoundedReader& in, std::string_view key);

}  // namespace garam
