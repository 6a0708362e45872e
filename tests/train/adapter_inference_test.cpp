// What training makes of adapters is what inference makes of them.
#include <gtest/gtest.h>

#include "train/runs.h"

namespace garam::test {
namespace {

TEST(TrainedAdapters, MakeTheBaseABetterModel) {
  for (const char* architecture : {"llama", "gpt2", "qwen2"}) {
    TinyRun run;
    run.begin_with(architecture, "f32");
    run.config.learning_rate = 2e-2;
    run.config.held_out_share = 0.05;
    run.config.lora = TrainLora{.rank = 5, .alpha = 8};
    const bool fused = std::string(architecture) == "gpt2";
    run.config.lora->targets = {fused ? "attn_qkv" : "attn_q", "attn_output", "ffn_up", "ffn_down"};
    run.run();

    const std::vector<Adapter> adapters = {{run.config.output}};
    const Model base = Model::load(run.config.base);
    const Model adapted = Model::load(run.config.base, {.adapters = adapters});
    merge_adapters(run.config.base, adapters, run.dir.file("merged.gguf"));
    const Model merged = Model::load(run.dir.file("merged.gguf"));
    const std::vector<std::int32_t> tokens = base.tokenizer().encode(sentences(1500), {});
    const auto of = [&](const Model& model) {
      return perplexity(model, tokens, {.chunk = 64}).perplexity.value;
    };
    EXPECT_LT(of(adapted), 0.9 * of(base)) << architecture;
    // The weights are f32: other roundings, nothing else.
    EXPECT_NEAR(of(merged), of(adapted), 1e-4 * of(adapted)) << architecture;
  }
}

}  // namespace
}  // namespace garam::test
