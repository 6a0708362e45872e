// Which instruction sets garam can compute with. The results are the same bits with any of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace garam {

/// A kernel table: the arithmetic for one level of instruction sets. kAuto takes the best the CPU has, or the
/// one named in the environment variable GARAM_KERNELS (the only variable the library reads).
enum class KernelSet { kAuto, kPortable, kAvx2, kAvx512, kNeon };

/// "auto", "portable", "avx2", "avx512" or "neon".
std::string_view to_string(KernelSet set) noexcept;

/// The inverse of to_string. Throws Error(kArgument) that lists the known names.
KernelSet parse_kernel_set(std::string_view name);

/// The sets this CPU can run, slowest first; always contains kPortable.
std::vector<KernelSet> available_kernel_sets();

/// Threads that LoadOptions::threads = 0 gives: the smallest of the affinity mask, the cgroup CPU quota
/// (rounded down, at least 1) and the number of physical cores. `reason`, when given, says which one decided.
unsigned default_threads(std::string* reason = nullptr);

}  // namespace garam
