// The expected logits of ../shared/fixtures, made in double precision by tools/reference.py. Bounds are the
// project's promises; one line a fixture says what was reached.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "model/harness.h"
#include "support/shared.h"

namespace garam::test {
namespace {

struct Fixture {
  const char* name;
  double f32_kv_bound;
  std::size_t context = 0;  // of the session; 0: as many as the file allows
};

std::ostream& operator<<(std::ostream& out, const Fixture& fixture) {
  return out << fixture.name;
}

// Largest error with f16 keys and values: rounding K and V alone gives 1.7e-4 to 3.2e-4 on these.
constexpr double kF16KvBound = 1e-3;
// And with q8_0 ones: a byte has a step of amax / 127, about 2 sigma / 127 or 0.016 sigma, and 0.29 steps are
// 0.005 sigma of error in K and in V: 3.6e-3 to 9.5e-3 on these. Errors of weight types add up in squares.
constexpr double kQ8KvBound = 0.012;

class Fixtures : public testing::TestWithParam<Fixture> {
 protected:
  void SetUp() override {
    const std::string base = std::string("fixtures/") + GetParam().name;
    const auto model = shared_path(base + ".gguf");
    if (!model) GTEST_SKIP() << "SKIPPED: " << shared_missing(base + ".gguf");
    path_ = model->string();
    std::ifstream tokens(shared_path(base + ".tokens").value());
    tokens_.assign(std::istream_iterator<std::int32_t>(tokens), {});
    std::ifstream logits(shared_path(base + ".logits.f32").value(), std::ios::binary);
    std::vector<char> bytes{std::istreambuf_iterator<char>(logits), {}};
    std::vector<float> values(bytes.size() / sizeof(float));
    std::copy_n(bytes.data(), values.size() * sizeof(float), reinterpret_cast<char*>(values.data()));
    exact_.assign(values.begin(), values.end());
  }

  std::string path_;
  std::vector<std::int32_t> tokens_;
  std::vector<double> exact_;
};

TEST_P(Fixtures, WithinTheirBounds) {
  const Model model = Model::load(path_, {.threads = 2});
  const auto error = [&](KvType type) {
    return relative_rms(all_logits(model, tokens_, {.context = GetParam().context, .kv_type = type}), exact_);
  };
  const double f32 = error(KvType::kF32), f16 = error(KvType::kF16), q8 = error(KvType::kQ8_0);
  std::printf(
      "fixture %-35s relative rms error %.2e with f32 KV (bound %.1e), %.2e with f16 KV, %.2e with q8_0 KV\n",
      GetParam().name, f32, GetParam().f32_kv_bound, f16, q8);
  EXPECT_LT(f32, GetParam().f32_kv_bound);
  EXPECT_LT(f16, std::max(kF16KvBound, GetParam().f32_kv_bound * 1.05));
  EXPECT_LT(q8, std::hypot(kQ8KvBound, GetParam().f32_kv_bound));
}

/// The tests' own reference reads these files too: it must agree to the last bits of f32.
TEST_P(Fixtures, AgreeWithTheReferenceOfTheTests) {
  ReferenceOptions options;
  if (GetParam().context != 0) options.context = GetParam().context;
  const std::vector<double> reference = reference_logits(ReferenceFile::read(path_), tokens_, options);
  const std::vector<float> rounded(reference.begin(), reference.end());
  EXPECT_LT(relative_rms(rounded, exact_), 1e-7);
}

/// The bits do not depend on kernels, threads or chunks on these models either.
TEST_P(Fixtures, SameBitsWithAnyKernels) {
  const auto tokens = std::span(tokens_).first(std::min<std::size_t>(tokens_.size(), 70));
  const auto expected =
      all_logits(Model::load(path_, {.kernels = KernelSet::kPortable, .threads = 1}), tokens);
  for (const KernelSet set : available_kernel_sets()) {
    const Model model = Model::load(path_, {.kernels = set, .threads = kWorkers});
    for (const std::size_t chunk : {1, 16, 512}) {
      EXPECT_TRUE(equal_bits(expected, all_logits(model, tokens, {.batch = chunk}))) << to_string(set);
    }
  }
}

// Single-precision arithmetic for f32; for the others the rounding of activations to bf16 or to q8 blocks,
// which reference.h's round_activations reproduces: 0.0048, 0.0174 and 0.0172 of the bounds are its share.
constexpr Fixture kFixtures[] = {
    {"architectures/gpt2", 5e-6},
    {"architectures/llama", 5e-6},
    {"architectures/llama-tied", 5e-6},
    {"architectures/llama-600", 5e-6},
    {"architectures/llama-rope-freqs", 5e-6},
    {"architectures/llama-linear", 5e-6},
    {"architectures/llama-yarn", 5e-6},
    {"architectures/llama-window", 5e-6},
    {"architectures/llama-head80", 5e-6},
    {"architectures/llama-moe", 5e-6},
    {"architectures/qwen3moe", 5e-6},
    {"architectures/gemma", 5e-6},
    {"architectures/gemma2", 5e-6},
    {"architectures/gemma2-600", 5e-6},
    {"architectures/gemma3", 5e-6},
    {"architectures/gemma3-7-layers", 5e-6},
    {"architectures/gptneox", 5e-6},
    {"architectures/phi2", 5e-6},
    {"architectures/phi3", 5e-6},
    {"architectures/phi3-window", 5e-6},
    {"architectures/phi3-longrope-short", 5e-6, 50},
    {"architectures/phi3-longrope-long", 5e-6, 96},
    {"architectures/qwen2", 5e-6},
    {"architectures/qwen2-yarn", 5e-6},
    {"architectures/qwen3", 5e-6},
    {"architectures/stablelm", 5e-6},
    {"architectures/starcoder2", 5e-6},
    {"weight-types/f16", 0.0011},
    {"weight-types/bf16", 0.0050},
    {"weight-types/q8_0", 0.019},
    {"weight-types/q4_0", 0.019},
    {"weight-types/q4_1", 0.019},
    {"weight-types/q5_0", 0.019},
    {"weight-types/q5_1", 0.019},
    {"weight-types/q2_k", 0.019},
    {"weight-types/q3_k", 0.019},
    {"weight-types/q4_k", 0.019},
    {"weight-types/q5_k", 0.019},
    {"weight-types/q6_k", 0.019},
    {"weight-types/iq4_nl", 0.019},
    {"weight-types/iq4_xs", 0.019},
    {"weight-types/mxfp4", 0.019},
};

INSTANTIATE_TEST_SUITE_P(Shared, Fixtures, testing::ValuesIn(kFixtures), [](const auto& info) {
  std::string name = info.param.name;
  for (char& c : name) c = c == '/' || c == '-' ? '_' : c;
  return name;
});

}  // namespace
}  // namespace garam::test
