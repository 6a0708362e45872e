// The promise of docs/numerics.md on whole models: logits are a function of file, tokens and declared
// options, to the last bit, whatever the kernels, the threads, the chunks and the caller's floating-point
// state.
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "model/harness.h"
#include "support/caller_state.h"

namespace garam::test {
namespace {

bool available(KernelSet set) {
  const auto sets = available_kernel_sets();
  return std::find(sets.begin(), sets.end(), set) != sets.end();
}

class Computed : public testing::TestWithParam<std::tuple<KernelSet, const char*, const char*>> {};

TEST_P(Computed, SameBitsWithAnyThreadsAndChunks) {
  const auto [kernels, architecture, weights] = GetParam();
  if (!available(kernels)) GTEST_SKIP() << "SKIPPED: this CPU cannot run " << to_string(kernels);
  const std::size_t experts = std::string(architecture) == "qwen3moe" ? 6 : 0;
  const TinyOptions options{.architecture = architecture, .weights = weights, .experts = experts};
  const auto tokens = tiny_tokens(70, options.vocab);
  const Model portable = load_tiny(options, KernelSet::kPortable, 1);
  const Model model = load_tiny(options, kernels);
  ASSERT_EQ(model.kernels(), kernels);
  EXPECT_EQ(model.fingerprint(), portable.fingerprint());
  for (const KvType kv_type : kAllKvTypes) {
    const std::vector<float> expected = all_logits(portable, tokens, {.kv_type = kv_type});
    for (const unsigned threads : {1u, 2u, 3u}) {
      for (const std::size_t chunk : {1, 3, 16, 64, 512}) {
        // Pages of other types differ from f16 ones in three kernels only; a few pairs are enough.
        if (kv_type != KvType::kF16 && chunk != 16 && chunk != 512) continue;
        EXPECT_TRUE(equal_bits(
            expected, all_logits(model, tokens, {.kv_type = kv_type, .threads = threads, .batch = chunk})))
            << threads << " threads, chunks of " << chunk;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Bits, Computed,
                         testing::Combine(testing::Values(KernelSet::kPortable, KernelSet::kAvx2,
                                                          KernelSet::kAvx512, KernelSet::kNeon),
                                          testing::Values("gpt2", "llama"),
                                          testing::Values("f32", "f16", "bf16", "q8_0", "q4_0", "mixed")),
                         [](const auto& info) {
                           return std::string(to_string(std::get<0>(info.param))) + "_" +
                                  std::get<1>(info.param) + "_" + std::get<2>(info.param);
                         });

INSTANTIATE_TEST_SUITE_P(
    BitsOfOthers, Computed,
    testing::Combine(testing::Values(KernelSet::kAvx2, KernelSet::kAvx512, KernelSet::kNeon),
                     testing::Values("command-r", "falcon", "gemma", "gemma2", "gemma3", "gptneox", "gpt-oss",
                                     "olmo2", "phi2", "phi3", "qwen2", "qwen2moe", "qwen3", "qwen3moe",
                                     "stablelm", "starcoder2"),
                     testing::Values("mixed")),
    [](const auto& info) {
      std::string name = std::string(to_string(std::get<0>(info.param))) + "_" + std::get<1>(info.param);
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

class AnyKernels : public testing::TestWithParam<KernelSet> {};

/// Several attention chunks, odd sizes, a window: one long prompt a kernel set.
TEST_P(AnyKernels, SameBitsOnLongPrompts) {
  if (!available(GetParam())) GTEST_SKIP() << "SKIPPED: this CPU cannot run " << to_string(GetParam());
  const TinyOptions cases[] = {
      {},
      {.heads = 5, .kv_heads = 1, .head_dim = 10, .value_dim = 18, .width = 45, .hidden = 51},
      {.window = 100, .rope = TinyRope::kYarn},
  };
  for (const TinyOptions& options : cases) {
    const auto tokens = tiny_tokens(530, options.vocab);
    const Model model = load_tiny(options, GetParam());
    for (const KvType kv_type : kAllKvTypes) {
      const std::vector<float> expected =
          all_logits(load_tiny(options, KernelSet::kPortable, 1), tokens, {.kv_type = kv_type});
      for (const std::size_t chunk : {33, 512}) {
        EXPECT_TRUE(equal_bits(expected, all_logits(model, tokens, {.kv_type = kv_type, .batch = chunk})));
      }
    }
  }
}

/// Lengths around every block size, each fed at once and token by token at the end.
TEST_P(AnyKernels, SameBitsAtEveryLength) {
  if (!available(GetParam())) GTEST_SKIP() << "SKIPPED: this CPU cannot run " << to_string(GetParam());
  const TinyOptions options{.weights = "q8_0", .layers = 1};
  const auto tokens = tiny_tokens(257, options.vocab);
  const std::vector<float> every = all_logits(load_tiny(options, KernelSet::kPortable, 1), tokens);
  const Model model = load_tiny(options, GetParam());
  for (const std::size_t length : {15, 16, 17, 63, 64, 65, 255, 256, 257}) {
    const auto expected = std::span(every).subspan((length - 1) * options.vocab, options.vocab);
    Session session(model);
    session.prefill(std::span(tokens).first(length));
    EXPECT_TRUE(equal_bits(expected, session.logits())) << length;
    session.truncate(length - 1);
    EXPECT_TRUE(equal_bits(expected, session.step(tokens[length - 1]))) << length;
  }
}

INSTANTIATE_TEST_SUITE_P(Bits, AnyKernels,
                         testing::Values(KernelSet::kPortable, KernelSet::kAvx2, KernelSet::kAvx512,
                                         KernelSet::kNeon),
                         [](const auto& info) { return std::string(to_string(info.param)); });

/// One model, two sessions, two threads: the pool serves one, the other computes on its own thread.
TEST(Bits, TwoThreadsOnOneModel) {
  for (const char* weights : {"f32", "q4_0"}) {
    const TinyOptions options{.weights = weights};
    const Model model = load_tiny(options);
    const auto first = tiny_tokens(150, options.vocab, 1), second = tiny_tokens(150, options.vocab, 2);
    const std::vector<float> expected_first = all_logits(model, first);
    const std::vector<float> expected_second = all_logits(model, second);
    for (int round = 0; round < 3; ++round) {
      std::vector<float> found_first, found_second;
      std::thread other([&] { found_second = all_logits(model, second, {.batch = 7}); });
      found_first = all_logits(model, first, {.batch = 5});
      other.join();
      EXPECT_TRUE(equal_bits(expected_first, found_first));
      EXPECT_TRUE(equal_bits(expected_second, found_second));
    }
  }
}

/// Forks share pages; two threads that write into them must not see each other.
TEST(Bits, TwoThreadsOnForks) {
  const TinyOptions options{};
  const Model model = load_tiny(options);
  const auto prompt = tiny_tokens(100, options.vocab, 1);
  const auto first = tiny_tokens(50, options.vocab, 2), second = tiny_tokens(50, options.vocab, 3);
  const auto joined = [&](const std::vector<std::int32_t>& tail) {
    std::vector<std::int32_t> tokens = prompt;
    tokens.insert(tokens.end(), tail.begin(), tail.end());
    return all_logits(model, tokens);
  };
  const auto tail_of = [&](Session& session, const std::vector<std::int32_t>& tail) {
    std::vector<float> logits;
    for (const std::int32_t token : tail) {
      const auto row = session.step(token);
      logits.insert(logits.end(), row.begin(), row.end());
    }
    return logits;
  };
  Session a(model);
  a.prefill(prompt);
  Session b = a.fork();
  std::vector<float> found;
  std::thread other([&] { found = tail_of(b, second); });
  const std::vector<float> own = tail_of(a, first);
  other.join();
  EXPECT_TRUE(equal_bits(last_rows(joined(first), first.size(), options.vocab), own));
  EXPECT_TRUE(equal_bits(last_rows(joined(second), second.size(), options.vocab), found));
}

/// Everything a caller can do with a session, in one state; returns all logits it saw.
std::vector<float> everything(const std::string& path, const std::string& scratch,
                              const std::vector<std::int32_t>& tokens, std::uint64_t state) {
  const CallerState caller(state);
  std::vector<float> seen;
  const auto note = [&](const Session& session) {
    const auto logits = session.logits();
    seen.insert(seen.end(), logits.begin(), logits.end());
    EXPECT_EQ(float_state(), state);
  };
  const Model model = Model::load(path, {.threads = 2});
  EXPECT_EQ(float_state(), state);
  Session session(model);
  session.prefill(tokens, {.all_logits = true});
  note(session);
  session.step(3);
  note(session);
  Session fork = session.fork();
  forward(std::vector<Row>{{&fork, 4, true}, {&session, 5, true}});
  note(fork);
  note(session);
  session.save(scratch);
  fork.load(scratch);
  fork.step(1);
  note(fork);
  EXPECT_THROW(session.step(-1), Error);
  EXPECT_EQ(float_state(), state);
  return seen;
}

TEST(Bits, CallersFloatingPointState) {
  const TempDir dir;
  for (const char* weights : {"f32", "bf16", "q8_0"}) {
    TinyModel tiny = TinyModel::make({.weights = weights});
    // An embedding of subnormal numbers: the norm lifts them into sight, unless they were taken for zero.
    // Others: upward rounding changes nearly every sum.
    if (tiny.tensor("token_embd.weight").type == 0) {
      for (std::size_t i = 0; i < 64; ++i) {
        TinyTensor& embedding = tiny.tensor("token_embd.weight");
        embedding.set(3 * 64 + i, embedding.get(3 * 64 + i) * 0x1p-130f);
      }
    }
    const TinyFile file(tiny);
    auto tokens = tiny_tokens(40, 67);
    tokens[0] = 3;
    const auto expected = everything(file.path(), dir.file("session"), tokens, kUsualState);
    for (const std::uint64_t state : kHostileStates) {
      EXPECT_TRUE(equal_bits(expected, everything(file.path(), dir.file("session"), tokens, state)))
          << weights << ", state 0x" << std::hex << state;
    }
  }
}

}  // namespace
}  // namespace garam::test
