// Perplexity beside its double-precision computation, its bits whatever computes them, and its refusals.
#include <gtest/gtest.h>

#include <cstring>

#include "evaluate/exact.h"
#include "model/harness.h"
#include "support/refusal.h"

namespace garam::test {
namespace {

TEST(Perplexity, OfChunksAgreesWithDouble) {
  for (const char* architecture : {"llama", "gpt2", "gemma2"}) {
    const TinyOptions options{.architecture = architecture};
    const auto tokens = tiny_tokens(205, options.vocab);
    const Perplexity found = perplexity(load_tiny(options), tokens, {.chunk = 50});
    const Estimate nll = exact_nll(exact_rows(reference_of(options), tokens, {.chunk = 50, .chunks = 4}));
    EXPECT_EQ(found.tokens, 205u);
    EXPECT_EQ(found.chunks, 4u);
    EXPECT_EQ(found.scored, 4u * 24u);
    // f32 logits are off by some 1e-6 of their size, and the errors of 96 tokens partly cancel.
    EXPECT_LT(relative(found.nll.value, nll.value), 1e-6) << architecture;
    EXPECT_LT(relative(found.nll.error, nll.error), 1e-5) << architecture;
    EXPECT_LT(relative(found.perplexity.value, exact_exp(nll).value), 1e-5) << architecture;
    EXPECT_LT(relative(found.perplexity.error, exact_exp(nll).error), 1e-5) << architecture;
    EXPECT_FALSE(found.kl);
  }
}

TEST(Perplexity, OfASlidingWindowAgreesWithDouble) {
  const TinyOptions options{.weights = "bf16"};
  const Model model = load_tiny(options);
  const ReferenceFile file = reference_of(options);
  for (const std::size_t stride : {1, 8, 15, 29}) {
    const std::size_t window = 30 + stride / 2, chunks = 5;
    // The last window ends with the text.
    const auto tokens = tiny_tokens(window + (chunks - 1) * stride, options.vocab);
    const Perplexity found = perplexity(model, tokens, {.chunk = 30, .stride = stride});
    EXPECT_EQ(found.chunks, chunks);
    EXPECT_EQ(found.scored, chunks * stride);
    const Estimate nll =
        exact_nll(exact_rows(file, tokens, {.chunk = 30, .stride = stride, .chunks = chunks}));
    // bf16 weights meet activations rounded to bf16 (numerics rule 4), 0.4 % each.
    EXPECT_LT(relative(found.nll.value, nll.value), 1e-3) << stride;
  }
}

std::string text_of(std::size_t words) {
  std::string text;
  for (std::size_t i = 0; i < words; ++i) text += i % 3 == 0 ? "the hand " : i % 3 == 1 ? "in a " : "and ";
  return text;
}

TEST(Perplexity, ChunksOfATextBeginWithBos) {
  for (const TinyVocabulary vocabulary : {TinyVocabulary::kSentencePiece, TinyVocabulary::kByteLevel}) {
    const TinyOptions options{.vocabulary = vocabulary};
    const Model model = load_tiny(options);
    const auto tokens = model.tokenizer().encode(text_of(60));
    const std::size_t chunks = tokens.size() / 20;
    ASSERT_GE(chunks, 3u);
    const auto bos = model.tokenizer().add_bos() ? model.tokenizer().bos() : std::nullopt;
    EXPECT_EQ(bos.has_value(), vocabulary == TinyVocabulary::kSentencePiece);
    const Estimate nll =
        exact_nll(exact_rows(reference_of(options), tokens, {.chunk = 20, .chunks = chunks, .bos = bos}));
    const PerplexityOptions cut{.chunk = 20};
    const Perplexity found = perplexity(model, text_of(60), cut);
    EXPECT_LT(relative(found.nll.value, nll.value), 1e-6);
    EXPECT_EQ(perplexity(model, tokens, cut).nll.value, found.nll.value);
  }
}

/// The weights as they are, in f32: activations of q8_0 products are rounded, which is another matter.
TEST(PerplexityOfARealModel, AgreesWithDouble) {
  const TempDir dir;
  const std::string path = dir.file("story.gguf");
  quantize(GARAM_STORY_MODEL, path, "f32", {.requantize = true});
  const Model model = Model::load(path);
  std::string text;
  Session session(model);
  while (text.size() < 8000) {
    session.truncate(0);
    text += generate(session, "Once upon a time", {.seed = text.size()}).text + "\n";
  }
  const auto tokens = model.tokenizer().encode(text);
  const ReferenceFile file = ReferenceFile::read(path);
  for (const std::size_t stride : {std::size_t{0}, std::size_t{64}}) {
    const std::size_t chunks = 2;
    const PerplexityOptions options{.chunk = 256, .stride = stride, .chunks = chunks};
    ExactCut cut{.chunk = 256, .stride = stride, .chunks = chunks};
    const Perplexity found = perplexity(model, text, options);
    const Estimate exact = exact_exp(exact_nll(exact_rows(file, tokens, cut)));
    // Issue 5 asks for 1e-4; f32 arithmetic alone stays far below that.
    EXPECT_LT(relative(found.perplexity.value, exact.value), 1e-5);
    EXPECT_LT(relative(found.perplexity.error, exact.error), 1e-5);
    // Rounding keys and values to f16 moves the result itself by up to 6e-4, so the reference rounds too. Now
    // and then the two round to different sides.
    PerplexityOptions rounded = options;
    rounded.kv_type = KvType::kF16;
    cut.f16_kv = true;
    const Estimate exact_rounded = exact_exp(exact_nll(exact_rows(file, tokens, cut)));
    EXPECT_LT(relative(perplexity(model, text, rounded).perplexity.value, exact_rounded.value), 1e-4);
  }
}

TEST(Perplexity, SameBitsForAnyThreadsAndKernels) {
  for (const char* weights : {"f32", "mixed"}) {
    const TinyOptions options{.weights = weights};
    const auto tokens = tiny_tokens(400, options.vocab);
    const PerplexityOptions cut{.chunk = 90};
    const Perplexity expected = perplexity(load_tiny(options, KernelSet::kPortable, 1), tokens, cut);
    for (const KernelSet kernels : available_kernel_sets()) {
      const Model model = load_tiny(options, kernels);
      for (const unsigned threads : {1u, 2u, 3u}) {
        PerplexityOptions own = cut;
        own.threads = threads;
        const Perplexity found = perplexity(model, tokens, own);
        EXPECT_EQ(found.perplexity.value, expected.perplexity.value) << to_string(kernels) << threads;
        EXPECT_EQ(found.perplexity.error, expected.perplexity.error) << to_string(kernels) << threads;
      }
    }
  }
}

TEST(Perplexity, ReportsChunkByChunk) {
  const TinyOptions options;
  const Model model = load_tiny(options);
  const auto tokens = tiny_tokens(100, options.vocab);
  std::vector<double> shares, perplexities;
  std::vector<std::size_t> done;
  const Perplexity all = perplexity(model, tokens,
                                    {.chunk = 20,
                                     .progress = [&](double share) { shares.push_back(share); },
                                     .on_chunk =
                                         [&](std::size_t i, std::size_t chunks, double value) {
                                           EXPECT_EQ(chunks, 5u);
                                           done.push_back(i);
                                           perplexities.push_back(value);
                                         }});
  EXPECT_EQ(done, (std::vector<std::size_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(perplexities.back(), all.perplexity.value);
  EXPECT_TRUE(std::is_sorted(shares.begin(), shares.end()));
  EXPECT_EQ(shares.back(), 1.0);
  const Perplexity two = perplexity(model, tokens, {.chunk = 20, .chunks = 2});
  EXPECT_EQ(two.chunks, 2u);
  EXPECT_EQ(two.perplexity.value, perplexities[1]);
  EXPECT_EQ(perplexity(model, tokens, {.chunk = 20, .chunks = 99}).chunks, 5u);
}

TEST(Perplexity, OfOneTokenHasNoError) {
  const TinyOptions options;
  const Perplexity found =
      perplexity(load_tiny(options), tiny_tokens(3, options.vocab), {.chunk = 3, .chunks = 1});
  EXPECT_EQ(found.scored, 1u);
  EXPECT_TRUE(std::isnan(found.perplexity.error));
  EXPECT_TRUE(std::isfinite(found.perplexity.value));
}

TEST(Perplexity, AWindowThatDropsPagesIsNoObstacle) {
  const TinyOptions options{.window = 16};
  const auto tokens = tiny_tokens(1400, options.vocab);
  const Model model = load_tiny(options);
  const Perplexity found = perplexity(model, tokens, {.chunk = 700});
  EXPECT_EQ(found.chunks, 2u);
  EXPECT_EQ(found.scored, 2u * 349u);
}

TEST(Perplexity, CanBeCancelled) {
  const TinyOptions options;
  const Model model = load_tiny(options);
  const auto tokens = tiny_tokens(100, options.vocab);
  const TempDir dir;
  std::stop_source source;
  std::size_t chunks = 0;
  const auto stop_after_two = [&](std::size_t done, std::size_t, double) {
    chunks = done;
    if (done == 2) source.request_stop();
  };
  EXPECT_EQ(error_of([&] {
              perplexity(model, tokens,
                         {.chunk = 20,
                          .save_logits = dir.file("logits"),
                          .on_chunk = stop_after_two,
                          .stop = source.get_token()});
            }),
            ErrorCode::kCancelled);
  EXPECT_EQ(chunks, 2u);
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
  EXPECT_GT(perplexity(model, tokens, {.chunk = 20}).perplexity.value, 1.0);
}

TEST(Perplexity, MemoryDoesNotGrowWithTheText) {
  const TinyOptions options{.layers = 1, .vocab = 20011};
  const Model model = load_tiny(options);
  const auto tokens = tiny_tokens(10 * 512, options.vocab);
  perplexity(model, tokens, {.chunks = 1});
  // Ten chunks of 255 rows are 204 MB of logits.
  const MemoryCeiling ceiling(120u << 20);
  EXPECT_EQ(perplexity(model, tokens).scored, 2550u);
}

TEST(Perplexity, RefusesWhatItCannotDo) {
  const TinyOptions options;
  const Model model = load_tiny(options);
  struct Case {
    std::size_t tokens;
    PerplexityOptions cut;
    const char* message;
  };
  const Case cases[] = {
      {0, {}, "expected at least the 512 tokens of one chunk, found 0"},
      {511, {}, "expected at least the 512 tokens of one chunk, found 511"},
      {29, {.chunk = 20, .stride = 19}, ""},
      {28, {.chunk = 20, .stride = 19}, "expected at least the 29 tokens of one window, found 28"},
      {100, {.chunk = 0}, "chunk: expected 3 to"},
      {100, {.chunk = 2}, "chunk: expected 3 to"},
      {100, {.chunk = SIZE_MAX}, "chunk: expected 3 to"},
      {100, {.chunk = 20, .stride = 20}, "stride: expected less than the chunk of 20 tokens, found 20"},
      {100, {.chunk = 20, .stride = SIZE_MAX}, "stride: expected"},
  };
  for (const Case& c : cases) {
    std::string message;
    const ErrorCode code =
        error_of([&] { perplexity(model, tiny_tokens(c.tokens, options.vocab), c.cut); }, &message);
    if (c.message[0] == '\0') {
      EXPECT_EQ(code, ErrorCode{}) << message;
    } else {
      EXPECT_EQ(code, ErrorCode::kArgument);
      EXPECT_TRUE(helps(message, "perplexity", {c.message}));
    }
  }
  for (const std::int32_t id : {-1, static_cast<std::int32_t>(options.vocab)}) {
    for (const std::size_t place : {0, 5, 19}) {  // 19 is never read, only scored
      auto tokens = tiny_tokens(20, options.vocab);
      tokens[place] = id;
      EXPECT_EQ(error_of([&] { perplexity(model, tokens, {.chunk = 20}); }), ErrorCode::kArgument);
    }
  }
  EXPECT_EQ(error_of([&] { perplexity(model, text_of(600)); }), ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace garam::test
