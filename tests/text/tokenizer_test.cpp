// The public tokenizer: special tokens, pieces, errors and round trips, on two vocabularies small enough to
// work out by hand.
#include "garam/tokenizer.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "garam/error.h"
#include "support/random.h"
#include "text/small_vocabulary.h"

namespace garam {
namespace {

using test::add_token;
using test::id_of;
using test::in_alphabet;
using test::marked;
using test::small_bpe;
using test::small_spm;
using test::tokens;
using Ids = std::vector<std::int32_t>;

TEST(Tokenizer, AddsWhatTheVocabularyAsksFor) {
  VocabData data = small_bpe();
  EXPECT_EQ(make_tokenizer(data, "test").encode("a"), (Ids{'a'}));  // the family's default: nothing
  data.add_bos = true;
  data.add_eos = true;
  const Tokenizer t = make_tokenizer(data, "test");
  EXPECT_TRUE(t.add_bos() && t.add_eos());
  EXPECT_EQ(t.encode("a"), (Ids{*t.bos(), 'a', *t.eos()}));
  EXPECT_EQ(t.encode(""), (Ids{*t.bos(), *t.eos()}));
  EXPECT_EQ(t.encode("a", {.add_special = false}), (Ids{'a'}));
  EXPECT_TRUE(make_tokenizer(small_bpe("llama-bpe"), "test").add_bos());

  const Tokenizer spm = make_tokenizer(small_spm(), "test");
  EXPECT_EQ(spm.encode(""), (Ids{1}));
  EXPECT_EQ(spm.bos(), 1);
  EXPECT_EQ(spm.eos(), 2);
  EXPECT_EQ(spm.unknown(), 0);
  EXPECT_FALSE(spm.add_eos());
}

TEST(Tokenizer, SpecialTokensInText) {
  const Tokenizer t = make_tokenizer(small_bpe(), "test");
  EXPECT_EQ(tokens(t, "a<|end|>a", true), "a <|end|> a");
  EXPECT_EQ(t.encode("a<|end|>a", {false, false}).size(), 9u);
  EXPECT_EQ(tokens(t, "a<tool>a"), "a <tool> a");  // user-defined tokens are text
  const Ids ids = t.encode("a<|end|><tool>", {false, true});
  EXPECT_EQ(t.decode(ids), "a<tool>");
  EXPECT_EQ(t.decode(ids, {.special = true}), "a<|end|><tool>");
}

TEST(Tokenizer, Pieces) {
  const Tokenizer bpe = make_tokenizer(small_bpe(), "test");
  EXPECT_EQ(bpe.size(), 256 + test::kSmallMerges.size() + 3);
  EXPECT_EQ(bpe.piece(id_of(bpe, in_alphabet(" the"))), " the");
  EXPECT_EQ(bpe.piece(0), std::string("\0", 1));
  EXPECT_EQ(bpe.piece(0xe9), "\xe9");
  EXPECT_EQ(bpe.piece(*bpe.eos()), "<|end|>");
  EXPECT_EQ(bpe.text(*bpe.eos()), "<|end|>");
  EXPECT_EQ(bpe.model(), "gpt2");
  EXPECT_EQ(bpe.pre_tokenizer(), "gpt-2");
  EXPECT_EQ(bpe.find("nothing"), std::nullopt);

  const Tokenizer spm = make_tokenizer(small_spm(), "test");
  EXPECT_EQ(spm.piece(id_of(spm, marked("_the"))), " the");
  EXPECT_EQ(spm.piece(id_of(spm, "<0x0A>")), "\n");
  EXPECT_EQ(spm.text(id_of(spm, "<0x0A>")), "<0x0A>");
}

TEST(Tokenizer, IdsOutOfRange) {
  const Tokenizer t = make_tokenizer(small_bpe(), "test");
  const auto size = static_cast<std::int32_t>(t.size());
  for (const std::int32_t id :
       {-1, size, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()}) {
    const auto expect_refusal = [](auto&& call) {
      try {
        call();
        ADD_FAILURE() << "expected an error";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kArgument);
      }
    };
    expect_refusal([&] { t.decode(Ids{id}); });
    expect_refusal([&] { t.piece(id); });
    expect_refusal([&] { t.text(id); });
    expect_refusal([&] { t.is_control(id); });
    expect_refusal([&] { t.is_end_of_generation(id); });
    expect_refusal([&] { TextStream(t).push(id); });
    expect_refusal([&] { TextStream(t, {}, Ids{id}); });
  }
}

TEST(Tokenizer, EndOfGeneration) {
  VocabData data = small_bpe();
  data.eos = 5;
  const auto turn = add_token(data, "<|im_end|>", test::kNormal);  // mislabelled: its name counts
  const auto message = add_token(data, "<|eom_id|>", test::kControl);
  const auto text_end = add_token(data, "<|endoftext|>", test::kControl);
  const auto start = add_token(data, "<|im_start|>", test::kControl);
  const auto prefix = add_token(data, "<|fim_prefix|>", test::kNormal);
  const auto separator = add_token(data, "<|sep|>", test::kControl);
  data.fim_sep = static_cast<std::uint32_t>(separator);
  const Tokenizer t = make_tokenizer(std::move(data), "test");
  EXPECT_EQ(t.eot(), turn);
  EXPECT_EQ(t.eom(), message);
  EXPECT_TRUE(t.is_control(turn));
  EXPECT_TRUE(t.is_control(prefix));
  for (const std::int32_t id : {5, turn, message, text_end, separator, id_of(t, "<|end|>")}) {
    EXPECT_TRUE(t.is_end_of_generation(id)) << t.text(id);
  }
  for (const std::int32_t id : {0, start, prefix, *t.bos(), id_of(t, "<tool>")}) {
    EXPECT_FALSE(t.is_end_of_generation(id)) << t.text(id);
  }
}

TEST(Tokenizer, NamesThatMeanSomethingElseInCompany) {
  VocabData data = small_bpe();
  data.eos = 5;
  add_token(data, "<|return|>", test::kControl);
  add_token(data, "<|call|>", test::kControl);
  add_token(data, "<|channel|>", test::kControl);
  const Tokenizer t = make_tokenizer(std::move(data), "test");
  EXPECT_TRUE(t.is_end_of_generation(id_of(t, "<|return|>")));
  EXPECT_FALSE(t.is_end_of_generation(id_of(t, "<|end|>")));  // ends a message there, not the answer
  EXPECT_FALSE(t.is_control(id_of(t, "<|channel|>")));
}

TEST(Tokenizer, Phi3SwallowsWhiteSpaceBehindSpecialTokens) {
  VocabData data = small_spm();
  data.name = "Phi-3 mini";
  add_token(data, "<|user|>", test::kControl);
  const Tokenizer t = make_tokenizer(std::move(data), "test");
  EXPECT_EQ(tokens(t, "<|user|> \n a", true), marked("<|user|> _ a"));
  EXPECT_EQ(tokens(t, "<s> a", true), marked("<s> __ a"));
  EXPECT_EQ(tokens(t, "<tool>\na"), marked("<tool> _ a"));
}

TEST(Tokenizer, RoundTripsRandomText) {
  test::Random random(test::test_seed());
  const Tokenizer bpe = make_tokenizer(small_bpe(), "test");
  const Tokenizer llama3 = make_tokenizer(small_bpe("llama-bpe"), "test");
  const Tokenizer spm = make_tokenizer(small_spm(), "test");
  for (std::size_t round = 0; round < 3000 * test::test_scale(); ++round) {
    std::string text;
    for (std::size_t n = random.below(80); n > 0; --n) {
      if (random.below(3) == 0) {
        std::uint32_t code = static_cast<std::uint32_t>(random.below(0x110000));
        if (code >= 0xd800 && code < 0xe000) code = ' ';
        append_utf8(text, code == 0x2581 ? '_' : code);
      } else {
        text += " theloabc12\n'"[random.below(13)];
      }
    }
    for (const Tokenizer* t : {&bpe, &llama3, &spm}) {
      ASSERT_EQ(t->decode(t->encode(text)), text) << t->pre_tokenizer() << ", seed " << test::test_seed();
    }
  }
}

TEST(Tokenizer, RandomBytesNeverFail) {
  test::Random random(test::test_seed());
  const Tokenizer bpe = make_tokenizer(small_bpe("llama-bpe"), "test");
  const Tokenizer spm = make_tokenizer(small_spm(), "test");
  for (std::size_t round = 0; round < 3000 * test::test_scale(); ++round) {
    std::string text(random.below(60), '\0');
    for (char& c : text) c = static_cast<char>(random.below(256));
    // A lead byte may take in the mark behind it, or the one that a space becomes.
    const bool has_mark = text.find_first_of(" \xe2") != std::string::npos;
    const std::string back = spm.decode(spm.encode(text));
    ASSERT_TRUE(has_mark || back == text) << "seed " << test::test_seed();
    std::string storage;
    ASSERT_EQ(bpe.decode(bpe.encode(text)), repair_utf8(text, storage));
  }
}

TEST(Tokenizer, CopiesShareAndOutlive) {
  std::string_view text;
  Tokenizer copy = [&] {
    const Tokenizer t = make_tokenizer(small_bpe(), "test");
    text = t.text(t.eos().value());
    return t;
  }();
  EXPECT_EQ(text, "<|end|>");
  EXPECT_EQ(copy.text(*copy.eos()).data(), text.data());
}

}  // namespace
}  // namespace garam
