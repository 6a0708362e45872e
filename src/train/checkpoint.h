// What a run needs to go on as if it had not stopped: weights, moments, position in the data, the curve so
// far. A GGUF file, written whole or not at all.
#pragma once

#include <string>
#include <vector>

#include "train/curve.h"
#include "train/dataset.h"
#include "train/network.h"

namespace garam::training {

struct RunState {
  std::uint64_t step = 0;    // done
  std::uint64_t tokens = 0;  // trained on
  Order::Position position;
  std::vector<CurvePoint> curve;
};

/// `fingerprint`: of all that decides the result. Throws Error(kIo).
void save_checkpoint(const std::string& path, std::uint64_t fingerprint, const Parameters& parameters,
                     const RunState& state);
/// Throws Error: kIo, kFormat for a damaged file, kArgument where it belongs to another configuration, data
/// or seed.
RunState load_checkpoint(const std::string& path, std::uint64_t fingerprint, Parameters& parameters);

}  // namespace garam::training
