// generate() on tiny models: what comes out is what a loop of step and arithmetic gives, and every way to
// end.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "garam/generate.h"
#include "model/harness.h"

namespace garam::test {
namespace {

const TinyOptions kTiny{};

/// One model for all tests of this file: SentencePiece with byte tokens, 3 + byte being each byte's.
const Model& tiny() {
  static const Model model =
      load_tiny(TinyOptions{.vocabulary = TinyVocabulary::kSentencePiece}, KernelSet::kAuto, 1);
  return model;
}

std::int32_t byte_token(unsigned char byte) {
  return 3 + byte;
}

/// Draws are even, and only among these tokens.
GenerateOptions only(const std::vector<std::int32_t>& tokens, std::size_t count, std::uint64_t seed = 1) {
  GenerateOptions options{.max_tokens = count, .temperature = 50, .top_k = 0, .top_p = 1, .min_p = 0};
  for (const std::int32_t token : tokens) options.logit_bias.emplace_back(token, 100000.0f);
  options.seed = seed;
  return options;
}

std::vector<std::int32_t> bytes_of(std::string_view text) {
  std::vector<std::int32_t> tokens;
  for (const char c : text) tokens.push_back(byte_token(static_cast<unsigned char>(c)));
  return tokens;
}

std::vector<std::int32_t> held(const Session& session) {
  return {session.tokens().begin(), session.tokens().end()};
}

TEST(Generate, GreedyIsTheHighestLogitEachTime) {
  Session session(tiny());
  const GenerateResult result = generate(session, "the hand", {.max_tokens = 30, .temperature = 0});
  ASSERT_EQ(result.tokens.size(), 30u);

  Session other(tiny());
  other.prefill(tiny().tokenizer().encode("the hand"));
  std::vector<std::int32_t> expected;
  for (int i = 0; i < 30; ++i) {
    const auto logits = other.logits();
    expected.push_back(
        static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin()));
    other.step(expected.back());
  }
  EXPECT_EQ(result.tokens, expected);
  EXPECT_EQ(result.reason, StopReason::kMaxTokens);
  EXPECT_EQ(result.timings.generated_tokens, 30u);
  EXPECT_EQ(result.timings.prompt_tokens, tiny().tokenizer().encode("the hand").size());
  EXPECT_GT(result.timings.prefill_seconds, 0);
  EXPECT_GT(result.timings.decode_seconds, 0);
}

TEST(Generate, DrawsAreThoseOfASampler) {
  const GenerateOptions options{.max_tokens = 40,
                                .temperature = 1.2f,
                                .top_k = 30,
                                .top_p = 0.9f,
                                .min_p = 0.01f,
                                .repeat_penalty = 1.2f,
                                .presence_penalty = 0.1f,
                                .frequency_penalty = 0.1f,
                                .repeat_last_n = 20,
                                .logit_bias = {{270, 2.0f}},
                                .seed = 99,
                                .stream = 3,
                                .ignore_end_of_generation = true};
  Session session(tiny());
  const GenerateResult result = generate(session, "to the", options);

  Session other(tiny());
  other.prefill(tiny().tokenizer().encode("to the"));
  Sampler sampler({.temperature = 1.2f,
                   .top_k = 30,
                   .top_p = 0.9f,
                   .min_p = 0.01f,
                   .repeat_penalty = 1.2f,
                   .presence_penalty = 0.1f,
                   .frequency_penalty = 0.1f,
                   .repeat_last_n = 20,
                   .logit_bias = {{270, 2.0f}},
                   .seed = 99,
                   .stream = 3});
  std::vector<std::int32_t> expected;
  for (int i = 0; i < 40; ++i) {
    expected.push_back(sampler.sample(other.logits(), other.tokens()));
    other.step(expected.back());
  }
  EXPECT_EQ(result.tokens, expected);

  // The same on another set of kernels with other threads and chunks, and different with another seed.
  const Model portable =
      load_tiny(TinyOptions{.vocabulary = TinyVocabulary::kSentencePiece}, KernelSet::kPortable);
  Session third(portable, {.batch = 1});
  EXPECT_EQ(generate(third, "to the", options).tokens, expected);
  GenerateOptions reseeded = options;
  reseeded.seed = 100;
  Session fourth(tiny());
  EXPECT_NE(generate(fourth, "to the", reseeded).tokens, expected);
}

TEST(Generate, GoesOnWhereItEnded) {
  GenerateOptions options{.max_tokens = 30, .temperature = 1, .seed = 4, .ignore_end_of_generation = true};
  Session whole(tiny());
  const GenerateResult expected = generate(whole, "and", options);

  Session session(tiny());
  options.max_tokens = 12;
  const GenerateResult first = generate(session, "and", options);
  EXPECT_EQ(session.length(), expected.timings.prompt_tokens + 11) << "the last token is never fed";
  options.max_tokens = 18;
  const GenerateResult second = generate(session, std::span(&first.tokens.back(), 1), options);
  std::vector<std::int32_t> joined = first.tokens;
  joined.insert(joined.end(), second.tokens.begin(), second.tokens.end());
  EXPECT_EQ(joined, expected.tokens);
  EXPECT_EQ(held(session), held(whole));
}

TEST(Generate, AnEmptyPromptGoesOnFromTheLastToken) {
  const GenerateOptions options{.max_tokens = 8, .temperature = 0, .ignore_end_of_generation = true};
  const std::span<const std::int32_t> nothing;
  Session fresh(tiny());
  const GenerateResult expected = generate(fresh, "of the", options);
  const auto prompt = tiny().tokenizer().encode("of the");

  Session session(tiny());
  session.prefill(prompt);
  Session fork = session.fork();  // has no logits
  EXPECT_EQ(generate(session, nothing, options).tokens, expected.tokens);
  EXPECT_EQ(generate(fork, nothing, options).tokens, expected.tokens);
  fork.truncate(prompt.size());
  EXPECT_EQ(generate(fork, nothing, options).tokens, expected.tokens);
  fork.truncate(prompt.size());
  EXPECT_EQ(generate(fork, "", options).tokens, expected.tokens) << "no second BOS";
  const TempDir dir;
  session.truncate(prompt.size());
  session.save(dir.file("session"));
  Session loaded(tiny());
  loaded.load(dir.file("session"));
  EXPECT_EQ(generate(loaded, nothing, options).tokens, expected.tokens);

  // Two rows of logits: those of the last token count.
  Session two(tiny());
  two.prefill(prompt, {.all_logits = true});
  EXPECT_EQ(generate(two, nothing, options).tokens, expected.tokens);
}

TEST(Generate, SpecialTokensOnlyAtTheStart) {
  Session session(tiny());
  generate(session, "a", {.max_tokens = 1});
  EXPECT_EQ(session.tokens()[0], 1);
  const std::size_t length = session.length();
  generate(session, "a", {.max_tokens = 1});
  EXPECT_NE(session.tokens()[length], 1);
  Session bare(tiny());
  generate(bare, "a", {.max_tokens = 1, .add_special = false});
  EXPECT_NE(bare.tokens()[0], 1);
  Session parsed(tiny());
  generate(parsed, "</s>", {.max_tokens = 1, .add_special = false, .parse_special = true});
  EXPECT_EQ(held(parsed), std::vector<std::int32_t>{2});
}

TEST(Generate, TokenLimits) {
  Session session(tiny());
  const GenerateResult none = generate(session, "the", {.max_tokens = 0});
  EXPECT_EQ(none.reason, StopReason::kMaxTokens);
  EXPECT_TRUE(none.tokens.empty());
  EXPECT_EQ(none.text, "");
  EXPECT_EQ(session.length(), 2u) << "the prompt was read";
}

TEST(Generate, EndsAtAnEndOfGenerationToken) {
  GenerateOptions options{.max_tokens = 20, .logit_bias = {{2, 100000.0f}}};
  Session session(tiny());
  const GenerateResult ended = generate(session, "the", options);
  EXPECT_EQ(ended.reason, StopReason::kEndOfGeneration);
  EXPECT_EQ(ended.tokens, std::vector<std::int32_t>{2});
  EXPECT_EQ(ended.text, "");
  options.ignore_end_of_generation = true;
  options.max_tokens = 3;
  const GenerateResult ignored = generate(session, "the", options);
  EXPECT_EQ(ignored.reason, StopReason::kMaxTokens);
  EXPECT_EQ(ignored.tokens, std::vector<std::int32_t>(3, 2));
  EXPECT_EQ(ignored.text, "");
  options.print_special = true;
  EXPECT_EQ(generate(session, "the", options).text, "</s></s></s>");
}

TEST(Generate, AnyOfTheEndTokensEnds) {
  // Byte-level: <|endoftext|> is EOS by its key, <|im_end|> by its name, <|im_start|> is none.
  const Model model = load_tiny(TinyOptions{.vocabulary = TinyVocabulary::kByteLevel});
  const auto reason = [&](const char* token) {
    Session session(model);
    GenerateOptions options = only({*model.tokenizer().find(token)}, 3);
    return generate(session, "the", options).reason;
  };
  EXPECT_EQ(reason("<|endoftext|>"), StopReason::kEndOfGeneration);
  EXPECT_EQ(reason("<|im_end|>"), StopReason::kEndOfGeneration);
  EXPECT_EQ(reason("<|im_start|>"), StopReason::kMaxTokens);
}

TEST(Generate, StopStringsAcrossTokens) {
  // A byte a token, so every stop string of two bytes or more straddles.
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const GenerateOptions options = only(bytes_of("ab"), 60, seed);
    Session session(tiny());
    const std::string whole = generate(session, "the", options).text;
    ASSERT_EQ(whole.size(), 60u);
    ASSERT_EQ(whole.find_first_not_of("ab"), std::string::npos);
    for (const std::string stop : {"bb", "aab", "abab", "bbabb", "zz"}) {
      GenerateOptions stopped = options;
      stopped.stop_strings = {"never", stop};
      Session again(tiny());
      std::string shown;
      const GenerateResult result = generate(again, "the", stopped, [&](std::string_view piece) {
        EXPECT_FALSE(piece.empty());
        shown += piece;
        return true;
      });
      const std::size_t at = whole.find(stop);
      EXPECT_EQ(result.text, whole.substr(0, at));
      EXPECT_EQ(shown, result.text);
      EXPECT_EQ(result.reason, at == whole.npos ? StopReason::kMaxTokens : StopReason::kStopString);
      EXPECT_EQ(result.stop_string, at == whole.npos ? "" : stop);
      EXPECT_EQ(result.tokens.size(), at == whole.npos ? 60 : at + stop.size());
    }
  }
}

