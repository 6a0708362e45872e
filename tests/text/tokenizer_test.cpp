// The public tokenizer on two vocabularies small enough to work out by hand.
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
using test::small_bpe;
using test::small_spm;
using Ids = std::vector<std::int32_t>;

/// Each id as the vocabulary writes it, with spaces between.
std::string spelled(const Tokenizer& tokenizer, const Ids& ids) {
  std::string out;
  for (const std::int32_t id : ids) {
    if (!out.empty()) out += ' ';
    out += tokenizer.text(id);
  }
  return out;
}

std::string tokens(const Tokenizer& tokenizer, std::string_view text, bool parse_special = false) {
  return spelled(tokenizer, tokenizer.encode(text, {.add_special = false, .parse_special = parse_special}));
}

/// "_" for the mark of SentencePiece.
std::string marked(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '_' ? "\xe2\x96\x81" : std::string(1, c);
  return out;
}

TEST(ByteLevelBpe, MergesByRank) {
  const Tokenizer t = make_tokenizer(small_bpe(), "test");
  const std::string space = in_alphabet(" ");
  EXPECT_EQ(tokens(t, ""), "");
  EXPECT_EQ(tokens(t, "the"), "t he");          // "h e" has a rank, "t he" has none
  EXPECT_EQ(tokens(t, " the"), space + "the");  // " t", then "he", then both
  EXPECT_EQ(tokens(t, "hello"), "hello");
  EXPECT_EQ(tokens(t, "hell o"), "hell " + space + " o");
  EXPECT_EQ(tokens(t, "aaaaaaa"), "aaaa aa a");  // leftmost first
  EXPECT_EQ(tokens(t, "121"), "12 1");
  EXPECT_EQ(tokens(t, std::string_view("\0", 1)), in_alphabet(std::string_view("\0", 1)));
  EXPECT_EQ(tokens(t, "\xe9\x99\xa2"),
            in_alphabet("\xe9") + " " + in_alphabet("\x99") + " " + in_alphabet("\xa2"));
}

TEST(ByteLevelBpe, InvalidBytesBecomeReplacementCharacters) {
  const Tokenizer t = make_tokenizer(small_bpe(), "test");
  EXPECT_EQ(t.decode(t.encode("a\xff"
                              "b",
                              {.add_special = false})),
            "a\xef\xbf\xbd"
            "b");
}

TEST(ByteLevelBpe, MergesStopAtPieces) {
  // "\n\n" is a merge, but GPT-2's rule leaves the second line break to the word behind it; Llama 3's does
  // not.
  EXPECT_EQ(tokens(make_tokenizer(small_bpe("gpt-2"), "test"), "a\n\na").size(),
            std::string("a").size() * 4 + 5);
  EXPECT_EQ(make_tokenizer(small_bpe("gpt-2"), "test").encode("a\n\na", {false, false}).size(), 4u);
  EXPECT_EQ(make_tokenizer(small_bpe("llama-bpe"), "test").encode("a\n\na", {false, false}).size(), 3u);
}

TEST(ByteLevelBpe, WholePiecesWinWhereMergesAreIgnored) {
  for (const char* pre : {"gpt-2", "llama-bpe"}) {
    VocabData data = small_bpe(pre);
    add_token(data, "xyz", test::kNormal);  // no merge leads there
    const Tokenizer t = make_tokenizer(std::move(data), "test");
    EXPECT_EQ(tokens(t, "xyz"), pre == std::string("gpt-2") ? "x y z" : "xyz");
    EXPECT_EQ(tokens(t, "xyzx"), "x y z x");
  }
}

TEST(ByteLevelBpe, MergeResultsNeedNotBeTokens) {
  VocabData data = small_bpe();
  data.merges->push_back("q r");  // "qr" is no token, "qrs" is
  data.merges->push_back("qr s");
  add_token(data, "qrs", test::kNormal);
  const Tokenizer t = make_tokenizer(std::move(data), "test");
  EXPECT_EQ(tokens(t, "qrs"), "qrs");
  EXPECT_EQ(tokens(t, "qrt"), "q r t");
}

TEST(ByteLevelBpe, BytesWithoutTokens) {
  VocabData data;
  data.model = "gpt2";
  data.pre = "gpt-2";
  data.merges.emplace();
  add_token(data, "a", test::kNormal);
  VocabData with_unknown = data;
  with_unknown.unknown = static_cast<std::uint32_t>(add_token(with_unknown, "<unk>", test::kUnknown));
  EXPECT_EQ(tokens(make_tokenizer(std::move(with_unknown), "test"), "aba"), "a <unk> a");
  const Tokenizer t = make_tokenizer(std::move(data), "tiny.gguf");
  EXPECT_EQ(tokens(t, "aa"), "a a");
  try {
    t.encode("ab");
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kArgument);
    EXPECT_NE(std::string(error.what()).find("tiny.gguf"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("62"), std::string::npos) << error.what();
  }
}

