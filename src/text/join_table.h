// Which neighbouring characters may ever be merged. A text falls apart where they may not, into stretches
// that merge independently of each other: short ones, which the cache knows, instead of one as long as the
// text.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "text/unicode.h"

namespace garam {

/// A character as the number that its bytes make. Any bytes: the length is that of the lead byte, cut off at
/// the end of the text.
struct PackedChar {
  std::uint32_t value = 0;
  std::uint32_t length = 0;
};

inline PackedChar packed_char(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0xc0) return {lead, 1};
  const std::size_t length = std::min(utf8_length(text[at]), text.size() - at);
  PackedChar c{0, static_cast<std::uint32_t>(length)};
  std::memcpy(&c.value, text.data() + at, length);
  return c;
}

/// A set of pairs of characters. Says "may join" of some pairs that were not added: that costs time, never a
/// wrong result.
class JoinTable {
 public:
  /// For `expected` pairs. 1 MiB bits at most, 128 KiB, which stay in the L2 cache.
  explicit JoinTable(std::size_t expected)
      : shift_(64 -
               std::bit_width(std::bit_ceil(std::clamp<std::size_t>(expected * 4, 1u << 12, 1u << 20)) - 1)),
        words_((std::size_t{1} << (64 - shift_)) / 64) {}

  void add(std::uint32_t left, std::uint32_t right) {
    const std::uint64_t bit = hash(left, right);
    words_[bit / 64] |= std::uint64_t{1} << bit % 64;
  }
  bool may_join(std::uint32_t left, std::uint32_t right) const {
    const std::uint64_t bit = hash(left, right);
    return (words_[bit / 64] >> bit % 64 & 1) != 0;
  }

 private:
  std::uint64_t hash(std::uint32_t left, std::uint32_t right) const {
    const std::uint64_t pair = static_cast<std::uint64_t>(left) << 32 | right;
    return (pair ^ pair >> 29) * 0x9e3779b97f4a7c15ull >> shift_;
  }

  int shift_;
  std::vector<std::uint64_t> words_;
};

}  // namespace garam
