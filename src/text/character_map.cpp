// Reading a character map. All that a lookup relies on, but for the bounds of the array, is checked here
// once.
#include "text/character_map.h"

#include <algorithm>

#include "base/fail.h"

namespace garam {
namespace {

constexpr std::size_t kHeader = 4;  // bytes of the size field

// A unit of the double array is a node, or, with the top bit set, the place of a replacement. The top bit and
// the low 8 are compared at once: a replacement's place is nobody's child.
constexpr std::uint32_t kIsValue = 0x80000000u;
constexpr std::uint32_t kLabelMask = kIsValue | 0xff;
constexpr std::uint32_t kHasValue = 1u << 8;

/// What the index of a node has to be combined with to get to its children.
std::uint32_t offset(std::uint32_t unit) {
  return (unit >> 10) << ((unit & 1u << 9) >> 6);
}

std::uint32_t read_u32(const std::uint8_t* p) {
  return static_cast<std::uint32_t>(p[0]) | static_cast<std::uint32_t>(p[1]) << 8 |
         static_cast<std::uint32_t>(p[2]) << 16 | static_cast<std::uint32_t>(p[3]) << 24;
}

constexpr const char* kKey = "tokenizer.ggml.precompiled_charsmap";

void check_replacements(std::string_view replacements, std::string_view source) {
  if (replacements.back() != '\0') {
    fail(ErrorCode::kFormat, "{}: {}: expected a NUL byte at the end of the replacements, found 0x{:02X}",
         source, kKey, static_cast<unsigned>(static_cast<unsigned char>(replacements.back())));
  }
  for (std::size_t begin = 0; begin < replacements.size();) {
    const std::size_t end = replacements.find('\0', begin);
    if (end - begin > CharacterMap::kMaxReplacement) {
      fail(ErrorCode::kUnsupported, "{}: {}: expected replacements of at most {} bytes, found one of {}",
           source, kKey, CharacterMap::kMaxReplacement, end - begin);
    }
    begin = end + 1;
  }
}

}  // namespace

CharacterMap::CharacterMap(std::span<const std::uint8_t> bytes, std::string_view source) {
  if (bytes.empty()) return;
  if (bytes.size() < kHeader) {
    fail(ErrorCode::kFormat, "{}: {}: expected at least {} bytes, found {}", source, kKey, kHeader,
         bytes.size());
  }
  const std::size_t size = read_u32(bytes.data());
  const std::size_t rest = bytes.size() - kHeader;
  if (size >= rest) {
    fail(ErrorCode::kFormat,
         "{}: {}: expected an array smaller than the {} bytes behind the size field, found a size of {}",
         source, kKey, rest, size);
  }
  if (size % 4 != 0) {
    fail(ErrorCode::kFormat, "{}: {}: expected an array of whole 32-bit numbers, found a size of {} bytes",
         source, kKey, size);
  }
  if (size == 0) return;
  const auto tail = bytes.subspan(kHeader + size);
  replacements_.assign(tail.begin(), tail.end());
  check_replacements(replacements_, source);
  units_.resize(size / 4);
  for (std::size_t i = 0; i < units_.size(); ++i) units_[i] = read_u32(bytes.data() + kHeader + 4 * i);

  for (std::size_t i = 0; i < units_.size(); ++i) {
    if ((units_[i] & (kIsValue | kHasValue)) != kHasValue) continue;
    const std::size_t at = i ^ offset(units_[i]);
    if (at >= units_.size()) {
      fail(ErrorCode::kFormat, "{}: {}: expected unit {} to refer to one of {} units, found {}", source, kKey,
           i, units_.size(), at);
    }
    const std::size_t replacement = units_[at] & ~kIsValue;
    if (replacement >= replacements_.size()) {
      fail(ErrorCode::kFormat,
           "{}: {}: expected unit {} to refer to one of {} bytes of replacements, found {}", source, kKey, i,
           replacements_.size(), replacement);
    }
  }
}

CharacterMap::Match CharacterMap::find(std::string_view text) const {
  if (units_.empty()) return {};
  std::size_t length = 0;
  std::uint32_t value = 0;
  std::uint32_t node = offset(units_[0]);
  const std::size_t end = std::min(text.size(), kMaxPrefix);
  for (std::size_t i = 0; i < end; ++i) {
    const std::uint32_t byte = static_cast<unsigned char>(text[i]);
    if (byte == 0) break;  // children under the label 0 are the places of replacements
    node ^= byte;
    if (node >= units_.size() || (units_[node] & kLabelMask) != byte) break;
    const std::uint32_t unit = units_[node];
    node ^= offset(unit);
    if ((unit & kHasValue) != 0) {
      length = i + 1;
      value = units_[node] & ~kIsValue;
    }
  }
  if (length == 0) return {};
  return {length, std::string_view(replacements_.c_str() + value)};
}

}  // namespace garam
