// What a session promises when things go wrong: it throws, says why, and is as it was.
#include <gtest/gtest.h>

#include <climits>

#include "model/harness.h"
#include "model/session_impl.h"

namespace garam::test {
namespace {

/// Tokens and logits of a session, to be compared with later.
struct Snapshot {
  explicit Snapshot(const Session& session)
      : tokens(session.tokens().begin(), session.tokens().end()),
        logits(copy(session.logits())),
        rows(session.logit_rows()) {}
  std::vector<std::int32_t> tokens;
  std::vector<float> logits;
  std::size_t rows;
};

testing::AssertionResult unchanged(const Snapshot& before, const Session& session) {
  const Snapshot now(session);
  if (now.tokens != before.tokens) return testing::AssertionFailure() << "other tokens";
  if (now.rows != before.rows) return testing::AssertionFailure() << now.rows << " rows of logits";
  return equal_bits(before.logits, now.logits);
}

/// A model and the logits of one sequence on it.
class Behaviour : public testing::Test {
 protected:
  const TinyOptions options_{.weights = "q8_0"};
  const Model model_ = load_tiny(options_);
  const std::vector<std::int32_t> tokens_ = tiny_tokens(200, options_.vocab);
  const std::vector<float> expected_ = all_logits(model_, tokens_);

