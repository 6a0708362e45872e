// Numbers that are not finite: refused in files, reported when a pass makes one, never hidden in a cache.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "model/harness.h"

namespace garam::test {
namespace {

struct BadWeight {
  const char* weights;
  std::size_t offset;  // of the bad 16 or 32 bits in the tensor
  std::uint32_t bits;
  std::size_t bytes;
};

class BadWeights : public testing::TestWithParam<BadWeight> {};

TEST_P(BadWeights, AreRefused) {
  for (const char* name : {"token_embd.weight", "blk.1.ffn_down.weight", "output.weight"}) {
    TinyModel tiny = TinyModel::make({.weights = GetParam().weights});
    TinyTensor& tensor = tiny.tensor(name);
    std::memcpy(tensor.data.data() + GetParam().offset, &GetParam().bits, GetParam().bytes);
    std::string message;
    EXPECT_EQ(error_of([&] { load_tiny(tiny); }, &message), ErrorCode::kFormat);
    EXPECT_NE(message.find(name), std::string::npos) << message;
    EXPECT_NE(message.find("tiny.gguf"), std::string::npos) << message;
  }
}

INSTANTIATE_TEST_SUITE_P(
    NonFinite, BadWeights,
    testing::Values(BadWeight{"f32", 4 * 70, 0x7f800000, 4},  // infinity
                    BadWeight{"f32", 4 * 70, 0xffc00001, 4},  // NaN
                    BadWeight{"f16", 2 * 70, 0xfc00, 2}, BadWeight{"f16", 2 * 70, 0x7e01, 2},
                    BadWeight{"bf16", 2 * 70, 0x7f80, 2}, BadWeight{"bf16", 2 * 70, 0xff81, 2},
                    BadWeight{"q8_0", 34 * 3, 0x7c00, 2}, BadWeight{"q8_0", 34 * 3, 0xfe00, 2},
                    BadWeight{"q4_0", 18 * 3, 0x7c00, 2}, BadWeight{"q4_0", 18 * 3, 0x7d00, 2}),
    [](const auto& info) { return std::string(info.param.weights) + "_" + std::to_string(info.index); });

TEST(NonFinite, BadVectorsAreRefused) {
  for (const char* name : {"output_norm.weight", "blk.0.attn_norm.weight", "blk.1.attn_q.bias"}) {
    TinyModel tiny = TinyModel::make({.biases = true});
    tiny.tensor(name).set(5, -std::numeric_limits<float>::infinity());
    std::string message;
    EXPECT_EQ(error_of([&] { load_tiny(tiny); }, &message), ErrorCode::kFormat);
    EXPECT_NE(message.find(name), std::string::npos) << message;
  }
}

TEST(NonFinite, BadRopeFactorsAreRefused) {
  for (const float bad : {0.0f, -1.0f, std::numeric_limits<float>::quiet_NaN()}) {
    TinyModel tiny = TinyModel::make({.rope = TinyRope::kFactors});
    tiny.tensor("rope_freqs.weight").set(3, bad);
    std::string message;
    EXPECT_EQ(error_of([&] { load_tiny(tiny); }, &message), ErrorCode::kFormat);
    EXPECT_NE(message.find("rope_freqs.weight"), std::string::npos) << message;
  }
}

/// A model that is sound but for one token: dimension 0 of the residual stream is zero for all others (no
/// embedding and no projection writes it), and one weight multiplies it by 3e38.
TinyModel with_poisonous_token(const std::string& weights, const std::string& victim) {
  constexpr std::size_t kWidth = 64;
  constexpr std::size_t kPoison = 7;
  TinyModel tiny = TinyModel::make({.weights = weights});
  const auto replace = [&](const std::string& name) -> TinyTensor& {
    TinyTensor& old = tiny.tensor(name);
    if (old.type != 0) {
      const auto shape = old.shape;
      tiny.drop(name);
      tiny.add(name, "f32", shape);
    }
    return tiny.tensor(name);
  };
  TinyTensor& embedding = replace("token_embd.weight");
  for (std::size_t t = 0; t < embedding.shape[0]; ++t) embedding.set(t * kWidth, t == kPoison ? 30.0f : 0.0f);
  for (const char* name : {"blk.0.attn_output.weight", "blk.0.ffn_down.weight", "blk.1.attn_output.weight",
                           "blk.1.ffn_down.weight"}) {
    TinyTensor& down = replace(name);
    for (std::size_t i = 0; i < down.shape[1]; ++i) down.set(i, 0.0f);
  }
  TinyTensor& amplifier = replace(victim);
  for (std::size_t row = 0; row < amplifier.shape[0]; ++row) amplifier.set(row * kWidth, 3e38f);
  return tiny;
}

class Overflow : public testing::TestWithParam<std::tuple<const char*, const char*>> {};

TEST_P(Overflow, IsReportedAndUndone) {
  const auto [weights, victim] = GetParam();
  const Model model = load_tiny(with_poisonous_token(weights, victim));
  for (const KvType kv_type : kAllKvTypes) {
    const SessionOptions options{.kv_type = kv_type, .batch = 32};
    auto tokens = tiny_tokens(100, 67);
    for (auto& token : tokens) token = token == 7 ? 8 : token;
    const auto expected = all_logits(model, tokens, options);

    Session session(model, options), neighbour(model, options);
    session.prefill(std::span(tokens).first(50));
    auto poisoned = std::vector<std::int32_t>(tokens.begin() + 50, tokens.end());
    for (const std::size_t place : {0, 20, 49}) {
      auto prompt = poisoned;
      prompt[place] = 7;
      std::string message;
      EXPECT_EQ(error_of([&] { session.prefill(prompt); }, &message), ErrorCode::kNonFinite) << place;
      EXPECT_EQ(session.length(), 50u);
      EXPECT_NE(message.find("non-finite"), std::string::npos) << message;
    }
    EXPECT_EQ(error_of([&] { session.step(7); }), ErrorCode::kNonFinite);
    EXPECT_EQ(error_of([&] {
                forward(std::vector<Row>{{&neighbour, 1, true}, {&session, 7, false}});
              }),
              ErrorCode::kNonFinite);
    EXPECT_EQ(neighbour.length(), 0u);
    // What the failed passes stored lies behind the end and is overwritten.
    session.prefill(std::span(tokens).subspan(50), {.all_logits = true});
    EXPECT_TRUE(equal_bits(last_rows(expected, 50, 67), session.logits()));
  }
}

INSTANTIATE_TEST_SUITE_P(NonFinite, Overflow,
                         testing::Combine(testing::Values("f32", "bf16", "q8_0"),
                                          testing::Values("blk.0.attn_v.weight", "blk.0.attn_k.weight",
                                                          "blk.1.attn_q.weight", "blk.0.ffn_up.weight",
                                                          "blk.1.ffn_gate.weight")),
                         [](const auto& info) {
                           std::string name =
                               std::string(std::get<0>(info.param)) + "_" + std::get<1>(info.param);
                           for (char& c : name) c = c == '.' ? '_' : c;
                           return name;
                         });

/// Logits too: the rows that ask for them.
TEST(NonFinite, OverflowingLogits) {
  const Model model = load_tiny(with_poisonous_token("f32", "output.weight"));
  Session session(model);
  session.prefill(std::vector<std::int32_t>{1, 2, 3});
  EXPECT_EQ(error_of([&] { session.step(7); }), ErrorCode::kNonFinite);
  EXPECT_EQ(session.length(), 3u);
  EXPECT_EQ(session.logit_rows(), 1u);
  forward(std::vector<Row>{{&session, 7, false}});
  EXPECT_EQ(session.length(), 4u);
}

/// Keys and values beyond f16 saturate at 65504, scales of q8_0 too: finite, the same for all kernels, and
/// not an error.
TEST(NonFinite, LargeKeysAndValuesSaturate) {
  TinyModel tiny = TinyModel::make({});
  for (const char* name : {"blk.0.attn_v.weight", "blk.1.attn_k.weight"}) {
    TinyTensor& tensor = tiny.tensor(name);
    for (std::size_t i = 0; i < 64 * 32; ++i) tensor.set(i, tensor.get(i) * 1e8f);
  }
  const auto tokens = tiny_tokens(80, 67);
  for (const KvType kv_type : {KvType::kF16, KvType::kQ8_0}) {
    const auto expected = all_logits(load_tiny(tiny, KernelSet::kPortable), tokens, {.kv_type = kv_type});
    for (const KernelSet set : available_kernel_sets()) {
      EXPECT_TRUE(equal_bits(expected, all_logits(load_tiny(tiny, set), tokens, {.kv_type = kv_type})))
          << to_string(set) << " " << to_string(kv_type);
    }
  }
}

}  // namespace
}  // namespace garam::test
