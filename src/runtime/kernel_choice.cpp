// Tables are filled from the weakest upwards, each set overriding what it computes faster.
#include "runtime/kernel_choice.h"

#include <cstdlib>

#include "base/fail.h"
#include "base/float_env.h"
#include "base/printable.h"
#include "runtime/cpu.h"

namespace garam {
namespace {

constexpr KernelSet kAll[] = {KernelSet::kAuto, KernelSet::kPortable, KernelSet::kAvx2, KernelSet::kAvx512,
                              KernelSet::kNeon};

bool runs_on(KernelSet set, const kernels::Features& features) {
  switch (set) {
    case KernelSet::kAvx2:
      return features.avx2;
    case KernelSet::kAvx512:
      return features.avx512;
    case KernelSet::kNeon:
      return features.neon;
    default:
      return true;
  }
}

std::string names(const std::vector<KernelSet>& sets) {
  std::string list;
  for (const KernelSet set : sets) {
    if (!list.empty()) list += ", ";
    list += to_string(set);
  }
  return list;
}

/// `source` says where the name comes from.
KernelSet parse(const char* source, std::string_view name) {
  for (const KernelSet set : kAll) {
    if (name == to_string(set)) return set;
  }
  fail(ErrorCode::kArgument, "{}: expected one of {}, found \"{}\"", source,
       names({std::begin(kAll), std::end(kAll)}), printable(name));
}

}  // namespace

std::string_view to_string(KernelSet set) noexcept {
  switch (set) {
    case KernelSet::kAuto:
      return "auto";
    case KernelSet::kPortable:
      return "portable";
    case KernelSet::kAvx2:
      return "avx2";
    case KernelSet::kAvx512:
      return "avx512";
    case KernelSet::kNeon:
      return "neon";
  }
  return "?";
}

KernelSet parse_kernel_set(std::string_view name) {
  return parse("kernels", name);
}

std::vector<KernelSet> available_kernel_sets() {
  const kernels::Features features = detect_features();
  std::vector<KernelSet> sets;
  for (const KernelSet set : kAll) {
    if (set != KernelSet::kAuto && runs_on(set, features)) sets.push_back(set);
  }
  return sets;
}

KernelChoice choose_kernels(KernelSet set) {
  const kernels::Features features = detect_features();
  const char* source = "kernels";
  if (set == KernelSet::kAuto) {
    const char* forced = std::getenv("GARAM_KERNELS");
    if (forced != nullptr && *forced != '\0') {
      source = "GARAM_KERNELS";
      set = parse(source, forced);
    }
  }
  if (set == KernelSet::kAuto) set = available_kernel_sets().back();
  if (!runs_on(set, features)) {
    fail(ErrorCode::kUnsupported, "{}: this CPU cannot run {}; it has {}", source, to_string(set),
         names(available_kernel_sets()));
  }
  KernelChoice choice{.set = set};
  const FloatEnvironment environment;
  kernels::portable::fill(choice.table);
#if defined(__x86_64__)
  if (set == KernelSet::kAvx2 || set == KernelSet::kAvx512) kernels::avx2::fill(choice.table, features);
  if (set == KernelSet::kAvx512) kernels::avx512::fill(choice.table, features);
#elif defined(__aarch64__)
  if (set == KernelSet::kNeon) kernels::neon::fill(choice.table, features);
#endif
  return choice;
}

}  // namespace garam