TEST(Generate, WholeCharactersOnly) {
  // The bytes of U+20AC and U+00E9 in any order: whatever comes, the text is UTF-8.
  const std::string sign = "\xe2\x82\xac", accent = "\xc3\xa9", replacement = "\xef\xbf\xbd";
  std::size_t whole_signs = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Session session(tiny());
    std::string shown;
    const GenerateResult result =
        generate(session, "the", only(bytes_of(sign + accent), 60, seed), [&](std::string_view piece) {
          shown += piece;
          while (!piece.empty()) {
            const auto lead = static_cast<unsigned char>(piece[0]);
            const std::size_t length = lead == 0xc3 ? 2 : lead == 0xe2 || lead == 0xef ? 3 : 1;
            const std::string_view character = piece.substr(0, length);
            const bool whole = std::all_of(character.begin() + 1, character.end(),
                                           [](char c) { return (static_cast<unsigned char>(c) >> 6) == 2; });
            EXPECT_TRUE(length > 1 && character.size() == length && whole) << "half a character";
            whole_signs += character == sign;
            piece.remove_prefix(character.size());
          }
          return true;
        });
    EXPECT_EQ(shown, result.text);
  }
  EXPECT_GT(whole_signs, 0u);

  GenerateOptions options = only(bytes_of("\xe2"), 1);
  Session session(tiny());
  EXPECT_EQ(generate(session, "the", options).text, replacement) << "cut short by the token limit";
}

