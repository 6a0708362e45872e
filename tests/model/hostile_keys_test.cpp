// Hyper-parameters that contradict themselves or the tensors (hostile-input classes H1 to H3, H9): each
// variant of a good model is refused with an Error that names the file and the key, or works where it is
// legal.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "model/hostile.h"

namespace garam::test {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

testing::AssertionResult refused_key(const char* key, GgufValue value, const char* architecture = "llama") {
  TinyModel tiny = good(architecture);
  const std::string name = std::string(architecture) + "." + key;
  tiny.set(name, std::move(value));
  return refused(tiny, {name.c_str()});
}

testing::AssertionResult works_with_key(const char* key, GgufValue value) {
  TinyModel tiny = good();
  tiny.set(std::string("llama.") + key, std::move(value));
  return works(tiny);
}

TEST(Hostile, TheGoodOnesWork) {
  EXPECT_TRUE(works(good()));
  EXPECT_TRUE(works(good("gpt2")));
  EXPECT_TRUE(works(good_with(TinyVocabulary::kByteLevel)));
  EXPECT_TRUE(works(good_with(TinyVocabulary::kSentencePiece)));
}

TEST(Hostile, Architecture) {
  TinyModel tiny = good();
  tiny.erase("general.architecture");
  EXPECT_TRUE(refused(tiny, {"general.architecture"}));
  for (const char* name : {"mamba", "", "LLAMA", "llama ", "llama\n"}) {
    tiny.set("general.architecture", std::string(name));
    EXPECT_TRUE(refused(tiny, {"general.architecture", "gpt2, gptneox, llama"})) << name;
  }
  tiny.set("general.architecture", std::string("llama\0x", 7));
  EXPECT_TRUE(refused(tiny, {"general.architecture"})) << "no C strings";
  tiny.set("general.architecture", std::string(100000, 'a'));
  EXPECT_TRUE(refused(tiny, {"general.architecture"}));
  tiny.set("general.architecture", std::uint32_t{1});
  EXPECT_TRUE(refused(tiny, {"general.architecture"}));
}

TEST(Hostile, RequiredCounts) {
  for (const char* architecture : {"llama", "gpt2"}) {
    for (const char* key : {"context_length", "embedding_length", "block_count", "feed_forward_length",
                            "attention.head_count"}) {
      const std::string name = std::string(architecture) + "." + key;
      TinyModel missing = good(architecture);
      missing.erase(name);
      EXPECT_TRUE(refused(missing, {name.c_str()}));
      EXPECT_TRUE(refused_key(key, std::uint32_t{0}, architecture));
      EXPECT_TRUE(refused_key(key, std::uint32_t{0xffffffff}, architecture));
      EXPECT_TRUE(refused_key(key, ~std::uint64_t{0}, architecture));
      EXPECT_TRUE(refused_key(key, std::uint64_t{1} << 63, architecture));
      EXPECT_TRUE(refused_key(key, std::int32_t{-1}, architecture));
      EXPECT_TRUE(refused_key(key, std::int8_t{-128}, architecture));
      EXPECT_TRUE(refused_key(key, std::string("2"), architecture));
      EXPECT_TRUE(refused_key(key, 2.0f, architecture));
      EXPECT_TRUE(refused_key(key, true, architecture));
      EXPECT_TRUE(refused_key(key, GgufArray(std::vector<float>{1, 2}), architecture));
      EXPECT_TRUE(refused_key(key, GgufArray(std::vector<std::uint32_t>{}), architecture));
    }
  }
}

TEST(Hostile, CountsThatContradictTheTensors) {
  const auto refused_naming = [](const char* key, GgufValue value, const char* part) {
    TinyModel tiny = good();
    tiny.set(std::string("llama.") + key, std::move(value));
    return refused(tiny, {part, "expected"});
  };
  EXPECT_TRUE(refused_naming("block_count", std::uint32_t{1}, "blk.1."));
  EXPECT_TRUE(refused_naming("block_count", std::uint32_t{3}, "blk.2."));
  EXPECT_TRUE(refused_naming("block_count", std::uint32_t{513}, "blk.2."));
  EXPECT_TRUE(refused_naming("block_count", std::uint32_t{65536}, "blk.2."));
  EXPECT_TRUE(refused_naming("embedding_length", std::uint32_t{32}, "token_embd.weight"));
  EXPECT_TRUE(refused_naming("embedding_length", std::uint32_t{1} << 24, "token_embd.weight"));
  EXPECT_TRUE(refused_naming("feed_forward_length", std::uint32_t{97}, "ffn_gate"));
  EXPECT_TRUE(refused_naming("feed_forward_length", std::uint32_t{1} << 24, "ffn_gate"));
  EXPECT_TRUE(refused_naming("attention.head_count", std::uint32_t{8}, "attn_q.weight"));
  EXPECT_TRUE(refused_naming("attention.head_count", std::uint32_t{1} << 24, "attn_q.weight"));
  EXPECT_TRUE(refused_naming("attention.head_count_kv", std::uint32_t{4}, "attn_k.weight"));
  EXPECT_TRUE(refused_naming("attention.key_length", std::uint32_t{32}, "attn_q.weight"));
  EXPECT_TRUE(refused_naming("attention.key_length", std::uint32_t{65536}, "attn_q.weight"));
  EXPECT_TRUE(refused_naming("attention.value_length", std::uint32_t{15}, "attn_v.weight"));
}

TEST(Hostile, Heads) {
  EXPECT_TRUE(refused_key("attention.head_count_kv", std::uint32_t{0}));
  EXPECT_TRUE(refused_key("attention.head_count_kv", std::uint32_t{3}));
  EXPECT_TRUE(refused_key("attention.head_count_kv", std::uint32_t{8}));
  EXPECT_TRUE(refused_key("attention.head_count_kv", std::int32_t{-2}));
  EXPECT_TRUE(refused_key("attention.key_length", std::uint32_t{0}));
  EXPECT_TRUE(refused_key("attention.key_length", std::uint32_t{65537}));
  EXPECT_TRUE(refused_key("attention.value_length", std::uint32_t{0}));
  EXPECT_TRUE(refused_key("attention.value_length", std::string("16")));
  TinyModel tiny = good();
  tiny.erase("llama.attention.key_length");
  tiny.erase("llama.attention.value_length");
  EXPECT_TRUE(works(tiny)) << "width / heads";
  tiny.set("llama.attention.head_count", std::uint32_t{3});
  tiny.set("llama.attention.head_count_kv", std::uint32_t{1});
  EXPECT_TRUE(refused(tiny, {"llama.attention.head_count", "divisor"}));
}

TEST(Hostile, IntegersOfAnyTypeThatFits) {
  EXPECT_TRUE(works_with_key("block_count", std::uint8_t{2}));
  EXPECT_TRUE(works_with_key("block_count", std::int64_t{2}));
  EXPECT_TRUE(works_with_key("attention.head_count", std::uint64_t{4}));
  EXPECT_TRUE(works_with_key("attention.head_count_kv", std::int16_t{2}));
  EXPECT_TRUE(works_with_key("context_length", std::uint32_t{1} << 30));
  EXPECT_TRUE(works_with_key("attention.layer_norm_rms_epsilon", 1e-6));
}

TEST(Hostile, Epsilon) {
  for (const float bad : {kNan, kInfinity, -kInfinity, 0.0f, -1e-5f, 2.0f}) {
    EXPECT_TRUE(refused_key("attention.layer_norm_rms_epsilon", bad)) << bad;
    EXPECT_TRUE(refused_key("attention.layer_norm_epsilon", bad, "gpt2")) << bad;
  }
  EXPECT_TRUE(refused_key("attention.layer_norm_rms_epsilon", std::string("nan")));
  EXPECT_TRUE(refused_key("attention.layer_norm_rms_epsilon", std::numeric_limits<double>::quiet_NaN()));
  for (const char* architecture : {"llama", "gpt2"}) {
    TinyModel tiny = good(architecture);
    tiny.erase("llama.attention.layer_norm_rms_epsilon");
    tiny.erase("gpt2.attention.layer_norm_epsilon");
    EXPECT_TRUE(refused(tiny, {"epsilon"}));
  }
}

TEST(Hostile, Rope) {
  EXPECT_TRUE(refused_key("rope.dimension_count", std::uint32_t{0}));
  EXPECT_TRUE(refused_key("rope.dimension_count", std::uint32_t{15}));
  EXPECT_TRUE(refused_key("rope.dimension_count", std::uint32_t{18}));
  EXPECT_TRUE(refused_key("rope.dimension_count", std::uint32_t{0xfffffffe}));
  EXPECT_TRUE(works_with_key("rope.dimension_count", std::uint32_t{2}));
  for (const float bad : {kNan, kInfinity, 0.0f, -1.0f}) {
    EXPECT_TRUE(refused_key("rope.freq_base", bad)) << bad;
    EXPECT_TRUE(refused_key("rope.scale_linear", bad)) << bad;
    EXPECT_TRUE(refused_key("rope.scaling.attn_factor", bad)) << bad;
  }
  EXPECT_TRUE(refused_key("rope.freq_base", std::string("10000")));
  EXPECT_TRUE(works_with_key("rope.freq_base", 500000.0f));
}

TEST(Hostile, RopeScaling) {
  for (const char* type : {"banana", "longrope", "dynamic", "Linear", "yarn "}) {
    EXPECT_TRUE(refused_key("rope.scaling.type", std::string(type))) << type;
  }
  EXPECT_TRUE(refused_key("rope.scaling.type", std::string("yarn\0", 5)));
  EXPECT_TRUE(refused_key("rope.scaling.type", std::uint32_t{1}));
  EXPECT_TRUE(works_with_key("rope.scaling.type", std::string("none")));
  for (const char* type : {"linear", "yarn"}) {
    TinyModel tiny = good();
    tiny.set("llama.rope.scaling.type", std::string(type));
    EXPECT_TRUE(refused(tiny, {"llama.rope.scaling.factor"})) << type;
    for (const float bad : {kNan, kInfinity, 0.0f, -4.0f, 1e30f}) {
      tiny.set("llama.rope.scaling.factor", bad);
      EXPECT_TRUE(refused(tiny, {"llama.rope.scaling.factor"})) << type << bad;
    }
    tiny.set("llama.rope.scaling.factor", 1e300);
    EXPECT_TRUE(refused(tiny, {"llama.rope.scaling.factor"})) << type;
    tiny.set("llama.rope.scaling.factor", 4.0f);
    EXPECT_TRUE(works(tiny)) << type;
    if (std::string(type) == "linear") continue;
    TinyModel flat = tiny;
    flat.set("llama.rope.freq_base", 1.0f);
    EXPECT_TRUE(refused(flat, {"llama.rope.freq_base"}));
    for (const char* key : {"llama.rope.scaling.yarn_beta_fast", "llama.rope.scaling.yarn_beta_slow"}) {
      for (const float bad : {kNan, 0.0f, -1.0f}) {
        TinyModel beta = tiny;
        beta.set(key, bad);
        EXPECT_TRUE(refused(beta, {key}));
      }
    }
    tiny.set("llama.rope.scaling.original_context_length", std::uint32_t{0});
    EXPECT_TRUE(refused(tiny, {"original_context_length"}));
    tiny.set("llama.rope.scaling.original_context_length", std::uint32_t{0xffffffff});
    EXPECT_TRUE(refused(tiny, {"original_context_length"}));
  }
}

TEST(Hostile, KeysOfOneArchitecture) {
  for (const float bad : {kNan, kInfinity, -1.0f, 0.0f}) {
    for (const char* architecture : {"gemma3", "gpt-oss"}) {
      EXPECT_TRUE(refused_key("rope.freq_base_swa", bad, architecture)) << bad;
    }
    if (bad == 0) continue;
    EXPECT_TRUE(refused_key("logit_scale", bad, "command-r")) << bad;
  }
  for (const std::uint32_t bad : {0u, (1u << 24) + 1, 0xffffffffu}) {
    EXPECT_TRUE(refused_key("expert_shared_feed_forward_length", bad, "qwen2moe")) << bad;
    EXPECT_TRUE(refused_key("expert_feed_forward_length", bad, "gpt-oss")) << bad;
  }
}

TEST(Hostile, WindowPattern) {
  constexpr const char* kKey = "attention.sliding_window_pattern";
  for (const GgufValue& bad :
       {GgufValue(GgufArray(std::vector<bool>{true})), GgufValue(GgufArray(std::vector<bool>(70000, true))),
        GgufValue(GgufArray(std::vector<bool>{})), GgufValue(GgufArray(std::vector<std::uint32_t>{1, 0})),
        GgufValue(std::uint32_t{65537}), GgufValue(std::int32_t{-1}), GgufValue(true),
        GgufValue(std::string("2"))}) {
    EXPECT_TRUE(refused_key(kKey, bad, "gemma2"));
  }
}

TEST(Hostile, Experts) {
  const TinyModel experts = TinyModel::make({.layers = 1, .experts = 4});
  EXPECT_TRUE(works(experts));
  for (const std::uint32_t count : {3u, 5u, 8u}) {
    TinyModel tiny = experts;
    tiny.set("llama.expert_count", count);
    EXPECT_TRUE(refused(tiny, {"ffn_gate_inp"})) << count;
  }
  for (const std::uint32_t used : {0u, 5u, 0xffffffffu}) {
    TinyModel tiny = experts;
    tiny.set("llama.expert_used_count", used);
    EXPECT_TRUE(refused(tiny, {"expert_used_count"})) << used;
  }
  TinyModel tiny = experts;
  tiny.erase("llama.expert_used_count");
  EXPECT_TRUE(refused(tiny, {"expert_used_count"}));
  tiny = experts;
  tiny.drop("blk.0.ffn_up_exps.weight");
  EXPECT_TRUE(refused(tiny, {"blk.0.ffn_up_exps.weight"}));
}

TEST(Hostile, WhatIsNotComputed) {
  TinyModel gpt2 = good("gpt2");
  gpt2.set("gpt2.expert_count", std::uint32_t{8});
  gpt2.set("gpt2.expert_used_count", std::uint32_t{2});
  EXPECT_TRUE(refused(gpt2, {"gpt2.expert_count"}));
  EXPECT_TRUE(refused_key("expert_count", std::uint32_t{0xffffffff}));
  EXPECT_TRUE(works_with_key("expert_count", std::uint32_t{0}));
  EXPECT_TRUE(refused_key("attention.causal", false));
  EXPECT_TRUE(works_with_key("attention.causal", true));
  EXPECT_TRUE(refused_key("attention.sliding_window", std::uint32_t{0xffffffff}));
  EXPECT_TRUE(refused_key("attention.sliding_window", std::int32_t{-1}));
  EXPECT_TRUE(works_with_key("attention.sliding_window", std::uint32_t{0}));
  EXPECT_TRUE(works_with_key("attention.sliding_window", std::uint32_t{1} << 30));
}

/// Values that would show in an error message as control characters are escaped.
TEST(Hostile, MessagesStayPrintable) {
  TinyModel tiny = good();
  tiny.set("llama.rope.scaling.type", std::string("\x1b[31m\nred\x07"));
  const TinyFile file(tiny);
  std::string message;
  EXPECT_NE(error_of([&] { Model::load(file.path()); }, &message), ErrorCode{});
  for (const char c : message) EXPECT_TRUE(c >= ' ' && c <= '~') << static_cast<int>(c);
  EXPECT_LT(message.size(), 1000u);
  tiny.set("llama.rope.scaling.type", std::string(1 << 20, 'x'));
  const TinyFile long_file(tiny);
  EXPECT_NE(error_of([&] { Model::load(long_file.path()); }, &message), ErrorCode{});
  EXPECT_LT(message.size(), 1000u);
}

}  // namespace
}  // namespace garam::test
