// One forward pass over a ragged batch of rows (token, position, sequence) in any mix: what an architecture
// reads and writes while it computes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stop_token>

#include "core/workspace.h"
#include "ops/attention.h"
#include "runtime/context.h"

namespace garam {

struct Forward {
  const Context& context;
  const ops::KvLayout& kv;
  Workspace& workspace;                          // rewound, with room for this batch
  std::span<const std::int32_t> tokens;          // [rows]
  std::span<const std::int32_t> positions;       // [rows]
  std::span<const ops::SequenceRows> sequences;  // rows of a sequence are consecutive
  std::span<const std::uint32_t> logit_rows;     // rows whose logits are wanted, ascending
  Rows logits;                                   // [logit_rows][vocab], stride of whole panels
  std::stop_token stop;
  Rows scores{};  // [logit_rows][scores], where the model has a classification head

  std::atomic<bool> finite{true};  // false: some row became infinite or NaN
  bool cancelled = false;

  std::size_t rows() const { return tokens.size(); }
  /// Asked between layers. False: stop computing, nothing of this pass will be used.
  bool go_on() {
    cancelled = cancelled || stop.stop_requested();
    return !cancelled;
  }
};

/// Copies the rows that want logits to the front of `out`, after noting whether every row is still finite.
Rows gather_logit_rows(Forward& forward, const Rows& x, const Rows& out);

}  // namespace garam
