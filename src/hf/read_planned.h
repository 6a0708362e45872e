// The bytes of a planned tensor, made from what is stored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "hf/tensor_plan.h"

namespace garam {

/// Fills `out` with the bytes of `tensor` from `offset` on, a range inside it. Throws Error(kIo).
void read_planned(const std::vector<ReadFile>& files, const GgufTensor& tensor, const PlannedTensor& planned,
                  std::uint64_t offset, std::span<std::byte> out);

}  // namespace garam
