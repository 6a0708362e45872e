// Every kernel table that the tests compare, built the way the library builds them, weakest first. A table
// that this CPU cannot run says why, so that a test skips it aloud.
#pragma once

#include <ostream>
#include <span>

#include "kernels/kernels.h"

namespace garam::test {

struct KernelVariant {
  const char* name;     // "portable", "avx2", "avx2_vnni", "avx512", "avx512_vnni_bf16", "neon", ..
  const char* missing;  // null when this CPU runs it, else what it lacks
  kernels::Table table;
};

/// How GoogleTest writes a variant.
inline void PrintTo(const KernelVariant* variant, std::ostream* to) {
  *to << variant->name;
}

/// All variants, portable first.
std::span<const KernelVariant> kernel_variants();

/// The specification.
const kernels::Table& portable_table();

}  // namespace garam::test
