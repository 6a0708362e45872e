// Adapters of a model that is being loaded: opened and checked before its weights are read, then read and
// packed beside them.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/memory.h"
#include "core/weights.h"
#include "garam/model.h"
#include "model/adapter_file.h"
#include "tensor/low_rank.h"

namespace garam {

/// What adapters add to the weights of a model, in memory. Matrices refer to it.
struct AdapterWeights {
  Memory arena;  // all packed halves
  std::deque<LowRank> low_rank;
  std::size_t widest = 0;  // LowRank::width()
  /// Of everything that decides what is added, in order; 0 where nothing is.
  std::uint64_t hash = 0;
};

struct OpenAdapter {
  AdapterFile file;
  float scale;
};

/// Opens an adapter for a model. Throws Error as AdapterFile does, and kArgument for a scale that is not
/// finite.
OpenAdapter open_adapter(const Adapter& adapter, const ModelFile& base);

class OpenAdapters {
 public:
  /// Throws Error as open_adapter() does, and kUnsupported for a tensor that the architecture does not
  /// multiply with.
  OpenAdapters(std::span<const Adapter> adapters, const ModelFile& base, const Weights& weights);

  /// What ModelInfo says of them.
  std::vector<AdapterInfo> infos() const;

  /// Reads and packs those whose scale is not 0 and tells the matrices of `weights` of them. Throws
  /// Error(kIo), kFormat, kOutOfMemory, kCancelled.
  AdapterWeights load(Weights& weights, const std::stop_token& stop) const;

 private:
  /// One update of one matrix.
  struct Source {
    const AdapterFile* file;
    const AdapterPair* pair;
    float factor;
  };
  struct Place;

  std::vector<Source> sources_of(const std::string& tensor) const;
  /// Shapes and memory of everything that will be added.
  std::vector<Place> plan(Weights& weights, AdapterWeights& loaded) const;

  std::vector<OpenAdapter> opened_;
};

}  // namespace garam