TEST(SentencePiece, MergesByScore) {
  const Tokenizer t = make_tokenizer(small_spm(), "test");
  EXPECT_EQ(tokens(t, ""), "");
  EXPECT_EQ(tokens(t, "the"), marked("_the"));
  EXPECT_EQ(tokens(t, " the"), marked("_ _the"));
  EXPECT_EQ(tokens(t, "abc"), marked("_ ab c"));  // "ab" scores above "bc"
  EXPECT_EQ(tokens(t, "aaa"), marked("_ aa a"));  // equal scores: leftmost
  EXPECT_EQ(tokens(t, "a  b"), marked("_ a __ b"));
  EXPECT_EQ(tokens(t, "ax"), marked("_ a <0x78>"));
  EXPECT_EQ(tokens(t, "\xc3\xa9"), marked("_ <0xC3> <0xA9>"));
  EXPECT_EQ(tokens(t, "\xff\xc3"), marked("_ <0xFF> <0xC3>"));
  EXPECT_EQ(tokens(t, std::string_view("a\0a", 3)), marked("_ a <0x00> a"));
}

TEST(SentencePiece, TokensAcrossWordsAreFound) {
  VocabData data = small_spm();
  add_token(data, marked("a_b"), test::kNormal, 9);
  add_token(data, marked("a_"), test::kNormal, 8);
  const Tokenizer t = make_tokenizer(std::move(data), "test");
  EXPECT_EQ(tokens(t, "a b a"), marked("_ a_b _ a"));
}

TEST(SentencePiece, NeverSpellsControlTokens) {
  VocabData data = small_spm();
  // Pieces that would merge into "</s>", which has the best score of all.
  for (const char* piece : {"<", "/", "s", ">", "</", "s>"}) add_token(data, piece, test::kNormal, -1);
  const Tokenizer t = make_tokenizer(std::move(data), "test");
  EXPECT_EQ(tokens(t, "</s>"), marked("_ </ s>"));
  EXPECT_EQ(tokens(t, "</s>", true), "</s>");
}

TEST(SentencePiece, SpacePrefix) {
  VocabData data = small_spm();
  data.add_space_prefix = false;
  const Tokenizer plain = make_tokenizer(std::move(data), "test");
  EXPECT_EQ(tokens(plain, "the"), "t he");
  EXPECT_EQ(plain.decode(Ids{id_of(plain, marked("_the"))}), " the");

  const Tokenizer t = make_tokenizer(small_spm(), "test");
  EXPECT_TRUE(t.add_space_prefix());
  EXPECT_EQ(tokens(t, "a<tool>a"), marked("_ a <tool> _ a"));  // again behind a special token
  EXPECT_EQ(t.decode(t.encode("a<tool>a")), "a<tool>a");
  EXPECT_EQ(t.decode(Ids{1, id_of(t, marked("_the")), id_of(t, marked("_the"))}), "the the");
  EXPECT_EQ(t.decode(Ids{id_of(t, "t"), id_of(t, marked("_the"))}), "t the");
  EXPECT_EQ(t.decode(t.encode("  the")), "  the");
}

TEST(SentencePiece, CharactersWithoutBytesAreUnknown) {
  VocabData data;
  data.model = "llama";
  data.scores.emplace();
  add_token(data, "<unk>", test::kUnknown);
  for (const char* piece : {"_a", "_", "a", "b"}) add_token(data, marked(piece), test::kNormal, -1);
  data.eos = 3;
  const Tokenizer t = make_tokenizer(std::move(data), "test");
  EXPECT_EQ(tokens(t,
                   "a\xe4\xb8\xad"
                   "b"),
            marked("_a <unk> b"));  // one for the character, not for each byte
  EXPECT_EQ(t.decode(t.encode("a\xe4\xb8\xad"
                              "b",
                              {false, false})),
            "ab");
  EXPECT_EQ(t.decode(t.encode("a\xe4\xb8\xad"
                              "b",
                              {false, false}),
                     {.special = true}),
            "a<unk>b");
}

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
  for (int round = 0; round < 3000; ++round) {
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
  for (int round = 0; round < 3000; ++round) {
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
