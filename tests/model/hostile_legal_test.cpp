// What is odd and legal works: unusual shapes, extreme but finite numbers, keys and types that nobody asks
// for. Nothing here may be refused, and no logit may be other than finite.
#include <gtest/gtest.h>

#include "model/hostile.h"

namespace garam::test {
namespace {

testing::AssertionResult loads_and_runs(const TinyModel& tiny) {
  const TinyFile file(tiny);
  const MemoryCeiling ceiling(256 << 20);
  try {
    const Model model = Model::load(file.path(), {.threads = 1});
    Session session(model);
    const std::vector<std::int32_t> tokens(std::min<std::size_t>(3, session.context()), 0);
    session.prefill(tokens);
    for (const float logit : session.logits()) {
      if (!std::isfinite(logit)) return testing::AssertionFailure() << "logit " << logit;
    }
    return runs(model);
  } catch (const Error& error) {
    return testing::AssertionFailure() << error.what();
  }
}

TEST(HostileLegal, Shapes) {
  const TinyOptions shapes[] = {
      {.layers = 1,
       .heads = 1,
       .kv_heads = 1,
       .head_dim = 2,
       .value_dim = 1,
       .width = 1,
       .hidden = 1,
       .context = 1,
       .vocab = 1},
      {.layers = 1,
       .heads = 3,
       .kv_heads = 1,
       .head_dim = 2,
       .value_dim = 5,
       .width = 7,
       .hidden = 3,
       .context = 2,
       .vocab = 2},
      {.layers = 1,
       .heads = 5,
       .kv_heads = 5,
       .head_dim = 34,
       .value_dim = 33,
       .rope_dims = 2,
       .width = 31,
       .hidden = 33,
       .vocab = 33},
      {.layers = 7,
       .heads = 64,
       .kv_heads = 2,
       .head_dim = 2,
       .value_dim = 1,
       .width = 17,
       .hidden = 257,
       .window = 1,
       .vocab = 3},
      {.layers = 1, .heads = 1, .kv_heads = 1, .head_dim = 1024, .value_dim = 2, .width = 2, .hidden = 2},
      {.architecture = "gpt2",
       .layers = 1,
       .heads = 1,
       .head_dim = 1,
       .width = 1,
       .hidden = 1,
       .context = 1,
       .vocab = 1},
      {.architecture = "gpt2",
       .layers = 1,
       .heads = 3,
       .head_dim = 5,
       .width = 15,
       .hidden = 1,
       .context = 3,
       .vocab = 5},
  };
  for (TinyOptions options : shapes) {
    for (const char* weights : {"f32", "f16", "bf16"}) {
      options.weights = weights;
      EXPECT_TRUE(loads_and_runs(TinyModel::make(options))) << options.width << " wide " << weights;
    }
  }
}

TEST(HostileLegal, RopeAtItsLimits) {
  const TinyOptions options{.layers = 1, .heads = 1, .kv_heads = 1, .width = 16, .hidden = 16, .vocab = 5};
  for (const float base : {1.0f, 1.0000001f, 10000.0f, 1e12f}) {
    for (const float factor : {2e-6f, 1.0f, 1e6f}) {
      TinyModel tiny = TinyModel::make(options);
      tiny.set("llama.rope.freq_base", base);
      tiny.set("llama.rope.scaling.factor", factor);
      tiny.set("llama.rope.scaling.type", std::string("linear"));
      EXPECT_TRUE(loads_and_runs(tiny)) << base << ' ' << factor;
      if (base == 1) continue;
      tiny.set("llama.rope.scaling.type", std::string("yarn"));
      for (const std::uint32_t original : {1u, 64u, 1u << 30}) {
        for (const float fast : {2e-6f, 1.0f, 1e6f}) {
          for (const float slow : {2e-6f, 1.0f, 1e6f}) {
            tiny.set("llama.rope.scaling.original_context_length", original);
            tiny.set("llama.rope.scaling.yarn_beta_fast", fast);
            tiny.set("llama.rope.scaling.yarn_beta_slow", slow);
            EXPECT_TRUE(loads_and_runs(tiny))
                << base << ' ' << factor << ' ' << original << ' ' << fast << ' ' << slow;
          }
        }
      }
    }
  }
}

TEST(HostileLegal, NumbersAtTheirLimits) {
  for (const char* key : {"attention.layer_norm_rms_epsilon", "rope.scaling.attn_factor"}) {
    for (const double value : {1e-6, 1.0}) {
      TinyModel tiny = good();
      tiny.set(std::string("llama.") + key, value);
      EXPECT_TRUE(loads_and_runs(tiny)) << key << value;
    }
  }
  for (const char* architecture : {"llama", "gpt2"}) {
    TinyModel tiny = good(architecture);
    tiny.set("llama.attention.layer_norm_rms_epsilon", 1e-20);
    tiny.set("gpt2.attention.layer_norm_epsilon", 1e-20);
    for (TinyTensor& tensor : tiny.tensors) std::fill(tensor.data.begin(), tensor.data.end(), std::byte{0});
    EXPECT_TRUE(loads_and_runs(tiny)) << "nothing but zeros";
  }
  TinyModel tiny = good();
  tiny.set("llama.context_length", std::uint32_t{1} << 30);
  tiny.set("llama.attention.sliding_window", std::uint32_t{1} << 30);
  EXPECT_TRUE(loads_and_runs(tiny)) << "memory follows the tokens, not the context";
}

TEST(HostileLegal, KeysThatNobodyReads) {
  TinyModel tiny = good_with(TinyVocabulary::kSentencePiece);
  tiny.set("tokenizer.chat_template", std::string(1 << 20, '{') + "% for x in range(10**9) %}");
  tiny.set("tokenizer.chat_template.tool_use", std::uint32_t{7});
  tiny.set("tokenizer.chat_templates", GgufArray(std::vector<std::string>{"", "\xff"}));
  tiny.set("general.file_type", std::string("seven"));
  tiny.set("general.quantization_version", -1.0f);
  tiny.set("general.description", std::string("\0\x1b[2J\n", 6));
  tiny.set("llama.unheard_of", GgufArray(std::vector<double>(1000, std::nan(""))));
  tiny.set("mamba.block_count", std::uint32_t{0});
  tiny.set("LLAMA.BLOCK_COUNT", std::string("no"));
  tiny.set("llama.block_count.", std::int8_t{-1});
  tiny.set("tokenizer.ggml.padding_token_id", std::uint32_t{0xffffffff});
  tiny.set("tokenizer.huggingface.json", std::string(1 << 20, '['));
  EXPECT_TRUE(loads_and_runs(tiny));
}

TEST(HostileLegal, MergesThatMakeNoToken) {
  for (const char* odd : {"q z", "inq zz", "\xc4\xa0 \xc4\xa0", "a b c", "\xff \xfe", "  x"}) {
    TinyModel tiny = good_with(TinyVocabulary::kByteLevel);
    array<std::string>(tiny, "tokenizer.ggml.merges")[5] = odd;
    EXPECT_TRUE(loads_and_runs(tiny)) << odd;
    const Model model = load_tiny(tiny, KernelSet::kAuto, 1);
    const std::string text = "the inqzz qz  x, abc in\n";
    EXPECT_EQ(model.tokenizer().decode(model.tokenizer().encode(text)), text) << odd;
  }
}

/// Every special id on every token, of every type, still gives ids in range and text back.
TEST(HostileLegal, SpecialIdsAnywhere) {
  for (const TinyVocabulary vocabulary : {TinyVocabulary::kByteLevel, TinyVocabulary::kSentencePiece}) {
    for (const std::uint32_t id : {0u, 5u, 65u, 258u, 290u}) {
      TinyModel tiny = good_with(vocabulary);
      for (const char* key :
           {"bos", "eos", "eot", "eom", "unknown", "padding", "fim_pad", "fim_rep", "fim_sep"}) {
        tiny.set(std::string("tokenizer.ggml.") + key + "_token_id", id);
      }
      tiny.set("tokenizer.ggml.add_bos_token", true);
      tiny.set("tokenizer.ggml.add_eos_token", true);
      const Model model = load_tiny(tiny, KernelSet::kAuto, 1);
      const auto ids = model.tokenizer().encode("a\xff the end");
      EXPECT_EQ(ids.front(), static_cast<std::int32_t>(id));
      EXPECT_EQ(ids.back(), static_cast<std::int32_t>(id));
      EXPECT_TRUE(runs(model));
    }
  }
}

}  // namespace
}  // namespace garam::test