TEST(Generate, TheCallbackMayEndItOrThrow) {
  const GenerateOptions options = only(bytes_of("ab"), 50);
  Session session(tiny());
  std::string shown;
  const GenerateResult result = generate(session, "the", options, [&](std::string_view piece) {
    shown += piece;
    return shown.size() < 7;
  });
  EXPECT_EQ(result.reason, StopReason::kCallback);
  EXPECT_EQ(result.text, shown);
  EXPECT_EQ(result.tokens.size(), 7u);
  EXPECT_EQ(session.length(), 2u + 6u);

  Session other(tiny());
  EXPECT_THROW(generate(other, "the", options, [](std::string_view) -> bool { throw 5; }), int);
  EXPECT_EQ(other.length(), 2u) << "the session holds what was fed before";
  EXPECT_EQ(generate(other, std::span<const std::int32_t>(), options).text, [&] {
    Session fresh(tiny());
    return generate(fresh, "the", options).text;
  }());
}

TEST(Generate, AFullContextIsAnErrorUnlessToldOtherwise) {
  GenerateOptions options = only(bytes_of("ab"), 50);
  Session session(tiny(), {.context = 10});
  std::string shown, message;
  const auto show = [&](std::string_view piece) {
    shown += piece;
    return true;
  };
  EXPECT_EQ(error_of([&] { generate(session, "the", options, show); }, &message), ErrorCode::kContextFull);
  EXPECT_NE(message.find("context of 10"), std::string::npos) << message;
  EXPECT_EQ(session.length(), 10u);
  EXPECT_EQ(shown.size(), 9u) << "two tokens of prompt, eight fed and one that was not";

  options.context_policy = ContextPolicy::kStop;
  Session other(tiny(), {.context = 10});
  const GenerateResult result = generate(other, "the", options);
  EXPECT_EQ(result.reason, StopReason::kContextFull);
  EXPECT_EQ(result.text, shown);
  EXPECT_EQ(result.tokens.size(), 9u);

  // What just fits is no error; a prompt that does not fit always is.
  options.max_tokens = 9;
  options.context_policy = ContextPolicy::kError;
  Session third(tiny(), {.context = 10});
  EXPECT_EQ(generate(third, "the", options).reason, StopReason::kMaxTokens);
  options.context_policy = ContextPolicy::kStop;
  Session fourth(tiny(), {.context = 1});
  EXPECT_EQ(error_of([&] { generate(fourth, "the", options); }), ErrorCode::kContextFull);
  EXPECT_EQ(fourth.length(), 0u);
}

