// Memory for the activations of one forward pass: carved in a fixed order, first to measure, then for real,
// so that computing never allocates.
#pragma once

#include <cstddef>
#include <utility>

#include "base/memory.h"
#include "ops/linear.h"
#include "ops/rope.h"

namespace garam {

class Workspace {
 public:
  /// A workspace without memory: take() gives null and counts. `low_rank_room`: floats a row that forms()
  /// leaves for adapters (ops/low_rank.h).
  explicit Workspace(std::size_t low_rank_room = 0) : low_rank_room_(low_rank_room) {}

  /// Makes room for `bytes`; keeps what it has when that is enough.
  void reserve(std::size_t bytes) {
    if (bytes > memory_.size()) memory_ = Memory(bytes, "activations");
  }
  void rewind() { used_ = 0; }
  std::size_t used() const { return used_; }
  std::size_t low_rank_room() const { return low_rank_room_; }

  std::byte* take(std::size_t bytes) {
    std::byte* p = memory_.data() != nullptr ? memory_.data() + used_ : nullptr;
    used_ += kernels::round_up(bytes, kernels::kAlignment);
    return p;
  }

  /// `rows` rows of `width` floats, the stride rounded up to whole panels.
  Rows rows(std::size_t rows, std::size_t width) {
    const std::size_t stride = kernels::round_up(width, kernels::kPanelRows);
    return {reinterpret_cast<float*>(take(rows * stride * sizeof(float))), rows, width, stride};
  }

  ops::ActivationForms forms(std::size_t rows, std::size_t k) {
    ops::ActivationForms f;
    f.blocks = reinterpret_cast<kernels::ActivationBlock*>(
        take(rows * ops::ActivationForms::block_stride(k) * sizeof(kernels::ActivationBlock)));
    f.bf16 = reinterpret_cast<std::uint16_t*>(take(rows * (k + 1) * sizeof(std::uint16_t)));
    f.low_rank = reinterpret_cast<float*>(take(rows * low_rank_room_ * sizeof(float)));
    return f;
  }

  ops::Angles angles(std::size_t rows, std::size_t pairs) {
    ops::Angles a;
    a.cos = reinterpret_cast<float*>(take(rows * pairs * sizeof(float)));
    a.sin = reinterpret_cast<float*>(take(rows * pairs * sizeof(float)));
    return a;
  }

 private:
  Memory memory_;
  std::size_t used_ = 0;
  std::size_t low_rank_room_;
};

}  // namespace garam
