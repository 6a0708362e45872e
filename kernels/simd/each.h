// How a kernel over one row walks it: 16 lanes at a time, the rest through a tail that reads and writes
// nothing outside the row. Bodies in this folder are templates over a set's Lanes (kernels/<set>/lanes.h), a
// type without linkage, so that every set keeps its own copy of the code.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/layout.h"

namespace garam::kernels::simd {

/// Calls body(i, part) for i = 0, 16, 32, ..; part is L::Full or, at the end, L::Tail.
template <typename L, typename Body>
inline void each(std::size_t n, const Body& body) {
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) body(i, typename L::Full{});
  if (i < n) body(i, L::tail(n - i));
}

}  // namespace garam::kernels::simd