TEST(Generate, CancelledByAStopToken) {
  GenerateOptions options = only(bytes_of("ab"), 200);
  std::stop_source source;
  options.stop = source.get_token();
  Session session(tiny());
  std::string shown;
  const GenerateResult result = generate(session, "the", options, [&](std::string_view piece) {
    shown += piece;
    if (shown.size() == 5) source.request_stop();
    return true;
  });
  EXPECT_EQ(result.reason, StopReason::kCancelled);
  EXPECT_EQ(result.text, shown);
  EXPECT_EQ(shown.size(), 5u);
  EXPECT_EQ(result.tokens.size(), 5u);
  EXPECT_EQ(session.length(), 2u + 4u);

  // Before it starts: nothing happens, and the session serves on.
  const GenerateResult nothing = generate(session, "and more", options);
  EXPECT_EQ(nothing.reason, StopReason::kCancelled);
  EXPECT_TRUE(nothing.tokens.empty());
  EXPECT_EQ(session.length(), 6u);
  Session fresh(tiny());
  EXPECT_EQ(generate(fresh, "the", options).reason, StopReason::kCancelled);
  EXPECT_EQ(fresh.length(), 0u);
  options.stop = {};
  options.max_tokens = 3;
  EXPECT_EQ(generate(session, std::span(&result.tokens.back(), 1), options).tokens.size(), 3u);
}

TEST(Generate, CancelledWhileThePromptIsRead) {
  const auto prompt = tiny_tokens(1000, 300);
  GenerateOptions options{.max_tokens = 3};
  std::stop_source source;
  options.stop = source.get_token();
  double last = 0;
  options.prefill_progress = [&](double done) {
    last = done;
    if (done > 0.3) source.request_stop();
  };
  Session session(tiny(), {.batch = 100});
  session.prefill(std::span(prompt).first(10));
  const GenerateResult result = generate(session, std::span(prompt).first(900), options);
  EXPECT_EQ(result.reason, StopReason::kCancelled);
  EXPECT_TRUE(result.tokens.empty());
  EXPECT_LT(last, 0.9);
  EXPECT_EQ(session.length(), 10u);
}

