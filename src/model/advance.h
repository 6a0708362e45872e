// The one way in which sessions move forward: prefill, step and forward() are this with other rows.
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <vector>

#include "garam/session.h"

namespace garam {

/// New tokens of one session.
struct Advance {
  Session::Impl* session = nullptr;
  std::span<const std::int32_t> tokens;
  std::vector<std::uint32_t> wanted;  // indexes into tokens whose logits are kept, ascending
};

/// Appends all tokens to their sessions, in passes of at most the first session's options.batch rows. All or
/// nothing: on an error every session is as it was.
void advance(std::span<Advance> parts, const std::stop_token& stop, const Progress& progress);

}  // namespace garam
