// Streaming detokenization: whole characters, and the same text as decode().
#include <gtest/gtest.h>

#include <span>
#include <string>
#include <vector>

#include "garam/error.h"
#include "support/random.h"
#include "text/small_vocabulary.h"
#include "text/unicode.h"

namespace garam {
namespace {

using test::id_of;
using test::small_bpe;
using test::small_spm;
using Ids = std::vector<std::int32_t>;

const std::string kBad = "\xef\xbf\xbd";

Ids bytes(std::string_view text) {
  Ids ids;
  for (const char c : text) ids.push_back(static_cast<unsigned char>(c));  // small_bpe's first 256 ids
  return ids;
}

/// What each push returns, with '|' between, then what finish() returns.
std::string streamed(TextStream stream, std::span<const std::int32_t> ids) {
  std::string out;
  for (const std::int32_t id : ids) out += stream.push(id) + "|";
  return out + stream.finish();
}

TEST(TextStream, HoldsBackIncompleteCharacters) {
  const Tokenizer t = make_tokenizer(small_bpe(), "test");
  EXPECT_EQ(streamed(TextStream(t), bytes("a\xc3\xa9z")), "a||\xc3\xa9|z|");
  EXPECT_EQ(streamed(TextStream(t), bytes("\xf0\x9f\x98\x80")), "|||\xf0\x9f\x98\x80|");
  EXPECT_EQ(streamed(TextStream(t), bytes("\xe4\xb8")), "||" + kBad);
}

TEST(TextStream, ReplacesWhatCannotBecomeValid) {
  const Tokenizer t = make_tokenizer(small_bpe(), "test");
  EXPECT_EQ(streamed(TextStream(t), bytes("\xff")), kBad + "|");
  EXPECT_EQ(streamed(TextStream(t), bytes("\x80"
                                          "a")),
            kBad + "|a|");
  EXPECT_EQ(streamed(TextStream(t), bytes("\xe4\xb8"
                                          "a")),
            "||" + kBad + "a|");  // one for the subpart
  EXPECT_EQ(streamed(TextStream(t), bytes("\xe4\xe4\xb8\xad")), "|" + kBad + "||\xe4\xb8\xad|");
  EXPECT_EQ(streamed(TextStream(t), bytes("\xed\xa0\x80")),
            "|" + kBad + kBad + "|" + kBad + "|");                                 // a surrogate
  EXPECT_EQ(streamed(TextStream(t), bytes("\xc0\xaf")), kBad + "|" + kBad + "|");  // overlong
}

TEST(TextStream, GoesOnAfterFinish) {
  const Tokenizer t = make_tokenizer(small_bpe(), "test");
  TextStream stream(t);
  EXPECT_EQ(stream.push(0xe4), "");
  EXPECT_EQ(stream.finish(), kBad);
  EXPECT_EQ(stream.finish(), "");
  EXPECT_EQ(stream.push('a'), "a");
}

TEST(TextStream, AnErrorChangesNothing) {
  const Tokenizer t = make_tokenizer(small_bpe(), "test");
  TextStream stream(t);
  EXPECT_EQ(stream.push(0xc3), "");
  EXPECT_THROW(stream.push(-1), Error);
  EXPECT_EQ(stream.push(0xa9), "\xc3\xa9");
}

TEST(TextStream, LeadingSpace) {
  const Tokenizer t = make_tokenizer(small_spm(), "test");
  const std::int32_t the = id_of(t, "\xe2\x96\x81the");
  const Ids the_the = {the, the};
  EXPECT_EQ(streamed(TextStream(t), the_the), "the| the|");                    // the start of a text
  EXPECT_EQ(streamed(TextStream(t, {}, Ids{1}), the_the), "the| the|");        // behind BOS
  EXPECT_EQ(streamed(TextStream(t, {}, Ids{1, the}), the_the), " the| the|");  // behind a prompt
}

TEST(TextStream, ControlTokens) {
  const Tokenizer t = make_tokenizer(small_bpe(), "test");
  const Ids ids = {'a', *t.eos(), 'b'};
  EXPECT_EQ(streamed(TextStream(t), ids), "a||b|");
  EXPECT_EQ(streamed(TextStream(t, {.special = true}), ids), "a|<|end|>|b|");
}

TEST(TextStream, ContextLeavesItsIncompleteCharacter) {
  const Tokenizer t = make_tokenizer(small_bpe(), "test");
  EXPECT_EQ(streamed(TextStream(t, {}, bytes("a\xe4\xb8")), bytes("\xad"
                                                                  "b")),
            "\xe4\xb8\xad|b|");
}

TEST(TextStream, EqualsDecodeHoweverSplit) {
  test::Random random(test::test_seed());
  for (const Tokenizer& t : {make_tokenizer(small_bpe(), "test"), make_tokenizer(small_spm(), "test")}) {
    for (std::size_t round = 0; round < 2000 * test::test_scale(); ++round) {
      std::string text;
      for (std::size_t n = random.below(30); n > 0; --n) {
        std::uint32_t code = static_cast<std::uint32_t>(random.below(random.below(2) == 0 ? 0x80 : 0x110000));
        if (code >= 0xd800 && code < 0xe000) code = ' ';
        append_utf8(text, code);
      }
      const Ids ids = t.encode(text);
      const std::size_t cut = random.below(ids.size() + 1);
      const std::span<const std::int32_t> all(ids);
      TextStream whole(t);
      std::string streamed;
      for (const std::int32_t id : ids) {
        const std::string part = whole.push(id);
        std::size_t length = 0;
        for (std::string_view rest = part; !rest.empty(); rest.remove_prefix(length)) {
          ASSERT_EQ(classify_utf8_start(rest, length), Utf8Start::kCharacter);
        }
        streamed += part;
      }
      ASSERT_EQ(streamed + whole.finish(), t.decode(ids));

      // A prompt's text and a stream that goes on behind it make the text of both.
      TextStream head(t);
      std::string joined;
      for (const std::int32_t id : all.first(cut)) joined += head.push(id);
      TextStream tail(t, {}, all.first(cut));
      for (const std::int32_t id : all.subspan(cut)) joined += tail.push(id);
      ASSERT_EQ(joined + tail.finish(), t.decode(ids));
    }
  }
}

}  // namespace
}  // namespace garam
