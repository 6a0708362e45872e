// Normalisation form C (Unicode 15.1, annex 15), which some tokenizer.json ask for: characters and their
// marks become one code point where there is one.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "text/token_model.h"

namespace garam {

namespace detail {
extern const std::array<std::uint32_t, 762> kComposingRanges;
extern const std::array<std::uint64_t, 2061> kDecompositions;
extern const std::array<std::uint64_t, 941> kCompositions;
}  // namespace detail

/// `text`, which repair_utf8() must have passed, in form C: itself where it is already, else a view of
/// `storage`. Where ranges are wanted and the text changes, out.origin follows. Time n log n, memory linear.
std::string_view compose(std::string_view text, std::string& storage, TokenOutput& out);

}  // namespace garam
