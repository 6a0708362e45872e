// The version that programs link with.
#include "garam/version.h"

#define GARAM_TEXT_OF(x) #x
#define GARAM_TEXT(x) GARAM_TEXT_OF(x)

namespace garam {

const char* version() noexcept {
  return GARAM_TEXT(GARAM_VERSION_MAJOR) "." GARAM_TEXT(GARAM_VERSION_MINOR) "." GARAM_TEXT(
      GARAM_VERSION_PATCH);
}

}  // namespace garam