TEST(Generate, LogprobsAreThoseOfTheRawLogits) {
  GenerateOptions options{.max_tokens = 25,
                          .temperature = 0.5f,
                          .logit_bias = {{280, 1.0f}},
                          .seed = 8,
                          .ignore_end_of_generation = true,
                          .logprobs = true,
                          .top_logprobs = 4};
  Session session(tiny());
  const GenerateResult result = generate(session, "the", options);
  ASSERT_EQ(result.logprobs.size(), 25u);

  auto tokens = tiny().tokenizer().encode("the");
  const std::size_t prompt = tokens.size(), vocab = tiny().info().vocab;
  tokens.insert(tokens.end(), result.tokens.begin(), result.tokens.end());
  const std::vector<float> logits = all_logits(tiny(), tokens);
  for (std::size_t i = 0; i < 25; ++i) {
    const auto row = std::span(logits).subspan((prompt - 1 + i) * vocab, vocab);
    double sum = 0;
    for (const float logit : row) sum += std::exp(static_cast<double>(logit));
    const auto expected = [&](std::int32_t token) {
      return row[static_cast<std::size_t>(token)] - std::log(sum);
    };
    const GeneratedLogprob& found = result.logprobs[i];
    EXPECT_EQ(found.chosen.token, result.tokens[i]);
    EXPECT_NEAR(found.chosen.logprob, expected(found.chosen.token), 1e-6);
    std::vector<std::int32_t> order(vocab);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
      return row[static_cast<std::size_t>(a)] > row[static_cast<std::size_t>(b)];
    });
    ASSERT_EQ(found.top.size(), 4u);
    for (std::size_t j = 0; j < 4; ++j) {
      EXPECT_EQ(found.top[j].token, order[j]);
      EXPECT_NEAR(found.top[j].logprob, expected(order[j]), 1e-6);
    }
  }
  options.logprobs = false;
  options.top_logprobs = 0;
  Session other(tiny());
  const GenerateResult without = generate(other, "the", options);
  EXPECT_TRUE(without.logprobs.empty());
  EXPECT_EQ(without.tokens, result.tokens);
}

TEST(Generate, PenaltiesCountThePrompt) {
  // Only a and b may come and a is in the prompt; after each, the other one.
  GenerateOptions options = only(bytes_of("ab"), 6);
  options.temperature = 0;
  options.presence_penalty = 100000;
  options.repeat_last_n = 1;
  const auto prompt = bytes_of("a");
  Session session(tiny());
  EXPECT_EQ(generate(session, prompt, options).text, "bababa");
}

TEST(Generate, RefusalsChangeNothing) {
  Session session(tiny());
  session.prefill(tiny().tokenizer().encode("the"));
  const auto before = held(session);
  const auto refused = [&](auto&& change) {
    GenerateOptions options;
    change(options);
    std::string message;
    EXPECT_EQ(error_of([&] { generate(session, "more", options); }, &message), ErrorCode::kArgument);
    EXPECT_EQ(held(session), before) << message;
    return message;
  };
  const auto names = [](const std::string& message, const char* option) {
    EXPECT_EQ(message.rfind(option, 0), 0u) << message;
  };
  const auto vocab = static_cast<std::int32_t>(tiny().info().vocab);
  names(refused([](auto& o) { o.temperature = std::nanf(""); }), "temperature");
  names(refused([](auto& o) { o.top_p = 2; }), "top_p");
  names(refused([](auto& o) { o.stop_strings = {"a", ""}; }), "stop_strings[1]");
  names(refused([](auto& o) { o.stop_strings = {"\xff"}; }), "stop_strings[0]");
  names(refused([&](auto& o) { o.logit_bias = {{vocab, 1.0f}}; }), "logit_bias");
  const std::int32_t outside[] = {vocab};
  EXPECT_EQ(error_of([&] { generate(session, outside); }), ErrorCode::kArgument);
  EXPECT_EQ(held(session), before);

  Session empty(tiny());
  EXPECT_EQ(error_of([&] { generate(empty, std::span<const std::int32_t>()); }), ErrorCode::kArgument);
  const Model dumb = load_tiny(kTiny);
  Session mute(dumb);
  EXPECT_EQ(error_of([&] { generate(mute, "the"); }), ErrorCode::kUnsupported);
}

TEST(Generate, LogitsThatAreNotFiniteAreAnError) {
  TinyModel broken = TinyModel::make({.vocabulary = TinyVocabulary::kSentencePiece});
  TinyTensor& output = broken.tensor("output.weight");
  for (std::size_t i = 0; i < 64; ++i) output.set(i, 3e38f);  // of token 0: a sum of these overflows
  const Model model = load_tiny(broken);
  Session session(model);
  bool overflowed = false;
  for (const char* prompt : {"the", "a", "to", "of", "hand"}) {
    session.truncate(0);
    const ErrorCode code = error_of([&] { generate(session, prompt, {.max_tokens = 5}); });
    EXPECT_TRUE(code == ErrorCode{} || code == ErrorCode::kNonFinite);
    overflowed |= code == ErrorCode::kNonFinite;
  }
  EXPECT_TRUE(overflowed);
}

}  // namespace
}  // namespace garam::test
