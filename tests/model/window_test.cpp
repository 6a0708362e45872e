// Sliding windows: pages behind them are dropped, and what can still be done then gives the same bits.
#include <gtest/gtest.h>

#include "model/harness.h"
#include "model/session_impl.h"

namespace garam::test {
namespace {

constexpr std::size_t kWindow = 20;

/// Layers that all see the window, and such as share their model with layers that see everything.
struct Windowed {
  const char* name;
  TinyOptions options;
  std::size_t local_layers;
};

std::ostream& operator<<(std::ostream& out, const Windowed& w) {
  return out << w.name;
}

const Windowed kWindowed[] = {
    {"all", {.layers = 1, .context = 4096, .window = kWindow}, 1},
    {"gemma2", {.architecture = "gemma2", .layers = 3, .context = 4096, .window = kWindow}, 2},
    {"gemma3", {.architecture = "gemma3", .layers = 7, .heads = 2, .context = 4096, .window = kWindow}, 6},
    {"gpt_oss", {.architecture = "gpt-oss", .layers = 2, .context = 4096, .window = kWindow}, 1},
    {"olmo2", {.architecture = "olmo2", .layers = 4, .context = 4096, .window = kWindow}, 3},
};

class SlidingWindow : public testing::TestWithParam<Windowed> {
 protected:
  const TinyOptions options_ = GetParam().options;
  const Model model_ = load_tiny(options_);
  const std::vector<std::int32_t> tokens_ = tiny_tokens(1500, options_.vocab);
  const std::vector<float> expected_ = all_logits(model_, tokens_);

  /// Keys and values of a position of one layer take one share of the page.
  void drops_pages(KvType type, std::size_t page, const std::vector<float>& expected) {
    const std::size_t local = GetParam().local_layers, layer = page / options_.layers;
    // Window, one chunk and the rollback margin stay, and a page that they begin and end in.
    constexpr std::size_t kKept = (kWindow + 256 + 256) / 64 + 2;
    Session session(model_, {.kv_type = type});
    std::vector<float> found;
    for (std::size_t i = 0; i < tokens_.size(); i += 50) {
      session.prefill(std::span(tokens_).subspan(i, 50), {.all_logits = true});
      found.insert(found.end(), session.logits().begin(), session.logits().end());
      const std::size_t pages = (i + 50 + 63) / 64;
      EXPECT_EQ(session.kv_bytes() % layer, 0u);
      EXPECT_LE(session.kv_bytes(),
                (std::min(pages, kKept) * local + pages * (options_.layers - local)) * layer)
          << i;
    }
    EXPECT_TRUE(equal_bits(expected, found));
  }
};

TEST_P(SlidingWindow, DropsPagesBehindIt) {
  drops_pages(KvType::kF16, model_.info().kv_bytes_per_page, expected_);
}
TEST_P(SlidingWindow, DropsPagesOfQ8KeysAndValues) {
  drops_pages(KvType::kQ8_0, model_.info().kv_bytes_per_page_q8_0,
              all_logits(model_, tokens_, {.kv_type = KvType::kQ8_0}));
}

TEST_P(SlidingWindow, TruncateSaysHowFarItCanGo) {
  Session session(model_);
  session.prefill(tokens_);
  std::string message;
  EXPECT_EQ(error_of([&] { session.truncate(10); }, &message), ErrorCode::kArgument);
  const std::size_t smallest = session.impl().kv.smallest_length();
  EXPECT_NE(message.find(std::to_string(smallest)), std::string::npos) << message;
  EXPECT_LT(smallest, tokens_.size() - 256) << "the margin is kept";
  EXPECT_EQ(error_of([&] { session.truncate(smallest - 1); }), ErrorCode::kArgument);
  EXPECT_EQ(session.length(), tokens_.size());
  session.truncate(smallest);
  session.prefill(std::span(tokens_).subspan(smallest), {.all_logits = true});
  EXPECT_TRUE(equal_bits(last_rows(expected_, tokens_.size() - smallest, options_.vocab), session.logits()));
  session.truncate(0);
  EXPECT_EQ(session.kv_bytes(), 0u);
  session.prefill(tokens_, {.all_logits = true});
  EXPECT_TRUE(equal_bits(expected_, session.logits()));
}

TEST_P(SlidingWindow, ForkAndSaveWithDroppedPages) {
  const TempDir dir;
  for (const KvType type : {KvType::kF16, KvType::kQ8_0}) {
    const std::vector<float> expected = all_logits(model_, tokens_, {.kv_type = type});
    Session session(model_, {.kv_type = type});
    session.prefill(std::span(tokens_).first(1400));
    session.save(dir.file("session"));
    Session fork = session.fork();
    fork.prefill(tiny_tokens(100, options_.vocab, 5));
    Session loaded(model_, {.kv_type = type});
    loaded.load(dir.file("session"));
    EXPECT_EQ(loaded.kv_bytes(), session.kv_bytes());
    for (Session* s : {&session, &loaded}) {
      s->prefill(std::span(tokens_).subspan(1400), {.all_logits = true});
      EXPECT_TRUE(equal_bits(last_rows(expected, 100, options_.vocab), s->logits()));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Windows, SlidingWindow, testing::ValuesIn(kWindowed),
                         [](const auto& info) { return std::string(info.param.name); });

/// Which layers see the window: a period, or one boolean a layer.
TEST(WindowPattern, PeriodOrOneBooleanALayer) {
  TinyModel tiny = TinyModel::make({.architecture = "gemma3", .layers = 3, .window = 20});
  const auto tokens = tiny_tokens(60, 67);
  const auto with = [&](GgufValue pattern) {
    tiny.set("gemma3.attention.sliding_window_pattern", std::move(pattern));
    return all_logits(load_tiny(tiny), tokens);
  };
  const std::vector<float> second_is_global = with(std::uint32_t{2});
  EXPECT_TRUE(equal_bits(second_is_global, with(GgufArray(std::vector<bool>{true, false, true}))));
  EXPECT_TRUE(equal_bits(with(std::uint32_t{0}), with(GgufArray(std::vector<bool>{true, true, true}))));
  EXPECT_TRUE(equal_bits(with(std::uint32_t{1}), with(GgufArray(std::vector<bool>{false, false, false}))));
  EXPECT_FALSE(equal_bits(second_is_global, with(std::uint32_t{1})));
}

}  // namespace
}  // namespace garam::test
