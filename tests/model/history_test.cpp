// Bits again, over how a sequence came to be: neighbours in the batch, forks, rollbacks, prefixes already
// held, sessions written to files and read back.
#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "model/harness.h"

namespace garam::test {
namespace {

using Tokens = std::vector<std::int32_t>;

Tokens join(std::span<const std::int32_t> head, std::span<const std::int32_t> tail) {
  Tokens all(head.begin(), head.end());
  all.insert(all.end(), tail.begin(), tail.end());
  return all;
}

class History : public testing::TestWithParam<std::tuple<const char*, const char*, KvType>> {
 protected:
  TinyOptions options() const {
    return {.architecture = std::get<0>(GetParam()), .weights = std::get<1>(GetParam())};
  }
  SessionOptions session_options() const { return {.kv_type = std::get<2>(GetParam())}; }
};

/// Eight other sequences come and go in the batch, with prompts and single steps, before and behind.
TEST_P(History, NeighboursInTheBatch) {
  constexpr std::size_t kSequences = 9;
  constexpr std::size_t kTokens = 130;
  const Model model = load_tiny(options());
  const std::size_t vocab = options().vocab;
  std::vector<Tokens> tokens;
  std::vector<std::vector<float>> alone, together(kSequences);
  std::vector<Session> sessions;
  for (std::size_t s = 0; s < kSequences; ++s) {
    tokens.push_back(tiny_tokens(kTokens, vocab, s));
    alone.push_back(all_logits(model, tokens.back(), session_options()));
    SessionOptions own = session_options();
    own.batch = 20 + 7 * s;  // the first row's session decides: passes are cut at many places
    sessions.emplace_back(model, own);
  }
  const auto lots = tiny_tokens(4000, 1000, 77);  // an endless supply of small decisions
  std::size_t lot = 0;
  const auto draw = [&](std::size_t n) { return static_cast<std::size_t>(lots[lot++ % lots.size()]) % n; };
  for (bool more = true; more;) {
    more = false;
    std::vector<std::size_t> left(kSequences);
    std::vector<std::size_t> next(kSequences);
    std::size_t total = 0;
    for (std::size_t s = 0; s < kSequences; ++s) {
      next[s] = sessions[s].length();
      constexpr std::size_t kSizes[] = {0, 1, 1, 1, 5, 17, 40};
      left[s] = std::min(kTokens - next[s], kSizes[draw(std::size(kSizes))]);
      total += left[s];
    }
    std::vector<Row> rows;
    while (rows.size() < total) {  // rows of a session in order, sessions mixed row by row
      const std::size_t s = draw(kSequences);
      if (left[s] == 0) continue;
      --left[s];
      rows.push_back({&sessions[s], tokens[s][next[s]++], true});
    }
    forward(rows);
    for (std::size_t s = 0; s < kSequences; ++s) {
      more = more || sessions[s].length() < kTokens;
      if (std::none_of(rows.begin(), rows.end(), [&](const Row& r) { return r.session == &sessions[s]; })) {
        continue;
      }
      const auto logits = sessions[s].logits();
      together[s].insert(together[s].end(), logits.begin(), logits.end());
    }
  }
  for (std::size_t s = 0; s < kSequences; ++s) EXPECT_TRUE(equal_bits(alone[s], together[s])) << s;
}

TEST_P(History, ForkAt300Of700) {
  const Model model = load_tiny(options());
  const std::size_t vocab = options().vocab;
  const Tokens prompt = tiny_tokens(700, vocab, 1), other = tiny_tokens(400, vocab, 2);
  const auto head = std::span(prompt).first(300), tail = std::span(prompt).subspan(300);
  const auto expected = all_logits(model, prompt, session_options());
  const auto expected_other = all_logits(model, join(head, other), session_options());

  Session session(model, session_options());
  session.prefill(head);
  Session fork = session.fork();
  EXPECT_EQ(fork.length(), 300u);
  // Both write into what was the shared last page, in turns.
  std::vector<float> own, forked;
  for (std::size_t i = 0; i < 400; i += 100) {
    fork.prefill(std::span(other).subspan(i, 100), {.all_logits = true});
    forked.insert(forked.end(), fork.logits().begin(), fork.logits().end());
    session.prefill(tail.subspan(i, 100), {.all_logits = true});
    own.insert(own.end(), session.logits().begin(), session.logits().end());
  }
  EXPECT_TRUE(equal_bits(last_rows(expected, 400, vocab), own));
  EXPECT_TRUE(equal_bits(last_rows(expected_other, 400, vocab), forked));
}

TEST_P(History, TruncateAndFeedAgain) {
  const Model model = load_tiny(options());
  const std::size_t vocab = options().vocab;
  const Tokens tokens = tiny_tokens(320, vocab, 1), wrong = tiny_tokens(320, vocab, 2);
  const auto expected = all_logits(model, tokens, session_options());
  Session session(model, session_options());
  session.prefill(wrong);
  std::size_t held = 0;
  for (const std::size_t length : {0, 1, 15, 16, 63, 64, 65, 200, 256, 257}) {
    session.truncate(held);
    session.prefill(std::span(tokens).subspan(held, length - held));
    held = length;
    session.prefill(std::span(wrong).first(40));  // slots that the right tokens must overwrite
  }
  session.truncate(held);
  session.prefill(std::span(tokens).subspan(held), {.all_logits = true});
  EXPECT_TRUE(equal_bits(last_rows(expected, 320 - held, vocab), session.logits()));
  ASSERT_EQ(session.length(), 320u);
  EXPECT_TRUE(std::equal(tokens.begin(), tokens.end(), session.tokens().begin()));
}

/// A prefix that an earlier, longer conversation left behind gives what a fresh session gives.
TEST_P(History, PrefixAlreadyHeld) {
  const Model model = load_tiny(options());
  const std::size_t vocab = options().vocab;
  const Tokens prefix = tiny_tokens(130, vocab, 1);
  Session warm(model, session_options());
  warm.prefill(join(prefix, tiny_tokens(100, vocab, 2)));
  for (std::uint64_t question = 3; question < 6; ++question) {
    const Tokens tail = tiny_tokens(30, vocab, question);
    Session hit = warm.fork();
    hit.truncate(prefix.size());
    hit.prefill(tail, {.all_logits = true});
    const auto fresh = all_logits(model, join(prefix, tail), session_options());
    EXPECT_TRUE(equal_bits(last_rows(fresh, tail.size(), vocab), hit.logits()));
  }
}

TEST_P(History, SavedAndLoaded) {
  const TempDir dir;
  const Model model = load_tiny(options());
  const std::size_t vocab = options().vocab;
  const Tokens tokens = tiny_tokens(300, vocab, 1);
  const auto expected = all_logits(model, tokens, session_options());
  for (const std::size_t length : {1, 63, 64, 65, 250}) {
    Session saved(model, session_options());
    saved.prefill(std::span(tokens).first(length));
    saved.save(dir.file("session"));
    Session loaded(model, session_options());
    loaded.prefill(tiny_tokens(80, vocab, 9));  // to be replaced
    loaded.load(dir.file("session"));
    EXPECT_TRUE(loaded.logits().empty());
    ASSERT_TRUE(std::equal(loaded.tokens().begin(), loaded.tokens().end(), tokens.begin(),
                           tokens.begin() + static_cast<std::ptrdiff_t>(length)));
    loaded.prefill(std::span(tokens).subspan(length), {.all_logits = true});
    EXPECT_TRUE(equal_bits(last_rows(expected, 300 - length, vocab), loaded.logits())) << length;
  }
}

INSTANTIATE_TEST_SUITE_P(Bits, History,
                         testing::Combine(testing::Values("gpt2", "llama"),
                                          testing::Values("f32", "bf16", "q4_0", "mixed"),
                                          testing::ValuesIn(kAllKvTypes)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param)) + "_" + std::get<1>(info.param) + "_" +
                                  std::string(to_string(std::get<2>(info.param))) + "kv";
                         });

}  // namespace
}  // namespace garam::test
