// The version of the library, by semantic versioning. The scope is the headers in include/garam/.
#pragma once

#define GARAM_VERSION_MAJOR 0
#define GARAM_VERSION_MINOR 1
#define GARAM_VERSION_PATCH 0

namespace garam {

/// The version the program is linked with, "major.minor.patch".
const char* version() noexcept;

}  // namespace garam
