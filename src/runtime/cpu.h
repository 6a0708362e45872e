// What this CPU and its operating system offer.
#pragma once

#include "kernels/features.h"

namespace garam {

/// Features by cpuid and xgetbv, on AArch64 by getauxval; a set counts only when the system saves its
/// registers.
kernels::Features detect_features();

}  // namespace garam