  std::span<const float> row(std::size_t i) const {
    return std::span(expected_).subspan(i * options_.vocab, options_.vocab);
  }
  /// The session goes on as if nothing had happened.
  void expect_continues(Session& session) {
    const std::size_t held = session.length();
    ASSERT_LT(held, tokens_.size());
    session.prefill(std::span(tokens_).subspan(held, 1));
    EXPECT_TRUE(equal_bits(row(held), session.logits()));
  }
};

TEST_F(Behaviour, FullContext) {
  Session session(model_, {.context = 100});
  EXPECT_EQ(session.context(), 100u);
  session.prefill(std::span(tokens_).first(90));
  const Snapshot before(session);
  std::string message;
  EXPECT_EQ(error_of([&] { session.prefill(std::span(tokens_).first(11)); }, &message),
            ErrorCode::kContextFull);
  for (const char* part : {"90", "11", "100"}) EXPECT_NE(message.find(part), std::string::npos) << message;
  EXPECT_TRUE(unchanged(before, session));
  expect_continues(session);
  session.prefill(std::span(tokens_).subspan(91, 9));
  EXPECT_EQ(session.length(), 100u);
  EXPECT_EQ(error_of([&] { session.step(0); }), ErrorCode::kContextFull);
  EXPECT_TRUE(equal_bits(row(99), session.logits()));
  session.truncate(99);
  expect_continues(session);
}

TEST_F(Behaviour, TokensOutOfRange) {
  Session session(model_);
  session.prefill(std::span(tokens_).first(20));
  const Snapshot before(session);
  for (const std::int32_t bad : {-1, INT_MIN, static_cast<std::int32_t>(options_.vocab), INT_MAX}) {
    std::string message;
    EXPECT_EQ(error_of([&] { session.step(bad); }, &message), ErrorCode::kArgument);
    EXPECT_NE(message.find(std::to_string(bad)), std::string::npos) << message;
    const std::int32_t prompt[] = {1, 2, bad, 3};
    EXPECT_EQ(error_of([&] { session.prefill(prompt); }), ErrorCode::kArgument);
  }
  EXPECT_TRUE(unchanged(before, session));
  expect_continues(session);
}

TEST_F(Behaviour, OptionsOutOfRange) {
  EXPECT_EQ(error_of([&] { Session(model_, {.batch = 0}); }), ErrorCode::kArgument);
  EXPECT_EQ(error_of([&] { Session(model_, {.batch = 65537}); }), ErrorCode::kArgument);
  EXPECT_EQ(error_of([&] { Session(model_, {.context = (std::size_t{1} << 30) + 1}); }),
            ErrorCode::kArgument);
  EXPECT_EQ(error_of([&] { Session(model_, {.context = SIZE_MAX}); }), ErrorCode::kArgument);
  // Learned positions end where the table ends; rotary ones do not.
  EXPECT_EQ(Session(model_, {.context = 4096}).context(), 4096u);
  const TinyOptions gpt2{.architecture = "gpt2", .context = 50};
  const Model learned = load_tiny(gpt2);
  EXPECT_EQ(Session(learned).context(), 50u);
  EXPECT_EQ(error_of([&] { Session(learned, {.context = 51}); }), ErrorCode::kArgument);
  Session session(learned);
  session.prefill(std::span(tokens_).first(50));
  EXPECT_EQ(error_of([&] { session.step(0); }), ErrorCode::kContextFull);
}

TEST_F(Behaviour, ALargerContextChangesNoBit) {
  Session session(model_, {.context = 100000});
  session.prefill(tokens_, {.all_logits = true});
  EXPECT_TRUE(equal_bits(expected_, session.logits()));
}

TEST_F(Behaviour, EmptyPrefillIsNoChange) {
  Session session(model_);
  session.prefill({});
  EXPECT_EQ(session.length(), 0u);
  EXPECT_TRUE(session.logits().empty());
  session.prefill(std::span(tokens_).first(3));
  const Snapshot before(session);
  session.prefill({});
  forward({});
  EXPECT_TRUE(unchanged(before, session));
}

TEST_F(Behaviour, CancelledPrefill) {
  Session session(model_, {.batch = 16});
  session.prefill(std::span(tokens_).first(30));
  const Snapshot before(session);
  for (const double share : {-1.0, 0.0, 0.3, 0.9}) {  // before the start, after some passes
    std::stop_source source;
    if (share < 0) source.request_stop();
    const auto progress = [&](double done) {
      if (done > share) source.request_stop();
    };
    EXPECT_EQ(error_of([&] {
                session.prefill(std::span(tokens_).subspan(30),
                                {.progress = progress, .stop = source.get_token()});
              }),
              ErrorCode::kCancelled);
    EXPECT_TRUE(unchanged(before, session)) << share;
  }
  session.prefill(std::span(tokens_).subspan(30), {.all_logits = true});
  EXPECT_TRUE(equal_bits(last_rows(expected_, 170, options_.vocab), session.logits()));
}

TEST_F(Behaviour, CancelledBatch) {
  Session a(model_), b(model_);
  a.prefill(std::span(tokens_).first(30));
  b.prefill(std::span(tokens_).first(64));
  const Snapshot before_a(a), before_b(b);
  std::stop_source source;
  source.request_stop();
  EXPECT_EQ(error_of([&] {
              forward(std::vector<Row>{{&a, 1, true}, {&b, 1, true}}, source.get_token());
            }),
            ErrorCode::kCancelled);
  EXPECT_TRUE(unchanged(before_a, a));
  EXPECT_TRUE(unchanged(before_b, b));
  expect_continues(a);
  expect_continues(b);
}

TEST_F(Behaviour, ProgressRisesToOne) {
  Session session(model_, {.batch = 16});
  std::vector<double> shares;
  session.prefill(tokens_, {.progress = [&](double done) { shares.push_back(done); }});
  ASSERT_EQ(shares.size(), 13u) << "one a pass";
  EXPECT_GT(shares.front(), 0);
  EXPECT_TRUE(std::is_sorted(shares.begin(), shares.end()));
  EXPECT_EQ(shares.back(), 1);
}

TEST_F(Behaviour, ThrowingProgressLeavesTheSession) {
  Session session(model_, {.batch = 16});
  session.prefill(std::span(tokens_).first(30));
  const Snapshot before(session);
  EXPECT_THROW(session.prefill(tokens_, {.progress = [](double) { throw std::string("enough"); }}),
               std::string);
  EXPECT_TRUE(unchanged(before, session));
  expect_continues(session);
}

TEST_F(Behaviour, KvTypesHaveNames) {
  for (const KvType kv_type : kAllKvTypes) EXPECT_EQ(parse_kv_type(to_string(kv_type)), kv_type);
  std::string message;
  EXPECT_EQ(error_of([&] { parse_kv_type("q4_0"); }, &message), ErrorCode::kArgument);
  EXPECT_NE(message.find("f16, f32 or q8_0"), std::string::npos) << message;
  EXPECT_EQ(error_of([&] { Session(model_, {.kv_type = static_cast<KvType>(3)}); }), ErrorCode::kArgument);
}

TEST_F(Behaviour, BatchesThatCannotBe) {
  Session a(model_, {.context = 31}), full(model_, {.context = 10});
  a.prefill(std::span(tokens_).first(30));
  full.prefill(std::span(tokens_).first(10));
  const Snapshot before_a(a), before_full(full);
  const Model twin = load_tiny(options_);
  Session other_model(twin), other_type(model_, {.kv_type = KvType::kF32});
  EXPECT_EQ(error_of([&] {
              forward(std::vector<Row>{{&a, 1, true}, {&full, 1, true}});
            }),
            ErrorCode::kContextFull);
  EXPECT_EQ(error_of([&] {
              forward(std::vector<Row>{{&a, 1, true}, {&a, 1, true}});
            }),
            ErrorCode::kContextFull);
  EXPECT_EQ(error_of([&] {
              forward(std::vector<Row>{{&a, 1, true}, {&other_model, 1, true}});
            }),
            ErrorCode::kArgument);
  EXPECT_EQ(error_of([&] {
              forward(std::vector<Row>{{&a, 1, true}, {&other_type, 1, true}});
            }),
            ErrorCode::kArgument);
  EXPECT_EQ(error_of([&] {
              forward(std::vector<Row>{{&a, 1, true}, {nullptr, 1, true}});
            }),
            ErrorCode::kArgument);
  EXPECT_EQ(error_of([&] {
              forward(std::vector<Row>{{&a, 1, true}, {&other_type, -1, true}});
            }),
            ErrorCode::kArgument);
  EXPECT_TRUE(unchanged(before_a, a));
  EXPECT_TRUE(unchanged(before_full, full));
  EXPECT_EQ(other_type.length(), 0u);
  expect_continues(a);
}

TEST_F(Behaviour, TruncateOutOfRange) {
  Session session(model_);
  session.prefill(std::span(tokens_).first(30));
  const Snapshot before(session);
  EXPECT_EQ(error_of([&] { session.truncate(31); }), ErrorCode::kArgument);
  EXPECT_EQ(error_of([&] { session.truncate(SIZE_MAX); }), ErrorCode::kArgument);
  session.truncate(30);
  EXPECT_TRUE(unchanged(before, session));
  session.truncate(29);
  EXPECT_TRUE(session.logits().empty());
  EXPECT_EQ(session.logit_rows(), 0u);
  expect_continues(session);
}

TEST_F(Behaviour, SessionsOutliveTheModelObject) {
  auto model = std::make_unique<Model>(load_tiny(options_));
  Session session(*model);
  session.prefill(std::span(tokens_).first(30));
  Session moved = std::move(session);
  model.reset();
  Session fork = moved.fork();
  moved = std::move(fork);
  expect_continues(moved);
}

/// A page is 64 positions of both layers. Forks share pages until one writes.
TEST_F(Behaviour, PagesAreSharedAndCounted) {
  // 2 layers x 2 kv heads x (16 + 16) x 64 positions x 2 bytes.
  constexpr std::size_t kPage = 2 * 2 * 32 * 64 * 2;
  EXPECT_EQ(model_.info().kv_bytes_per_page, kPage);
  Session session(model_);
  EXPECT_EQ(session.kv_bytes(), 0u);
  session.prefill(std::span(tokens_).first(1));
  EXPECT_EQ(session.kv_bytes(), kPage);
  session.prefill(std::span(tokens_).subspan(1, 63));
  EXPECT_EQ(session.kv_bytes(), kPage);
  session.prefill(std::span(tokens_).subspan(64, 36));
  EXPECT_EQ(session.kv_bytes(), 2 * kPage);

  Session fork = session.fork();
  const auto page = [](Session& s, std::size_t i) { return s.impl().kv.pages()[i]; };
  EXPECT_EQ(page(session, 0), page(fork, 0));
  EXPECT_EQ(page(session, 1), page(fork, 1));
  const std::byte* shared = page(session, 1);
  fork.step(1);
  EXPECT_EQ(page(session, 0), page(fork, 0));
  EXPECT_NE(page(fork, 1), shared) << "the fork writes into a copy";
  EXPECT_EQ(page(session, 1), shared);
  expect_continues(session);
  EXPECT_EQ(page(session, 1), shared) << "the only owner writes in place";
  session.truncate(64);
  EXPECT_EQ(session.kv_bytes(), kPage);
  session.truncate(0);
  EXPECT_EQ(session.kv_bytes(), 0u);
  for (const KvType kv_type : kAllKvTypes) {
    Session other(model_, {.kv_type = kv_type});
    EXPECT_EQ(other.kv_bytes(), 0u);
    other.prefill(std::span(tokens_).first(65));
    const ModelInfo& info = model_.info();
    EXPECT_EQ(other.kv_bytes(), 2 * (kv_type == KvType::kF16   ? info.kv_bytes_per_page
                                     : kv_type == KvType::kF32 ? info.kv_bytes_per_page_f32
                                                               : info.kv_bytes_per_page_q8_0));
  }
}

/// A failed pass gives back the pages that it took.
TEST_F(Behaviour, FailedPassesKeepNoPages) {
  Session session(model_, {.batch = 16});
  session.prefill(std::span(tokens_).first(30));
  const std::size_t bytes = session.kv_bytes();
  std::stop_source source;
  EXPECT_EQ(error_of([&] {
              session.prefill(
                  tokens_, {.progress = [&](double) { source.request_stop(); }, .stop = source.get_token()});
            }),
            ErrorCode::kCancelled);
  EXPECT_EQ(session.kv_bytes(), bytes);
}

}  // namespace
}  // namespace garam::test
