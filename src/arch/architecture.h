// What a model file turns into: one class per architecture, made by the registry. One virtual call a forward
// pass, none an operation.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/config.h"
#include "core/forward.h"
#include "core/weights.h"

namespace garam {

class Architecture {
 public:
  virtual ~Architecture() = default;
  Architecture(const Architecture&) = delete;
  Architecture& operator=(const Architecture&) = delete;

  const Config& config() const noexcept { return config_; }

  /// Called once when the weights are there: derives what depends on their values.
  virtual void prepare() {}
  /// Takes the buffers of a pass of `rows` rows from the workspace, for measuring.
  virtual void carve(Workspace& workspace, const ops::KvLayout& kv, std::size_t rows,
                     unsigned workers) const = 0;
  /// Computes. Neither throws nor allocates.
  virtual void forward(Forward& forward) const = 0;

 protected:
  explicit Architecture(const Config& config) : config_(config) {}
  Config config_;
};

/// Reads the hyper-parameters of `name` ("llama"), declares its weights and returns it. Throws
/// Error(kUnsupported) that lists the known names.
std::unique_ptr<Architecture> make_architecture(std::string_view name, const KeySource& keys,
                                                const TensorSource& tensors, Weights& weights);

/// Names of all architectures.
std::string known_architectures();

}  // namespace garam
