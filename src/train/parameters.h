// All tensors of a model in training. Declared first, in the order of the file; memory comes when all are
// known.
#pragma once

#include <deque>

#include "base/memory.h"
#include "train/linear.h"

namespace garam::training {

class Parameters {
 public:
  /// A tensor of `rows` x `width`; the address of the result stays. `decays`: matrices, not norms and biases.
  Parameter& add(std::string name, std::size_t rows, std::size_t width, bool decays);
  /// All but the frozen ones get gradients and moments. Throws Error(kOutOfMemory).
  void allocate(const std::vector<const Parameter*>& frozen = {});

  std::deque<Parameter>& all() { return all_; }
  const std::deque<Parameter>& all() const { return all_; }
  /// Values of all tensors, and of those in training.
  std::size_t count() const;
  std::size_t trained() const;

  void clear_gradients();

 private:
  std::deque<Parameter> all_;
  Memory values_, gradients_, m_, v_;
};

}  // namespace garam::training
