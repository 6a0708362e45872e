// How bytes become a vocabulary and a text.
#include "support/fuzz_tokenizer.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "garam/error.h"
#include "text/pretokenizer.h"
#include "text/vocab.h"

namespace garam::test {
namespace {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

/// Gives out the input from front to back; behind its end everything is zero or empty.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}

  std::uint8_t byte() {
    if (left_ == 0) return 0;
    --left_;
    return *data_++;
  }
  std::string bytes(std::size_t most) {
    const std::size_t n = most < left_ ? most : left_;
    std::string out(reinterpret_cast<const char*>(data_), n);
    data_ += n;
    left_ -= n;
    return out;
  }
  bool empty() const { return left_ == 0; }

 private:
  const std::uint8_t* data_;
  std::size_t left_;
};

std::string pre_name(std::uint8_t number) {
  // The list that errors show, so that new rules are fuzzed without a change here.
  const std::string names = known_pre_tokenizers();
  std::vector<std::string> all{""};
  for (std::size_t i = 0; i < names.size();) {
    const std::size_t end = std::min(names.find(", ", i), names.size());
    all.push_back(names.substr(i, end - i));
    i = end + 2;
  }
  return all[number % all.size()];
}

/// Byte 0: family. 1: pre-tokenizer. 2: flags. 3: extra arrays. 4: tokens. Then the tokens (length, type,
/// score, bytes), the merges, the character map.
VocabData vocabulary_from(Input& in) {
  const char* const kModels[] = {"gpt2", "llama", "gemma4", "bert", "t5"};
  VocabData data;
  data.model = kModels[in.byte() % std::size(kModels)];
  data.pre = pre_name(in.byte());
  const std::uint8_t flags = in.byte();
  const std::uint8_t more = in.byte();
  const auto flag = [](std::uint8_t bits, int i) { return (bits >> i & 1) != 0; };
  if (flag(flags, 0)) data.add_bos = flag(flags, 1);
  if (flag(flags, 2)) data.add_space_prefix = flag(flags, 3);
  if (flag(flags, 4)) data.remove_extra_whitespaces = true;
  if (flag(flags, 5)) data.lowercase = flag(flags, 6);
  if (flag(flags, 7)) data.name = "phi-3";
  data.scores.emplace();
  data.types.emplace();
  if (flag(more, 0)) {  // the 256 bytes in either spelling
    for (unsigned b = 0; b < 256; ++b) {
      char text[8];
      std::snprintf(text, sizeof text, "<0x%02X>", b);
      data.tokens.emplace_back(text);
      data.types->push_back(6);
      data.scores->push_back(0);
    }
  }
  const std::size_t count = in.byte();
  for (std::size_t i = 0; i < count && !in.empty(); ++i) {
    const std::size_t length = in.byte() % 24u;
    data.types->push_back(1 + in.byte() % 6);
    data.scores->push_back(static_cast<float>(static_cast<std::int8_t>(in.byte())) / 4);
    data.tokens.push_back(in.bytes(length));
  }
  if (flag(more, 1)) data.unknown = in.byte();
  if (flag(more, 2)) data.bos = in.byte();
  if (flag(more, 3)) data.eos = data.separator = in.byte();
  data.merges.emplace();
  for (std::size_t i = in.byte(); i > 0 && !in.empty() && !data.tokens.empty(); --i) {
    if (flag(more, 4)) {
      data.merges->push_back(in.bytes(in.byte() % 12u));
    } else {
      const std::string& left = data.tokens[in.byte() % data.tokens.size()];
      data.merges->push_back(left + " " + data.tokens[in.byte() % data.tokens.size()]);
    }
  }
  if (flag(more, 5)) {
    const std::string map = in.bytes(4u * in.byte());
    data.precompiled_charsmap.assign(map.begin(), map.end());
  }
  if (flag(more, 6)) data.scores.reset();
  if (flag(more, 7)) data.types.reset();
  return data;
}

void use(const Tokenizer& tokenizer, const std::string& text, bool parse_special) {
  const EncodeOptions options{.add_special = true, .parse_special = parse_special};
  const auto ids = tokenizer.encode(text, options);
  const auto spans = tokenizer.encode_spans(text, options);
  require(ids.size() == spans.size(), "as many places as ids");
  for (std::size_t i = 0; i < ids.size(); ++i) {
    require(ids[i] >= 0 && static_cast<std::size_t>(ids[i]) < tokenizer.size(), "ids in range");
    require(spans[i].id == ids[i], "the same ids with places");
    require(spans[i].begin <= spans[i].end && spans[i].end <= text.size(), "places inside the text");
  }
  for (const bool special : {false, true}) {
    const std::string decoded = tokenizer.decode(ids, {.special = special});
    TextStream stream(tokenizer, {.special = special});
    std::string streamed;
    for (const std::int32_t id : ids) streamed += stream.push(id);
    streamed += stream.finish();
    require(streamed.size() >= decoded.size() / 4, "a stream loses nothing");
  }
}

}  // namespace

void fuzz_tokenizer(const std::uint8_t* data, std::size_t size) {
  Input in(data, size);
  try {
    VocabData vocabulary = vocabulary_from(in);
    const Tokenizer tokenizer = make_tokenizer(std::move(vocabulary), "fuzz");
    for (std::size_t id = 0; id < tokenizer.size(); ++id) {
      const auto i = static_cast<std::int32_t>(id);
      tokenizer.piece(i);
      if (!tokenizer.text(i).empty()) require(tokenizer.find(tokenizer.text(i)) == i, "find inverts text");
    }
    const bool parse_special = in.byte() % 2 != 0;
    const std::string rest = in.bytes(size);
    use(tokenizer, rest, parse_special);
  } catch (const Error& error) {
    require(std::strlen(error.what()) > 0 && std::strlen(error.what()) < 2000, "a message of bounded length");
  }
}

}  // namespace garam::test
