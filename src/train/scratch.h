// Working memory of training: blocks that grow to what the first step needs and are then reused. One for all
// workers, one for each.
#pragma once

#include <cstddef>
#include <vector>

#include "base/memory.h"

namespace garam::training {

/// Memory for floats that only grows. Contents are lost when it does.
class Buffer {
 public:
  /// At least `count` floats, 64-byte aligned. Throws Error(kOutOfMemory).
  float* floats(std::size_t count);

 private:
  Memory memory_;
};

class Scratch {
 public:
  explicit Scratch(unsigned workers) : worker_(workers) {}

  /// Of the calling thread, for operations whose workers share it.
  Buffer& shared() { return shared_; }
  /// Of one worker. Reserve before a region begins: a region must not throw.
  Buffer& worker(unsigned index) { return worker_[index]; }
  void reserve_workers(std::size_t count) {
    for (Buffer& buffer : worker_) buffer.floats(count);
  }

 private:
  Buffer shared_;
  std::vector<Buffer> worker_;
};

}  // namespace garam::training
