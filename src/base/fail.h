// Throwing garam::Error with a formatted message. The message says what was wrong, where, what was expected
// and what was found.
#pragma once

#include "base/format.h"
#include "garam/error.h"

namespace garam {

template <typename... Args>
[[noreturn]] void fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(code, format_arguments(format, fmt::make_format_args(args...)));
}

}  // namespace garam
