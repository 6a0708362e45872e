// Text falls into segments that begin at starters which nothing before them can change; only segments with
// something else in them are decomposed, put in order and composed.
#include "text/compose.h"

#include <algorithm>
#include <vector>

#include "text/rewritten_text.h"
#include "text/unicode.h"

namespace garam {
namespace {

constexpr std::uint32_t kFirstComposing = 0x300;  // below, every character is a starter that stays
constexpr std::uint8_t kChangingStarter = 255;
constexpr std::uint32_t kPart = (1u << 21) - 1;  // code points are packed into 21 bits

// Hangul syllables compose by arithmetic (Unicode 15, section 3.12).
constexpr std::uint32_t kSyllables = 0xac00, kLeads = 0x1100, kVowels = 0x1161, kTails = 0x11a7;
constexpr std::uint32_t kLeadCount = 19, kVowelCount = 21, kTailCount = 28;
constexpr std::uint32_t kSyllableCount = kLeadCount * kVowelCount * kTailCount;

/// The combining class of a code point, kChangingStarter for a starter that composing may change, else 0.
std::uint8_t composing(std::uint32_t code) {
  if (code < kFirstComposing) return 0;
  const auto& ranges = detail::kComposingRanges;
  const auto next = std::upper_bound(ranges.begin(), ranges.end(), code << 8 | 0xff);
  return static_cast<std::uint8_t>(*(next - 1));
}

std::uint8_t combining_class(std::uint32_t code) {
  const std::uint8_t value = composing(code);
  return value == kChangingStarter ? 0 : value;
}

void decompose(std::uint32_t code, std::vector<std::uint32_t>& out) {
  if (code - kSyllables < kSyllableCount) {
    const std::uint32_t index = code - kSyllables;
    out.push_back(kLeads + index / (kVowelCount * kTailCount));
    out.push_back(kVowels + index / kTailCount % kVowelCount);
    if (index % kTailCount != 0) out.push_back(kTails + index % kTailCount);
    return;
  }
  const auto& table = detail::kDecompositions;
  const auto step = std::lower_bound(table.begin(), table.end(), std::uint64_t{code} << 42);
  if (step == table.end() || *step >> 42 != code) return out.push_back(code);
  // First parts decompose further, a few times at most; second parts never do.
  decompose(static_cast<std::uint32_t>(*step >> 21) & kPart, out);
  if (const auto second = static_cast<std::uint32_t>(*step) & kPart) out.push_back(second);
}

/// What two code points become together; 0 where nothing.
std::uint32_t composed(std::uint32_t first, std::uint32_t second) {
  if (first - kLeads < kLeadCount && second - kVowels < kVowelCount) {
    return kSyllables + ((first - kLeads) * kVowelCount + (second - kVowels)) * kTailCount;
  }
  const bool without_tail = first - kSyllables < kSyllableCount && (first - kSyllables) % kTailCount == 0;
  if (without_tail && second - kTails - 1 < kTailCount - 1) return first + (second - kTails);
  const auto& table = detail::kCompositions;
  const std::uint64_t pair = std::uint64_t{first} << 42 | std::uint64_t{second} << 21;
  const auto found = std::lower_bound(table.begin(), table.end(), pair);
  return found != table.end() && *found >> 21 == pair >> 21 ? static_cast<std::uint32_t>(*found) & kPart : 0;
}

/// Marks in a row stand in the order of their classes.
void put_in_order(std::vector<std::uint32_t>& codes) {
  const auto is_starter = [](std::uint32_t code) { return combining_class(code) == 0; };
  for (auto begin = codes.begin(); begin != codes.end();) {
    begin = std::find_if_not(begin, codes.end(), is_starter);
    const auto end = std::find_if(begin, codes.end(), is_starter);
    std::stable_sort(
        begin, end, [](std::uint32_t a, std::uint32_t b) { return combining_class(a) < combining_class(b); });
    begin = end;
  }
}

/// Each code point joins the last starter where they compose and nothing of its class or a higher one stands
/// between them.
void join(std::vector<std::uint32_t>& codes) {
  constexpr std::size_t kNone = SIZE_MAX;
  std::size_t starter = kNone, kept = 0;
  std::uint8_t last_class = 0;
  for (const std::uint32_t code : codes) {
    const std::uint8_t its_class = combining_class(code);
    const bool adjacent = starter != kNone && starter + 1 == kept;
    if (starter != kNone && (adjacent || (last_class != 0 && last_class < its_class))) {
      if (const std::uint32_t both = composed(codes[starter], code)) {
        codes[starter] = both;
        continue;
      }
    }
    if (its_class == 0) starter = kept;
    last_class = its_class;
    codes[kept++] = code;
  }
  codes.resize(kept);
}

/// Composes one segment, which lies at `begin` of the text.
void compose_segment(std::string_view segment, std::size_t begin, std::vector<std::uint32_t>& codes,
                     RewrittenText& out) {
  codes.clear();
  for (std::size_t i = 0; i < segment.size();) {
    const CodePoint c = decode_utf8(segment.data() + i);
    decompose(c.value, codes);
    i += c.length;
  }
  put_in_order(codes);
  join(codes);
  std::string bytes;
  for (const std::uint32_t code : codes) append_utf8(bytes, code);
  if (bytes == segment) {
    out.keep(segment, begin);
  } else {
    out.append(bytes, begin, begin + segment.size());
  }
}

/// Where the first code point lies that composing may change; text.size() where there is none.
std::size_t first_composing(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint c = decode_utf8(text.data() + i);
    if (composing(c.value) != 0) return i;
    i += c.length;
  }
  return text.size();
}

}  // namespace

std::string_view compose(std::string_view text, std::string& storage, TokenOutput& out) {
  if (first_composing(text) == text.size()) return text;
  RewrittenText result(text.size(), out.ranges != nullptr);
  std::vector<std::uint32_t> codes;
  std::size_t done = 0;     // bytes that are written
  std::size_t starter = 0;  // where the last starter that stays begins
  for (std::size_t i = 0; i < text.size();) {
    CodePoint c = decode_utf8(text.data() + i);
    if (composing(c.value) == 0) {
      starter = i;
      i += c.length;
      continue;
    }
    std::size_t end = i;
    for (; end < text.size(); end += c.length) {
      c = decode_utf8(text.data() + end);
      if (composing(c.value) == 0) break;
    }
    result.keep(text.substr(done, starter - done), done);
    compose_segment(text.substr(starter, end - starter), starter, codes, result);
    done = starter = i = end;
  }
  result.keep(text.substr(done), done);
  storage = result.bytes();
  if (out.ranges != nullptr) follow_origin(result.take_origin(), out);
  return storage;
}

}  // namespace garam
