// From a KernelSet and a CPU to a table of kernels. The only reader of the environment in the library.
#pragma once

#include <string>

#include "garam/kernel_set.h"
#include "kernels/kernels.h"

namespace garam {

struct KernelChoice {
  KernelSet set = KernelSet::kPortable;
  kernels::Table table{};
};

/// The table for `set` on this CPU; kAuto means GARAM_KERNELS or the best. Throws Error(kUnsupported) when
/// the CPU lacks it, saying what it has.
KernelChoice choose_kernels(KernelSet set);

}  // namespace garam
