// Matrix products of activations with packed weights. Activations are brought into the form a weight format
// needs once, then shared by every projection that reads them.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "runtime/context.h"
#include "tensor/matrix.h"

namespace garam::ops {

/// Room for the integer and bfloat16 forms of one activation matrix, and for what adapters make of it.
struct ActivationForms {
  kernels::ActivationBlock* blocks = nullptr;  // [rows][block_stride(k)]
  std::uint16_t* bf16 = nullptr;               // [rows][k rounded up to even]
  float* low_rank = nullptr;                   // [rows][low_rank_room()], where a weight has adapters

  /// Odd, so that rows do not meet in the same sets of the cache.
  static constexpr std::size_t block_stride(std::size_t k) {
    return (k + kernels::kBlock - 1) / kernels::kBlock | 1;
  }
};

/// One projection of a shared input: out = x weight^T + bias.
struct Projection {
  const Matrix* weight;  // [out.width, x.width]
  const float* bias;     // [out.width rounded up to 32], zero padded, or null
  Rows out;              // stride at least out.width rounded up to 32; the padding is written
};

/// Sees the input of every projection before it is computed, on the calling thread. Neither throws nor
/// allocates.
class LinearObserver {
 public:
  virtual ~LinearObserver() = default;
  virtual void see(const Context& context, const Matrix& weight, const Rows& x) = 0;
};

/// Computes every projection of x. Each output is one kernel sum (kernels.h), then fl(sum + bias), then what
/// adapters add (low_rank.h).
void linear(const Context& context, const Rows& x, const ActivationForms& forms,
            std::initializer_list<Projection> projections);

}  // namespace garam::ops
