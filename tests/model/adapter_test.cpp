// Adapters applied while loading: against weights merged in double, by bits over kernels, threads and chunks,
// and everything that has to know of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "model/harness.h"
#include "support/refusal.h"
#include "support/tiny_adapter.h"

namespace garam::test {
namespace {

constexpr SessionOptions kF32Kv{.kv_type = KvType::kF32};
// As of models without adapters (correctness_test.cpp): two more sums behind each other, of at most 160
// products.
constexpr double kF32Bound = 5e-6;
// Activations of the base's products rounded to q8, as there.
constexpr double kQ8Bound = 0.02;

/// A base model and adapters for it, in files.
class Adapted {
 public:
  explicit Adapted(const TinyOptions& options) : tiny_(TinyModel::make(options)) { tiny_.write(base()); }
  explicit Adapted(const TinyOptions& options, const TinyAdapterOptions& adapter) : Adapted(options) {
    add(adapter);
  }

  void add(const TinyAdapterOptions& options, float scale = 1) { add(make_adapter(tiny_, options), scale); }
  void add(const TinyModel& adapter, float scale = 1) {
    adapters_.push_back({dir_.file(std::to_string(adapters_.size()) + ".gguf"), scale});
    adapter.write(adapters_.back().path);
  }

  std::string base() const { return dir_.file("base.gguf"); }
  std::string file(const char* name) const { return dir_.file(name); }
  const TinyModel& tiny() const { return tiny_; }
  std::vector<Adapter>& adapters() { return adapters_; }

  Model load(KernelSet kernels = KernelSet::kAuto, unsigned threads = kWorkers) const {
    return Model::load(base(), {.kernels = kernels, .threads = threads, .adapters = adapters_});
  }
  Model load_base() const { return Model::load(base(), {.threads = kWorkers}); }
  ReferenceFile reference() const {
    ReferenceFile merged = ReferenceFile::read(base());
    for (const Adapter& a : adapters_) {
      add_adapter(merged, ReferenceFile::read(a.path), static_cast<double>(a.scale));
    }
    return merged;
  }

