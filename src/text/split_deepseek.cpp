// The pre-tokenizers of DeepSeek's first models: lines, then words, punctuation, ideographs and numbers, each
// cut out of what the step before left. Source of the rules: tokenizer.json of deepseek-llm-7b and
// deepseek-coder-6.7b; see docs/tokenizers.md.
#include <algorithm>
#include <iterator>

#include "text/pretokenizer.h"
#include "text/scan.h"

namespace garam {
namespace {

struct Range {
  std::uint32_t first, last;
};

// The letters that deepseek-llm's rule enumerates, behind A-Z and a-z. In ascending order.
// clang-format off
constexpr Range kLetters[] = {
    {0xb5, 0xb5}, {0xc0, 0xd6}, {0xd8, 0xf6}, {0xf8, 0x1ba}, {0x1bc, 0x1bf}, {0x1c4, 0x293}, {0x295, 0x2af},
    {0x370, 0x373}, {0x376, 0x376}, {0x377, 0x377}, {0x37b, 0x37d}, {0x37f, 0x37f}, {0x386, 0x386},
    {0x388, 0x38a}, {0x38c, 0x38c}, {0x38e, 0x3a1}, {0x3a3, 0x3f5}, {0x3f7, 0x481}, {0x48a, 0x52f},
    {0x531, 0x556}, {0x10a0, 0x10c5}, {0x13a0, 0x13f5}, {0x13f8, 0x13fd}, {0x1c90, 0x1cba}, {0x1cbd, 0x1cbf},
    {0x1d00, 0x1d2b}, {0x1d6b, 0x1d77}, {0x1d79, 0x1d9a}, {0x1e00, 0x1f15}, {0x1f18, 0x1f1d},
    {0x1f20, 0x1f45}, {0x1f48, 0x1f4d}, {0x1f50, 0x1f57}, {0x1f59, 0x1f59}, {0x1f5b, 0x1f5b},
    {0x1f5d, 0x1f5d}, {0x1f5f, 0x1f7d}, {0x1f80, 0x1fb4}, {0x1fb6, 0x1fbc}, {0x1fbe, 0x1fbe},
    {0x1fc2, 0x1fc4}, {0x1fc6, 0x1fcc}, {0x1fd0, 0x1fd3}, {0x1fd6, 0x1fdb}, {0x1fe0, 0x1fec},
    {0x1ff2, 0x1ff4}, {0x1ff6, 0x1ffc}, {0x2102, 0x2102}, {0x2107, 0x2107}, {0x210a, 0x2113},
    {0x2115, 0x2115}, {0x2119, 0x211d}, {0x2124, 0x2124}, {0x2126, 0x2126}, {0x2128, 0x2128},
    {0x212a, 0x212d}, {0x212f, 0x2134}, {0x2139, 0x2139}, {0x213c, 0x213f}, {0x2145, 0x2149},
    {0x214e, 0x214e}, {0x2183, 0x2183}, {0x2184, 0x2184}, {0x2c00, 0x2c7b}, {0x2c7e, 0x2ce4},
    {0x2ceb, 0x2cee}, {0x2cf2, 0x2cf2}, {0x2cf3, 0x2cf3}, {0xa640, 0xa66d}, {0xa680, 0xa69b},
    {0xa722, 0xa76f}, {0xa771, 0xa787}, {0xa78b, 0xa78e}, {0xab70, 0xabbf}, {0xfb00, 0xfb06},
    {0xfb13, 0xfb17}, {0xff21, 0xff3a}, {0xff41, 0xff5a}, {0x10400, 0x1044f}, {0x104b0, 0x104d3},
    {0x104d8, 0x104fb}, {0x10c80, 0x10cb2}, {0x10cc0, 0x10cf2}, {0x118a0, 0x118df}, {0x1e900, 0x1e943},
};
// clang-format on

bool is_listed_letter(const Char& c) {
  if (c.value < 0x80) return c.is(kLetter);
  const auto behind =
      std::upper_bound(std::begin(kLetters), std::end(kLetters), c.value,
                       [](std::uint32_t value, const Range& range) { return value < range.first; });
  return behind != std::begin(kLetters) && c.value <= std::prev(behind)->last;
}

/// [!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002], of which U+3000 is white space before it is
/// anything else.
bool is_listed_punctuation(const Char& c) {
  const std::uint32_t v = c.value;
  return (v >= 0x21 && v <= 0x2f) || (v >= 0x3a && v <= 0x7e) || (v >= 0xff01 && v <= 0xff0f) ||
         (v >= 0xff1a && v <= 0xff5e) || (v >= 0x2018 && v <= 0x201f) || v == 0x3001 || v == 0x3002;
}

/// [\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]
bool is_listed_ideograph(const Char& c) {
  return (c.value >= 0x800 && c.value <= 0x9fa5) || (c.value >= 0xac00 && c.value <= 0xd7ff);
}

bool is_space(const Char& c) {
  return c.is(kSpace);
}

void split_line_breaks(std::string_view text, PieceSink& sink) {
  isolate(text, sink, [](const CharReader&, const char* p, const Char& c) {
    return is_newline(c) ? p + c.length : nullptr;
  });
}

void split_listed_letters(std::string_view text, PieceSink& sink) {
  isolate_runs(text, sink, is_space, is_listed_letter);
}

void split_letters(std::string_view text, PieceSink& sink) {
  isolate_runs(text, sink, is_space, [](const Char& c) { return c.is(kLetter); });
}

void split_listed_punctuation(std::string_view text, PieceSink& sink) {
  isolate_runs(text, sink, is_space, is_listed_punctuation);
}

void split_punctuation(std::string_view text, PieceSink& sink) {
  isolate_runs(text, sink, is_space, [](const Char& c) { return c.is(kPunctuation); });
}

/// White space at the end. (\s+$)
void split_trailing_space(std::string_view text, PieceSink& sink) {
  const CharReader reader(text);
  const char* tail = text.data();
  for (const char* p = tail; p != reader.end();) {
    const Char c = reader.at(p);
    p += c.length;
    if (!c.is(kSpace)) tail = p;
  }
  const auto before = static_cast<std::size_t>(tail - text.data());
  if (before != 0) sink.piece(text.substr(0, before));
  if (before != text.size()) sink.piece(text.substr(before));
}

void split_ideographs(std::string_view text, PieceSink& sink) {
  isolate_runs(text, sink, is_listed_ideograph);
}

}  // namespace

void split_deepseek_llm(std::string_view text, PieceSink& sink) {
  Stage numbers(split_numbers, sink);
  Stage ideographs(split_ideographs, numbers);
  Stage trailing(split_trailing_space, ideographs);
  Stage punctuation(split_listed_punctuation, trailing);
  Stage words(split_listed_letters, punctuation);
  split_line_breaks(text, words);
}

void split_deepseek_coder(std::string_view text, PieceSink& sink) {
  Stage numbers(split_each_number, sink);
  Stage ideographs(split_ideographs, numbers);
  Stage punctuation(split_punctuation, ideographs);
  Stage words(split_letters, punctuation);
  split_line_breaks(text, words);
}

}  // namespace garam
