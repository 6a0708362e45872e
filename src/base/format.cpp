// The one file that compiles fmt. Header-only, so that an installed garam needs no library but its own.
#define FMT_HEADER_ONLY 1
#include <fmt/format.h>

#include "base/format.h"

namespace garam {

std::string format_arguments(fmt::string_view format, fmt::format_args arguments) {
  return fmt::vformat(format, arguments);
}

}  // namespace garam