 private:
  TempDir dir_;
  TinyModel tiny_;
  std::vector<Adapter> adapters_;
};

class AdaptersOf : public testing::TestWithParam<const char*> {};

/// Every matrix of every architecture, experts and fused projections among them.
TEST_P(AdaptersOf, AgreeWithMergedWeights) {
  const TinyOptions options{.architecture = GetParam(),
                            .experts = std::string_view(GetParam()).ends_with("moe") ? 6u : 0u,
                            .window = 0};
  const Adapted adapted(options, {});
  const auto tokens = tiny_tokens(40, options.vocab);
  const std::vector<double> exact = reference_logits(adapted.reference(), tokens);
  EXPECT_LT(relative_rms(all_logits(adapted.load(), tokens, kF32Kv), exact), kF32Bound);
  EXPECT_GT(relative_rms(all_logits(adapted.load_base(), tokens, kF32Kv), exact), 0.1)
      << "the adapter changes what the model says";
}

INSTANTIATE_TEST_SUITE_P(All, AdaptersOf,
                         testing::Values("command-r", "falcon", "gemma", "gemma2", "gemma3", "gpt-oss",
                                         "gpt2", "gptneox", "llama", "olmo2", "phi2", "phi3", "qwen2",
                                         "qwen2moe", "qwen3", "qwen3moe", "stablelm", "starcoder2"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

/// One pair at a time, so that none can hide behind the others.
TEST(Adapters, EachMatrixOnItsOwn) {
  const TinyOptions options{.layers = 1};
  const auto tokens = tiny_tokens(20, options.vocab);
  for (const char* only :
       {"attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down", "output."}) {
    const Adapted adapted(options, {.only = only});
    const std::vector<double> exact = reference_logits(adapted.reference(), tokens);
    EXPECT_LT(relative_rms(all_logits(adapted.load(), tokens, kF32Kv), exact), kF32Bound) << only;
    EXPECT_GT(relative_rms(all_logits(adapted.load_base(), tokens, kF32Kv), exact), 1e-3) << only;
  }
}

TEST(Adapters, OfEveryTypeAndRank) {
  const TinyOptions options{.layers = 1};
  const auto tokens = tiny_tokens(20, options.vocab);
  const std::pair<const char*, std::size_t> cases[] = {{"f32", 1}, {"f32", 31},  {"f32", 33}, {"f32", 100},
                                                       {"f16", 8}, {"bf16", 16}, {"q8_0", 32}};
  for (const auto& [weights, rank] : cases) {
    const Adapted adapted(options, {.rank = rank, .weights = weights});
    const std::vector<double> exact = reference_logits(adapted.reference(), tokens);
    EXPECT_LT(relative_rms(all_logits(adapted.load(), tokens, kF32Kv), exact), kF32Bound) << weights << rank;
  }
}

/// The update is computed from the f32 activations, whatever the base's products round.
TEST(Adapters, OfQuantisedBases) {
  for (const char* weights : {"q8_0", "q4_0"}) {
    const TinyOptions options{.weights = weights};
    const Adapted adapted(options, {});
    const auto tokens = tiny_tokens(40, options.vocab);
    EXPECT_LT(relative_rms(all_logits(adapted.load(), tokens, kF32Kv),
                           reference_logits(adapted.reference(), tokens)),
              kQ8Bound)
        << weights;
  }
}

TEST(Adapters, SeveralAtOnce) {
  const TinyOptions options{};
  Adapted adapted(options);
  adapted.add({.rank = 3, .seed = 1}, 0.5f);
  adapted.add({.rank = 40, .alpha = -8, .only = "attn", .seed = 2}, 2);
  adapted.add({.rank = 5, .only = "ffn_down", .seed = 3}, -1);
  const auto tokens = tiny_tokens(40, options.vocab);
  const std::vector<double> exact = reference_logits(adapted.reference(), tokens);
  const Model model = adapted.load();
  EXPECT_LT(relative_rms(all_logits(model, tokens, kF32Kv), exact), kF32Bound);
  std::reverse(adapted.adapters().begin(), adapted.adapters().end());
  const Model other = adapted.load();
  EXPECT_LT(relative_rms(all_logits(other, tokens, kF32Kv), exact), kF32Bound);
  EXPECT_NE(model.fingerprint(), other.fingerprint()) << "the order decides roundings";
}

/// The same adapter twice is one of twice the scale.
TEST(Adapters, TheSameTwice) {
  const TinyOptions options{.layers = 1};
  Adapted adapted(options, {});
  const auto tokens = tiny_tokens(20, options.vocab);
  adapted.adapters().push_back(adapted.adapters().front());
  const std::vector<double> exact = reference_logits(adapted.reference(), tokens);
  EXPECT_LT(relative_rms(all_logits(adapted.load(), tokens, kF32Kv), exact), kF32Bound);
  adapted.adapters() = {{adapted.adapters().front().path, 2}};
  EXPECT_LT(relative_rms(all_logits(adapted.load(), tokens, kF32Kv), exact), kF32Bound);
}

TEST(Adapters, WithoutAlphaTheScaleIsTheFactor) {
  const TinyOptions options{.layers = 1};
  const auto tokens = tiny_tokens(20, options.vocab);
  for (const bool absent : {false, true}) {
    Adapted adapted(options);
    TinyModel adapter = make_adapter(adapted.tiny(), {.alpha = 0});
    if (absent) adapter.erase("adapter.lora.alpha");
    adapted.add(adapter, 0.75f);
    const std::vector<double> exact = reference_logits(adapted.reference(), tokens);
    EXPECT_LT(relative_rms(all_logits(adapted.load(), tokens, kF32Kv), exact), kF32Bound);
  }
}

TEST(Adapters, SameBitsWithAnyKernelsThreadsAndChunks) {
  for (const char* architecture : {"llama", "gpt2", "phi3", "qwen3moe"}) {
    const TinyOptions options{.architecture = architecture,
                              .weights = "mixed",
                              .experts = std::string_view(architecture) == "qwen3moe" ? 6u : 0u};
    Adapted adapted(options);
    adapted.add({.rank = 5, .seed = 1}, 0.5f);
    adapted.add({.rank = 37, .weights = "f16", .seed = 2}, -1.25f);
    const auto tokens = tiny_tokens(70, options.vocab);
    const Model portable = adapted.load(KernelSet::kPortable, 1);
    const std::vector<float> expected = all_logits(portable, tokens);
    for (const KernelSet kernels : available_kernel_sets()) {
      const Model model = adapted.load(kernels);
      EXPECT_EQ(model.fingerprint(), portable.fingerprint());
      for (const unsigned threads : {1u, 3u}) {
        for (const std::size_t chunk : {1, 33, 512}) {
          EXPECT_TRUE(equal_bits(expected, all_logits(model, tokens, {.threads = threads, .batch = chunk})))
              << architecture << ", " << to_string(kernels) << ", " << threads << " threads, chunks of "
              << chunk;
        }
      }
    }
  }
}

/// Another sequence in the same pass changes nothing.
TEST(Adapters, SameBitsInABatch) {
  const TinyOptions options{.weights = "q8_0"};
  const Adapted adapted(options, {});
  const Model model = adapted.load();
  const auto tokens = tiny_tokens(2, options.vocab);
  const std::vector<float> expected = all_logits(model, std::span(tokens).first(1));
  Session a(model), b(model);
  forward(std::vector<Row>{{&b, tokens[1], true}, {&a, tokens[0], true}});
  EXPECT_TRUE(equal_bits(expected, a.logits()));
}

TEST(Adapters, SwitchedOffTheBitsAreThoseOfTheBase) {
  for (const char* weights : {"f32", "mixed"}) {
    const TinyOptions options{.weights = weights};
    Adapted adapted(options);
    const Model base = adapted.load_base();
    const auto tokens = tiny_tokens(40, options.vocab);
    const std::vector<float> expected = all_logits(base, tokens);
    adapted.add(TinyAdapterOptions{}, 0);
    const Model off = adapted.load();
    EXPECT_TRUE(equal_bits(expected, all_logits(off, tokens)));
    EXPECT_EQ(off.fingerprint(), base.fingerprint());
    adapted.adapters()[0].scale = 1;
    EXPECT_FALSE(equal_bits(expected, all_logits(adapted.load(), tokens)));
    EXPECT_TRUE(equal_bits(expected, all_logits(adapted.load_base(), tokens)));
  }
}

TEST(Adapters, TheModelListsThem) {
  Adapted adapted(TinyOptions{.layers = 1});
  adapted.add({.rank = 2, .alpha = 3, .only = "attn_q"}, 0.5f);
  adapted.add(TinyAdapterOptions{}, 0);
  const Model model = adapted.load();
  const auto& infos = model.info().adapters;
  ASSERT_EQ(infos.size(), 2u);
  EXPECT_EQ(infos[0].path, adapted.adapters()[0].path);
  EXPECT_EQ(infos[0].name, "tiny");
  EXPECT_EQ(infos[0].scale, 0.5f);
  EXPECT_EQ(infos[0].alpha, 3);
  EXPECT_EQ(infos[0].tensors, 1u);
  EXPECT_EQ(infos[0].parameters, 2u * (64 + 64));
  EXPECT_EQ(infos[1].tensors, 8u);
  EXPECT_TRUE(adapted.load_base().info().adapters.empty());
}

/// What is added decides, not the file that says it.
TEST(Adapters, FingerprintsAreThoseOfTheContent) {
  Adapted adapted(TinyOptions{.layers = 1}, {.alpha = 6});
  const std::uint64_t first = adapted.load().fingerprint();
  EXPECT_NE(first, adapted.load_base().fingerprint());
  std::filesystem::rename(adapted.adapters()[0].path, adapted.file("moved.gguf"));
  adapted.adapters()[0].path = adapted.file("moved.gguf");
  EXPECT_EQ(adapted.load().fingerprint(), first);
  adapted.adapters()[0].scale = 0.5f;
  EXPECT_NE(adapted.load().fingerprint(), first);
  adapted.adapters().clear();
  adapted.add({.alpha = 12}, 0.5f);
  EXPECT_EQ(adapted.load().fingerprint(), first) << "twice the alpha, half the scale";
  adapted.adapters().clear();
  adapted.add({.seed = 2});
  EXPECT_NE(adapted.load().fingerprint(), first);
}

TEST(Adapters, SessionsOfOthersAreRefused) {
  Adapted adapted(TinyOptions{.layers = 1}, {});
  const auto tokens = tiny_tokens(30, 67);
  const Model with = adapted.load(), base = adapted.load_base();
  adapted.adapters()[0].scale = 0.5f;
  const Model weaker = adapted.load();
  Session session(with);
  session.prefill(tokens);
  session.save(adapted.file("session"));
  for (const Model& other : {base, weaker}) {
    Session victim(other);
    std::string message;
    EXPECT_EQ(error_of([&] { victim.load(adapted.file("session")); }, &message), ErrorCode::kFormat);
    EXPECT_TRUE(helps(message, adapted.file("session"), {"fingerprint", "adapters"}));
  }
  adapted.adapters()[0].scale = 1;
  Session again(adapted.load());
  again.load(adapted.file("session"));
  EXPECT_TRUE(equal_bits(copy(session.step(1)), again.step(1)));
}

TEST(Adapters, ThePackCacheStaysThatOfTheBase) {
  const TinyOptions options{.weights = "q8_0"};
  const Adapted adapted(options, {});
  const auto tokens = tiny_tokens(20, options.vocab);
  const std::vector<float> expected = all_logits(adapted.load(), tokens);
  LoadOptions load{.threads = kWorkers, .pack_cache = adapted.file("cache")};
  EXPECT_EQ(Model::load(adapted.base(), load).pack_cache().use, PackCacheUse::kWritten);
  load.adapters = {{adapted.file("0.gguf")}};
  const Model model = Model::load(adapted.base(), load);
  EXPECT_EQ(model.pack_cache().use, PackCacheUse::kHit);
  EXPECT_TRUE(equal_bits(expected, all_logits(model, tokens)));
  EXPECT_EQ(model.fingerprint(), adapted.load().fingerprint());
}

}  // namespace
}  // namespace garam::test
